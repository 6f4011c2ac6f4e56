"""The benchmarks measure what they say: the data is fixed, and no way of stepping changes a result."""

import importlib
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
    """On 8,000 candles W1 trades, and has one fingerprint however replay steps, short cuts or not."""
    figures = {}
    for step in ("auto", "every", "bus"):
        work = workloads.Work("W1", "", rows=8_000, step=step)
        workloads.prepare(work, tmp_path)
        figures[step] = workloads.run(work, tmp_path)
    auto, every = figures["auto"], figures["every"]
    assert auto["fills"] > 100
    assert auto["wake_rows"] < every["wake_rows"]
    for key in ("fingerprint", "fills", "trades", "final_equity"):
        assert auto[key] == every[key] == figures["bus"][key], key


@pytest.mark.slow
def test_a_sweep_counts_every_set(
    workloads: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W3 runs each set of its grid once, and its worth is that of the same runs one by one."""
    work = workloads.Work("W3", "", kind="sweep", rows=4_000)
    small = {"ema_cross.fast": [5, 7], "ema_cross.slow": [26]}
    sweep = importlib.import_module("sweep")
    monkeypatch.setattr(sweep, "GRID", small)
    workloads.prepare(work, tmp_path)
    figures = sweep.sweep(work, tmp_path)
    assert figures["candles"] == 2 * work.rows
    alone = sweep._evaluation(work, tmp_path)
    metrics = [alone({"ema_cross.fast": fast, "ema_cross.slow": 26})["metrics"] for fast in (5, 7)]
    assert figures["trades"] == sum(each["trades"] for each in metrics) > 0
    mean_profit = sum(each["net_profit"] for each in metrics) / 2
    assert figures["final_equity"] == round(1_000_000 + mean_profit, 2)


def line(engine: str, workload: str, **figures: float | str) -> dict[str, float | str]:
    """What a run of the benchmarks says."""
    return {"engine": engine, "workload": workload, **figures}


@pytest.fixture
def goals(workloads: ModuleType) -> ModuleType:
    """The module that compares figures with goals."""
    return importlib.import_module("goals")


def test_goals_come_from_the_peers_of_the_run(goals: ModuleType) -> None:
    """The fastest event-driven peer and vectorbt of the same run set the goal; a slower peer does not."""
    lines = [
        line(goals.OURS, "W1", candles_per_s=90.0),
        line(goals.OURS, "W1", candles_per_s=130.0),
        line("backtesting.py", "W1", candles_per_s=20.0),
        line("backtrader", "W1", candles_per_s=1.0),
        line("Jesse", "W1", error="it broke"),
        line("vectorbt (not event-driven)", "W1", candles_per_s=500.0),
    ]
    (goal,) = goals.goals(lines)
    assert goal[:5] == ("W1", "120/s", "500/s", "110/s", "no")
    assert goal.against == "must 6 x backtesting.py 20; aim 1 x vectorbt (not event-driven) 500"


def test_recorded_figures_stand_in(goals: ModuleType) -> None:
    """Where no peer ran, the goal comes from recorded figures and says so."""
    (goal,) = goals.goals([line(goals.OURS, "W3", candles_per_s=3_000_000.0)])
    assert goal[:5] == ("W3", "2,765,147/s", "16,590,882/s", "3,000,000/s", "must")
    assert goal.against.count("recorded earlier") == 2


def test_growth_is_measured_between_the_ends(goals: ModuleType) -> None:
    """Memory per candle is the difference of the peaks over that of the candles, less the data itself."""
    lines = [
        line(goals.OURS, "W4-50k", candles=50_000, us_per_candle=1.0, peak_rss_mb=100.0),
        line(
            goals.OURS,
            "W4-2M",
            candles=2_000_000,
            us_per_candle=1.2,
            peak_rss_mb=100.0 + 168 * 1.95e6 / 2**20,
        ),
    ]
    time, memory = goals.goals(lines)
    assert (time.ours, time.reached) == ("1.20 x", "must")
    assert (memory.ours, memory.reached) == ("120 B", "must")


def test_what_must_be_equal_is_said(goals: ModuleType) -> None:
    """Fingerprints of both ways of stepping and final equities are compared, and differences shown."""
    lines = [
        line(goals.OURS, "W1", final_equity=5.0, fingerprint="aa"),
        line(goals.OURS, "every", final_equity=5.0, fingerprint="bb"),
        line("backtesting.py", "W1", final_equity=5.0),
        line("backtrader", "W1", final_equity=7.5),
    ]
    prints, equity = goals.agreements(lines)
    assert "DIFFERENT" in prints
    assert equity == "W1 ends with 5.00; others: backtesting.py equal to the cent, backtrader +2.50"
    lines[1]["fingerprint"] = "aa"
    assert "the same" in goals.agreements(lines)[0]


def test_who_must_agree_is_held_to_the_cent(goals: ModuleType) -> None:
    """An engine that fills as ours does may differ by a cent and must have an answer; others may differ."""
    lines = [
        line(goals.OURS, "W1", final_equity=916_593.43, trades=8_909),
        line("backtesting.py", "W1", final_equity=916_593.434, trades=8_909),
        line("vectorbt (not event-driven)", "W1", final_equity=916_593.45, trades=8_909),
        line("Jesse", "W1", error="it broke"),
        line("Freqtrade", "W1", final_equity=900_000.0, trades=8_000),
        line("backtrader", "W2", final_equity=1.0),  # ours was not run on it
    ]
    found = goals.comparisons(lines)
    assert {each.engine: each.agrees for each in found} == {
        goals.OURS: True, "backtesting.py": True, "vectorbt (not event-driven)": False, "Jesse": False,
        "Freqtrade": True,
    }  # fmt: skip
    assert [each.said for each in found[1:]] == ["equal to the cent", "+0.02", "no figures", "-16,593.43"]
