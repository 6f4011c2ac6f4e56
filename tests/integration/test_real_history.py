"""Years of real candles through the command line, where they lie beside the repository."""

import json

import pytest

from market_files import REAL_DATA, needs_real_data
from terminal import Terminal

pytestmark = [pytest.mark.integration, pytest.mark.slow, needs_real_data]
YEARS = ("--timeframe", "1h", "--timerange", "20210101-20250501", "--json")
STRATEGIES = ("trend_following", "mean_reversion", "breakout")


def backtest(terminal: Terminal, *arguments: str) -> dict:
    """The summary of a run on real hours, verified to be reproducible."""
    ran = terminal("backtest", *arguments, *YEARS)
    assert ran.code == 0, ran.err
    summary = json.loads(ran.out)
    assert terminal("verify", "last").code == 0
    return summary


def test_spot(terminal: Terminal) -> None:
    """Three strategies trade three real symbols over four years, and the run can be reproduced."""
    files = sorted(REAL_DATA.glob("binance_spot_*_1h.parquet"))
    assert terminal("data", "import", *files).code == 0
    summary = backtest(terminal, "--symbols", "BTC/USDT,ETH/USDT,SOL/USDT")
    assert summary["exchange"] == "binance"
    assert summary["counts"]["candles"] > 3 * 37_000
    assert {name: part["trades"] > 0 for name, part in summary["per_strategy"].items()} == dict.fromkeys(
        STRATEGIES, True
    )
    assert all(part["trades"] > 0 for part in summary["per_symbol"].values())
    assert summary["costs"]["funding"] == 0.0


def test_perpetual(terminal: Terminal) -> None:
    """On the BTC perpetual funding is a cost line of its own, and it agrees with the funding table."""
    kinds = ("1h", "funding_8h", "mark_1h")
    files = [REAL_DATA / f"binance_usdm_BTC-USDT-PERP_{kind}.parquet" for kind in kinds]
    assert terminal("data", "import", *files).code == 0
    summary = backtest(terminal, "--symbols", "BTC/USDT:USDT")
    assert all(summary["per_strategy"][name]["trades"] > 0 for name in STRATEGIES)
    assert summary["costs"]["funding"] != 0.0
    assert summary["costs"]["fees"] > 0.0
    assert not any("no mark prices" in warning for warning in summary["warnings"])
