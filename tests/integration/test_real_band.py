"""The realism band through the worst months of the market, where real candles lie beside the repository."""

import json
import math
from typing import Any

import pytest

from market_files import REAL_DATA, needs_real_data
from terminal import Terminal

pytestmark = [pytest.mark.integration, pytest.mark.slow, needs_real_data]
MONTHS = ("20200301-20200401", "20210501-20210601", "20220501-20220601", "20221101-20221201")
NAMES = ("pessimistic", "base", "optimistic")


def numbers_in(value: Any) -> list[float]:
    """All numbers of a document, however deep."""
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers_in(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers_in(each)]
    return [value] if isinstance(value, int | float) else []


def test_nested_through_the_crashes(terminal: Terminal) -> None:
    """In the months of four crashes the band is nested and finite, and break-evens lie in range."""
    kinds = ("1h", "funding_8h", "mark_1h")
    files = [REAL_DATA / f"binance_usdm_BTC-USDT-PERP_{kind}.parquet" for kind in kinds]
    assert terminal("data", "import", *files).code == 0
    for month in MONTHS:
        ran = terminal(
            "backtest", "-p", "BTC/USDT:USDT", "-i", "1h", "--timerange", month, "--band", "--json"
        )
        assert ran.code == 0, ran.err
        summary = json.loads(ran.out)
        band = summary["band"]
        returns = [band[name]["total_return_ratio"] for name in NAMES]
        assert summary["counts"]["trades"] > 0
        assert returns == sorted(returns), month
        assert all(math.isfinite(number) for number in numbers_in(band))
        for name, value in (*band["break_even_bps"].items(), ("delay", band["break_even_delay_ms"])):
            assert (value is None) is (name in band["break_even_reasons"])
            assert value is None or 0 < value < (3_600_000 if name == "delay" else 100)
