"""What only the venue of a run sees: mark prices, and candles finer than those that strategies decide on."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from agentic_trading.backtester.timeline import MarketRows, Ranges, Timeline
from agentic_trading.core.enums import Market, Timeframe
from agentic_trading.core.errors import ConfigError, MissingData
from agentic_trading.core.models import HIGH, LOW, CandleColumns, Instrument
from agentic_trading.data.history import HistoryStore
from agentic_trading.simulation.mark import Marks, MarkSeries


class VenuePrices(msgspec.Struct, frozen=True, eq=False):
    """Mark candles and finer candles of a run's symbols, as far as they are stored.

    ``marks`` have the timeframe of the replay, ``detail_marks`` that of ``detail``; all by symbol.
    """

    marks: Mapping[str, CandleColumns]
    detail: Mapping[str, CandleColumns]
    detail_marks: Mapping[str, CandleColumns]

    def digest(self) -> bytes:
        """SHA-256 of all prices; empty if there are none."""
        columns = [*self.marks.values(), *self.detail.values(), *self.detail_marks.values()]
        if not columns:
            return b""
        digest = hashlib.sha256()
        for each in columns:
            digest.update(f"{each.symbol} {each.timeframe}".encode())
            digest.update(each.open_ns.tobytes())
            digest.update(each.bars.tobytes())
            digest.update(each.filled.tobytes())
        return digest.digest()


def read_venue_prices(
    store: HistoryStore,
    venue: str,
    instruments: Mapping[str, Instrument],
    timeline: Timeline,
    detail: Timeframe | None,
) -> VenuePrices:
    """Read what is stored for the time of a replay.

    Raises ConfigError if ``detail`` is not finer than the replay's timeframe or does not divide it.
    """
    base = timeline.timeframe
    if detail is not None and (detail.ns >= base.ns or base.ns % detail.ns):
        raise ConfigError(
            f"backtest.detail_timeframe: {detail} does not divide the candles of {base}; "
            "choose a finer one that does, such as 1m."
        )
    spans = {each.symbol: (int(each.open_ns[0]), int(each.close_ns[-1])) for each in timeline.columns}

    def stored(symbol: str, timeframe: Timeframe, *, mark: bool) -> CandleColumns | None:
        # A flat stand-in would hide what the coarser candle tells of that time: a low that met a stop.
        finer = timeframe is not base and not mark
        read = store.read_mark if mark else store.read
        try:
            return read(venue, symbol, timeframe, *spans[symbol], max_fill=0 if finer else 1)
        except (MissingData, ConfigError):
            return None

    def all_of(symbols: Iterable[str], timeframe: Timeframe, *, mark: bool) -> dict[str, CandleColumns]:
        found = {symbol: stored(symbol, timeframe, mark=mark) for symbol in symbols}
        return {symbol: columns for symbol, columns in found.items() if columns is not None}

    perpetuals = [symbol for symbol, rules in instruments.items() if rules.market is Market.LINEAR]
    marks = all_of(perpetuals, base, mark=True)
    if detail is None:
        return VenuePrices(marks, {}, {})
    finer = all_of(instruments, detail, mark=False)
    if not finer:
        raise MissingData(
            f"no candles of {detail} are stored for {', '.join(instruments)} in this time: "
            f"run `agentic-trading data download --timeframe {detail}`, or leave out --detail-timeframe"
        )
    shown = [symbol for symbol in perpetuals if symbol in finer]
    return VenuePrices(marks, finer, all_of(shown, detail, mark=True))


def marks_of(timeline: Timeline, prices: VenuePrices) -> Marks:
    """The mark prices over the traded candles of a run, with the last price where there is none."""
    traded = [each for each in timeline.columns if ":" in each.symbol]
    series = [MarkSeries(each, prices.marks.get(each.symbol)) for each in traded]
    finer = [
        MarkSeries(prices.detail[each.symbol], prices.detail_marks.get(each.symbol))
        for each in traded
        if each.symbol in prices.detail
    ]
    return Marks(*series, *finer)


def notes_on_marks(timeline: Timeline, prices: VenuePrices, marks: Marks) -> list[str]:
    """Say where the last price stands in for the mark price, over candles of the replay and finer ones."""
    notes = []
    for columns in (*timeline.columns, *prices.detail.values()):
        series = marks.series(columns.symbol, columns.timeframe)
        if series is not None and series.lacking:
            lacking = f"{series.lacking} of {len(columns)} {columns.timeframe} candles"
            notes.append(
                f"{columns.symbol}: {lacking} have no mark price; "
                "the last price stands in for margin and liquidation."
            )
    return notes


def market_rows(timeline: Timeline, prices: VenuePrices, marks: Marks) -> MarketRows:
    """How far the prices that orders and positions meet reach, row by row."""
    reach: dict[str, Ranges] = {}
    marked: dict[str, Ranges] = {}
    for columns in timeline.columns:
        symbol, own = columns.symbol, (columns.bars[HIGH], columns.bars[LOW])
        finer = prices.detail.get(symbol)
        if finer is not None:
            reach[symbol] = _widened(columns, own, finer, (finer.bars[HIGH], finer.bars[LOW]))
        series = marks.series(symbol, columns.timeframe)
        if series is None:
            continue
        marked[symbol] = (series.highs, series.lows)
        below = marks.series(symbol, finer.timeframe) if finer is not None else None
        if finer is not None and below is not None:
            marked[symbol] = _widened(columns, marked[symbol], finer, (below.highs, below.lows))
    return MarketRows(timeline, reach, marked)


def _widened(coarse: CandleColumns, own: Ranges, finer: CandleColumns, inside: Ranges) -> Ranges:
    """Highs and lows of coarse candles (n,), widened by those of the finer ones within them."""
    rows = np.searchsorted(coarse.open_ns, finer.open_ns, side="right") - 1
    within = (rows >= 0) & (finer.close_ns <= coarse.close_ns[rows])
    highs, lows = own[0].copy(), own[1].copy()
    np.maximum.at(highs, rows[within], inside[0][within])
    np.minimum.at(lows, rows[within], inside[1][within])
    return highs, lows
