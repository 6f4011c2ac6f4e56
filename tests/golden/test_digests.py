"""The committed digests: what ran yesterday runs today, on this machine and on others, to the last bit."""

import json
import os
from pathlib import Path

import pytest

from agentic_trading.data.sample_store import ensure_sample
from golden_runs import DIGESTS, RUNS, SAMPLE, digest_of, sample_digest
from other_machine import OTHER_MACHINES, run_elsewhere

pytestmark = pytest.mark.golden
REVIEW = "review what moved with: python tests/golden/update.py"
GOLDEN = json.loads(DIGESTS.read_text("utf-8"))
OTHER_PYTHONS = [each for each in os.environ.get("TRADING_OTHER_PYTHONS", "").split(os.pathsep) if each]
"""Paths of interpreters with the locked packages installed, as in PATH."""

PROGRAM = """
import sys
from golden_runs import main
sys.argv[1:] = {names!r}
main()
"""
QUICK = ["every strategy on 15m candles"]


def test_nothing_is_missing() -> None:
    """Every run and market that has a name has a committed digest, and no digest is left over."""
    assert list(GOLDEN) == [*SAMPLE, *RUNS]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if seed != 7 else name for name, seed in SAMPLE.items()],
)
def test_sample_market(name: str) -> None:
    """A seed gives the sample market it always gave."""
    assert sample_digest(name) == GOLDEN[name], REVIEW


@pytest.mark.parametrize("name", RUNS)
def test_run(name: str, sample_history: Path) -> None:
    """A run makes the decisions, fills and equity rows it always made."""
    assert digest_of(name, sample_history) == GOLDEN[name], REVIEW


@pytest.mark.parametrize("name", RUNS)
def test_golden_runs_trade(name: str) -> None:
    """A digest worth keeping is of a run with fills and trades, and with funding where there is any."""
    assert GOLDEN[name]["fills"] > 15
    assert GOLDEN[name]["trades"] > 5
    assert bool(GOLDEN[name]["funding"]) == any(":USDT" in argument for argument in RUNS[name])


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("machine", OTHER_MACHINES)
def test_other_machines(machine: str, sample_history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash seed, time zone, thread counts, CPU features and a missing compiler change no digest."""
    ensure_sample(sample_history)  # without a compiler that would take minutes
    monkeypatch.setenv("GOLDEN_HISTORY", str(sample_history))
    names = QUICK if machine == "no_compiler" else list(RUNS)
    found = json.loads(run_elsewhere(PROGRAM.format(names=names), machine))
    assert found == {name: GOLDEN[name] for name in names}


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("python", OTHER_PYTHONS)
def test_other_pythons(python: str, sample_history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another supported Python with the locked libraries makes the same runs."""
    monkeypatch.setenv("GOLDEN_HISTORY", str(sample_history))
    found = json.loads(run_elsewhere(PROGRAM.format(names=list(RUNS)), "here", python))
    assert found == {name: GOLDEN[name] for name in RUNS}
