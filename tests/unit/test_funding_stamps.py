"""Funding stamps of a run: what is stored is settled, what is missing is counted and settled by nobody."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl
import pytest

from agentic_trading.backtester.replay import FundingStamp
from agentic_trading.backtester.timeline import build_timeline
from agentic_trading.core.enums import HOUR_NS, Timeframe
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.instruments import load_instrument
from agentic_trading.funding_stamps import funding_stamps
from market_files import START_MS, candle_frame

SYMBOL = "BTC/USDT:USDT"
START_NS = START_MS * 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    """Two days of hours of a perpetual, marks for the first day."""
    made = HistoryStore(tmp_path)
    made.write_candles("binance", SYMBOL, Timeframe.H1, candle_frame(48), "test")
    made.write_candles("binance", SYMBOL, Timeframe.H1, candle_frame(24), "test", kind="mark")
    return made


def stamps(
    store: HistoryStore, hours: Sequence[int], delisted_hour: int | None = None
) -> tuple[tuple[FundingStamp, ...], list[str]]:
    """Stamps and notes of a run over all candles, with rates stored at these hours."""
    if hours:
        rows = {"timestamp": [START_MS + hour * 3_600_000 for hour in hours], "rate": [0.0001] * len(hours)}
        store.write_funding("binance", SYMBOL, pl.DataFrame(rows), "test")
    delisted = None if delisted_hour is None else START_NS + delisted_hour * HOUR_NS
    rules = msgspec.structs.replace(load_instrument(store, "binance", SYMBOL), delisted_ns=delisted)
    timeline = build_timeline([store.read("binance", SYMBOL, Timeframe.H1)])
    return funding_stamps(store, "binance", {SYMBOL: rules}, timeline)


def test_complete_funding_is_settled_without_a_note(store: HistoryStore) -> None:
    """Every stored stamp is settled, on the mark where there is one; complete data needs no note but that."""
    found, notes = stamps(store, [8, 16, 24, 32, 40, 48])
    assert [(stamp.at_ns - START_NS) // HOUR_NS for stamp in found] == [8, 16, 24, 32, 40, 48]
    assert [stamp.mark is None for stamp in found] == [False, False, False, True, True, True]
    assert notes == [f"{SYMBOL}: 3 of 6 funding stamps have no mark price; the last close stands in."]


def test_missing_rates_are_counted_and_not_made_up(store: HistoryStore) -> None:
    """A rate that is not stored leaves no stamp behind, and a note says how many there are and from when."""
    found, notes = stamps(store, [8, 16, 32, 48])
    assert len(found) == 4
    assert notes[0] == (
        f"{SYMBOL}: 2 of 5 funding rates are missing, the first at 2021-01-02 00:00 UTC; "
        "nothing is paid or received at those times."
    )


def test_no_rates_at_all(store: HistoryStore) -> None:
    """Without a funding file nothing is settled, and that is said."""
    assert stamps(store, []) == (
        (), [f"{SYMBOL}: no funding rates are stored, so no funding is paid or received."]
    )  # fmt: skip


def test_nothing_is_settled_after_the_delisting(store: HistoryStore) -> None:
    """From its delisting on an instrument neither pays a stored rate nor misses one."""
    found, notes = stamps(store, [8, 16, 24, 32, 40, 48], delisted_hour=24)
    assert [(stamp.at_ns - START_NS) // HOUR_NS for stamp in found] == [8, 16]
    assert notes == []
