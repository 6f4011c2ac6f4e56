"""A backtest needs nothing that only paper, live, research or servers need."""

import json
from pathlib import Path

import pytest

from terminal import Terminal

pytestmark = pytest.mark.integration
HEAVY = (
    "ccxt", "sqlalchemy", "asyncpg", "redis", "fastapi", "uvicorn", "hmmlearn", "ray", "optuna", "pandas",
    "pyarrow", "scipy", "sklearn", "matplotlib", "talib", "hypothesis", "pytest",
)  # fmt: skip

PROGRAM = """
import json, sys
from agentic_trading.main import backtest
imported = sorted(sys.modules)
result = backtest(
    symbols=["BTC/USDT", "ETH/USDT:USDT"],
    settings={{"backtest.data_dir": {history!r}, "backtest.timerange": "20240301-20240303"}},
)
result.report("report.html")
print(json.dumps([imported, sorted(sys.modules), result.summary["fingerprint"]]))
"""


def test_backtest_imports_no_heavy_library(terminal: Terminal) -> None:
    """Neither importing the platform nor running and reporting a backtest loads any of them."""
    answer = terminal.script("-c", PROGRAM.format(history=str(terminal.history)))
    assert answer.code == 0, answer.err
    imported, after, fingerprint = json.loads(answer.out)
    assert "agentic_trading.main" in imported
    assert [name for name in after if name.partition(".")[0] in HEAVY] == []
    assert Path("report.html").stat().st_size > 10_000
    assert len(fingerprint) == 64


def test_help_is_quick_because_it_loads_little(terminal: Terminal) -> None:
    """Help loads neither the compiler nor the data frames."""
    program = "import sys; from agentic_trading.cli import run; run(['--help']); print(sorted(sys.modules))"
    loaded = terminal.script("-c", program).out
    assert "'click'" in loaded
    for library in ("numba", "polars", "pydantic"):
        assert f"'{library}'" not in loaded
