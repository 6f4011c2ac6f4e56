"""Whose history a run uses when none is named: the exchange that has it, else the sample market."""

from collections.abc import Sequence
from pathlib import Path

from agentic_trading.core.enums import DAY_NS, Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.history.manifest import SeriesKey
from agentic_trading.data.sample_market import PERPETUAL_SYMBOLS, SAMPLE_START_NS, SPOT_SYMBOLS
from agentic_trading.data.sample_store import DEFAULT_DAYS, EXCHANGE

REAL = ("binance", "bybit")


def exchange_for(
    root: Path, symbols: Sequence[str], timeframe: Timeframe, start_ns: int | None, end_ns: int | None
) -> str:
    """The exchange to read from: the one whose stored candles serve all symbols in the range.

    Without any, ``sample`` where its symbols and its period fit, else ``binance`` (whose error then names
    the download). Raises ConfigError if several exchanges could be meant.
    """
    store = HistoryStore(root)
    serving = [
        venue
        for venue in REAL
        if all(_serves(store, venue, symbol, timeframe, start_ns, end_ns) for symbol in symbols)
    ]
    if len(serving) > 1:
        raise ConfigError(
            f"{' and '.join(serving)} both have {', '.join(symbols)} in {root}: choose with --exchange"
        )
    if serving:
        return serving[0]
    return EXCHANGE if _sample_fits(symbols, start_ns, end_ns) else REAL[0]


def _serves(
    store: HistoryStore,
    venue: str,
    symbol: str,
    timeframe: Timeframe,
    start_ns: int | None,
    end_ns: int | None,
) -> bool:
    """Whether some stored timeframe divides the wanted one and has a candle in the range."""
    for stored in store.timeframes(venue, symbol):
        if timeframe.ns % stored.ns == 0:
            stamps = store.stamps(SeriesKey(venue, symbol, "candles", stored))
            after = True if start_ns is None else bool(stamps[-1] >= start_ns)
            before = True if end_ns is None else bool(stamps[0] < end_ns)
            if after and before:
                return True
    return False


def _sample_fits(symbols: Sequence[str], start_ns: int | None, end_ns: int | None) -> bool:
    known = {*SPOT_SYMBOLS, *PERPETUAL_SYMBOLS}
    ends = SAMPLE_START_NS + DEFAULT_DAYS * DAY_NS
    inside = (start_ns is None or start_ns < ends) and (end_ns is None or end_ns > SAMPLE_START_NS)
    return inside and all(symbol in known for symbol in symbols)
