"""What the events are about: candles, instruments, positions; frozen values, no behaviour beyond reading."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from agentic_trading.core.enums import Direction, Market, Timeframe

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def plain(column: npt.NDArray[Any]) -> Sequence[Any]:
    """A column (n,) whose elements read as plain Python numbers, one at a time, without a copy."""
    return column.data


OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
"""Row numbers in the ``bars`` matrix of `CandleColumns`."""


class Candle(msgspec.Struct, frozen=True):
    """One closed candle of one symbol; ``close_ns`` is the first instant at which it is known."""

    symbol: str
    timeframe: Timeframe
    open_ns: int
    close_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    filled: bool = False
    """True for a flat candle that stands in for a missing one (volume 0)."""


class CandleColumns(msgspec.Struct, frozen=True, eq=False):
    """The candles of one symbol and timeframe as columns, sorted and unique.

    ``bars`` is float64 of shape (5, n), rows open, high, low, close, volume. ``open_ns`` has shape
    (n,). ``starts`` are the rows at which an unbroken stretch begins (always includes 0 when n > 0):
    features start afresh there.
    """

    symbol: str
    timeframe: Timeframe
    open_ns: IntArray
    bars: FloatArray
    filled: BoolArray
    starts: IntArray

    def __len__(self) -> int:
        return int(self.open_ns.shape[0])

    @property
    def close_ns(self) -> IntArray:
        """Close time of every row, shape (n,)."""
        return self.open_ns + self.timeframe.ns


def candle_at(columns: CandleColumns, row: int) -> Candle:
    """One row of the columns as a candle."""
    first, high, low, last, volume = columns.bars[:, row].tolist()
    open_ns = int(columns.open_ns[row])
    close_ns = open_ns + columns.timeframe.ns
    filled = bool(columns.filled[row])
    return Candle(
        columns.symbol, columns.timeframe, open_ns, close_ns, first, high, low, last, volume, filled
    )


class Instrument(msgspec.Struct, frozen=True):
    """What can be traded and under which rules; symbols are ccxt unified ones.

    ``tick`` and ``lot`` are the price and quantity steps, ``min_notional`` is in quote currency.
    """

    venue: str
    symbol: str
    market: Market
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    min_notional: Decimal

    @property
    def can_short(self) -> bool:
        return self.market is Market.LINEAR


class Position(msgspec.Struct, frozen=True):
    """A signed holding with its cost; ``average_price`` is for reading, books keep ``cost``."""

    quantity: Decimal
    average_price: Decimal

    @property
    def direction(self) -> Direction:
        if not self.quantity:
            return Direction.FLAT
        return Direction.LONG if self.quantity > 0 else Direction.SHORT


class Entry(msgspec.Struct, frozen=True):
    """How the open position of a (strategy, symbol) came about, as the platform saw it.

    ``high`` and ``low`` are the extremes of the closed candles since the entry, entry price included.
    """

    at_ns: int
    price: float
    high: float
    low: float
    stop: float | None
