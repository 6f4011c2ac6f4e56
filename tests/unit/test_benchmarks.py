"""The benchmarks measure what they say: the data is fixed, and no way of stepping changes a result."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

FIRST_CANDLES = [
    [50000.0, 50010.67, 49981.93, 50007.62, 8.617],
    [50007.62, 50016.1, 49980.34, 49981.62, 9.696],
    [49981.62, 50007.7, 49977.54, 50000.38, 14.737],
]
WALK_SHA256 = "d54046c18381f1a89af5ba33710fe1554424d80f8b91094ef51eb8b18136bbb2"
"""Of the first 20,000 candles."""


@pytest.fixture
def walk_data(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that makes the candles."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import walk_data

    return walk_data


@pytest.fixture
def workloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module that runs the work, in a folder without settings of its own."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.chdir(tmp_path)
    import workloads

    return workloads


def test_the_walk_is_the_same_everywhere(walk_data: ModuleType) -> None:
    """The candles of a seed do not change, so that figures of different days and engines can be compared."""
    bars = walk_data.random_walk(20_000)
    assert bars[:, :3].T.tolist() == FIRST_CANDLES
    assert walk_data.digest(bars) == WALK_SHA256


def test_a_longer_walk_starts_with_the_shorter(walk_data: ModuleType) -> None:
    """Growth is measured on longer and longer pieces of one market, of sound candles that do not gap."""
    short, long = walk_data.random_walk(500), walk_data.random_walk(2_000)
    assert np.array_equal(long[:, :500], short)
    opens, highs, lows, closes, volumes = long
    assert np.array_equal(opens[1:], closes[:-1])
    assert (highs >= np.maximum(opens, closes)).all()
    assert (lows <= np.minimum(opens, closes)).all()
    assert (volumes > 0).all()


def test_stepping_changes_no_benchmark_result(workloads: ModuleType, tmp_path: Path) -> None:
    """On 20,000 candles W1 trades, and has one fingerprint whether replay jumps or looks at every row."""
    figures = {}
    for step in ("auto", "every"):
        work = workloads.Work("W1", "", rows=20_000, step=step)
        workloads.prepare(work, tmp_path)
        figures[step] = workloads.run(work, tmp_path)
    auto, every = figures["auto"], figures["every"]
    assert auto["fills"] > 100
    assert auto["wake_rows"] < every["wake_rows"]
    for key in ("fingerprint", "fills", "trades", "final_equity"):
        assert auto[key] == every[key], key
