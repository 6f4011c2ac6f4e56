"""Jumping to the next row that matters and looking at every row are one run."""

import json
from pathlib import Path

import pytest

from gappy_market import full_run, gappy_market
from terminal import Terminal

SIZES = {"simulation.slippage": "volatility", "portfolio.sizing.method": "volatility_target"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        pytest.param(SIZES, marks=pytest.mark.slow),
        {"simulation.fills": "next_open"},
        pytest.param({"simulation.latency_ms": "60000"}, marks=pytest.mark.slow),
    ],
)
def test_every_row_decides_the_same(changes: dict[str, str], tmp_path: Path) -> None:
    """Over gaps, spot and perpetual, `--step every` looks at more rows and leaves the fingerprint alone."""
    gappy_market().write(tmp_path)
    auto = full_run(**changes).summary
    every = gappy_market().run(tmp_path, **changes, **{"backtest.step": "every"}).summary
    assert every["fingerprint"] == auto["fingerprint"]
    assert auto["counts"]["wake_rows"] < every["counts"]["wake_rows"]


@pytest.mark.slow
def test_every_row_from_the_command_line(terminal: Terminal) -> None:
    """The flag does what the setting does: same fingerprint, every row looked at."""
    auto, every = (json.loads(terminal.backtest("--json", "--step", step).out) for step in ("auto", "every"))
    assert every["fingerprint"] == auto["fingerprint"]
    assert every["counts"]["wake_rows"] == every["counts"]["candles"]
