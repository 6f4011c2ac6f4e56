"""Funding of a run's perpetuals: rates at their stamps, with the mark price each is settled on."""

from collections.abc import Mapping

import numpy as np

from agentic_trading.backtester.replay import FundingStamp
from agentic_trading.backtester.timeline import Timeline
from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Market
from agentic_trading.core.errors import MissingData
from agentic_trading.core.models import CLOSE, Instrument, IntArray
from agentic_trading.data.funding_gaps import missing_stamps
from agentic_trading.data.history import HistoryStore


def funding_stamps(
    store: HistoryStore, venue: str, instruments: Mapping[str, Instrument], timeline: Timeline
) -> tuple[tuple[FundingStamp, ...], list[str]]:
    """Funding stamps of all perpetuals in the range, with the mark price where mark candles are stored.

    A rate that is not stored is neither zero nor the last one: nothing is settled at its time, and the
    notes count them. After an instrument's delisting nothing is settled either.
    """
    stamps: list[FundingStamp] = []
    notes: list[str] = []
    start_ns = int(timeline.close_ns[0]) - timeline.timeframe.ns
    end_ns = int(timeline.close_ns[-1]) + 1
    for symbol, instrument in instruments.items():
        if instrument.market is not Market.LINEAR:
            continue
        last_ns = end_ns if instrument.delisted_ns is None else min(end_ns, instrument.delisted_ns)
        try:
            at_ns, rates = store.read_funding(venue, symbol, start_ns, last_ns)
        except MissingData:
            notes.append(f"{symbol}: no funding rates are stored, so no funding is paid or received.")
            continue
        notes += _holes(instrument, timeline, at_ns, last_ns)
        marks, note = _marks(store, venue, symbol, at_ns)
        notes += note
        stamps += [
            FundingStamp(at, symbol, rate, marks.get(at))
            for at, rate in zip(at_ns.tolist(), rates.tolist(), strict=True)
        ]
    return tuple(sorted(stamps, key=lambda stamp: (stamp.at_ns, stamp.symbol))), notes


def _holes(instrument: Instrument, timeline: Timeline, at_ns: IntArray, last_ns: int) -> list[str]:
    """How many rates are missing while the symbol has candles."""
    own = timeline.columns[timeline.symbols.index(instrument.symbol)]
    first_ns, end_ns = int(own.open_ns[0]), min(last_ns, int(own.close_ns[-1]))
    missing = missing_stamps(at_ns.tolist(), first_ns, end_ns, instrument.funding_interval_ns)
    if not missing:
        return []
    due = len(missing) + int(np.count_nonzero((at_ns > first_ns) & (at_ns < end_ns)))
    text = f"{instrument.symbol}: {len(missing)} of {due} funding rates are missing, the first at "
    return [f"{text}{iso(missing[0])[:16]} UTC; nothing is paid or received at those times."]


def _marks(
    store: HistoryStore, venue: str, symbol: str, at_ns: IntArray
) -> tuple[dict[int, float], list[str]]:
    """Mark price at each stamp: the close of the mark candle that ends there."""
    frames = store.timeframes(venue, symbol, "mark")
    if not frames or not len(at_ns):
        return {}, [f"{symbol}: no mark prices are stored; funding is reckoned on the last close instead."]
    candles = store.read_mark(venue, symbol, frames[0])
    rows = np.searchsorted(candles.close_ns, at_ns)
    rows[rows == len(candles)] = 0
    found = candles.close_ns[rows] == at_ns
    closes = candles.bars[CLOSE, rows]
    lacking = len(at_ns) - int(np.count_nonzero(found))
    note = f"{symbol}: {lacking} of {len(at_ns)} funding stamps have no mark price; the last close stands in."
    return {
        at: mark
        for at, mark, there in zip(at_ns.tolist(), closes.tolist(), found.tolist(), strict=True)
        if there
    }, [note] if lacking else []
