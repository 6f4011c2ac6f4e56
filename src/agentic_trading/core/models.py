"""What the events are about: candles, instruments, positions; frozen values, no behaviour beyond reading."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from agentic_trading.core.enums import Direction, Market, MarketStatus, Timeframe
from agentic_trading.core.money import ONE

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def plain(column: npt.NDArray[Any]) -> Sequence[Any]:
    """A column (n,) whose elements read as plain Python numbers, one at a time, without a copy."""
    return column.data


OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
"""Row numbers in the ``bars`` matrix of `CandleColumns`."""


class Candle(msgspec.Struct, frozen=True, gc=False):
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

    def rows(self, low: int, high: int) -> "CandleColumns":
        """The rows ``low..high`` as columns of their own: views, not copies."""
        inside = self.starts[(self.starts > low) & (self.starts < high)] - low
        return CandleColumns(
            self.symbol, self.timeframe, self.open_ns[low:high], self.bars[:, low:high],
            self.filled[low:high], np.concatenate((np.zeros(min(1, high - low), dtype=np.int64), inside)),
        )  # fmt: skip


class CandleRows:
    """Hands out rows of columns as candles, each made when it is asked for."""

    __slots__ = ("_bars", "_filled", "_length", "_opens", "_symbol", "_timeframe")

    def __init__(self, columns: CandleColumns) -> None:
        self._symbol = columns.symbol
        self._timeframe = columns.timeframe
        self._length = columns.timeframe.ns
        self._opens = plain(columns.open_ns)
        self._bars = tuple([plain(bar) for bar in columns.bars])
        self._filled = plain(columns.filled) if columns.filled.any() else None  # mostly none is

    def at(self, row: int) -> Candle:
        """The candle of a row, in plain Python numbers."""
        opens, highs, lows, closes, volumes = self._bars
        open_ns, filled = self._opens[row], self._filled
        return Candle(
            self._symbol, self._timeframe, open_ns, open_ns + self._length,
            opens[row], highs[row], lows[row], closes[row], volumes[row],
            False if filled is None else filled[row],
        )  # fmt: skip


def candle_at(columns: CandleColumns, row: int) -> Candle:
    """One row of the columns as a candle."""
    return CandleRows(columns).at(row)


class MarginTier(msgspec.Struct, frozen=True):
    """One step of a perpetual's margin table: what a position of this size must keep, and may borrow.

    ``floor`` and ``cap`` bound the notional in quote currency (no cap: the last step is open). A position
    of notional N keeps ``N * maintenance_ratio - deduction``; the deduction ("maintenance amount" at
    Binance, "maintenance margin deduction" at Bybit) makes the steps meet at their borders.
    """

    floor: Decimal
    cap: Decimal | None
    maintenance_ratio: Decimal
    deduction: Decimal
    max_leverage: Decimal


class PriceBand(msgspec.Struct, frozen=True):
    """How far through the market an order may be priced, as multiples of the venue's reference price.

    A buy may not be above reference * ``up``, a sell not below reference * ``down``.
    """

    down: Decimal
    up: Decimal


class Halt(msgspec.Struct, frozen=True):
    """A time in which the venue took no orders: from ``from_ns``, before ``until_ns`` (None: not ended)."""

    from_ns: int
    until_ns: int | None = None


class Instrument(msgspec.Struct, frozen=True, omit_defaults=True):
    """What can be traded and under which rules; symbols are ccxt unified ones.

    ``tick`` and ``lot`` are the price and quantity steps, ``min_notional`` is in quote currency. All
    quantities are in base currency: ``contract_size`` is only what the venue calls one contract. Rules
    that are None or empty are not known. ``liquidation_fee_ratio`` is a share of the notional.
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
    max_quantity: Decimal | None = None
    max_market_quantity: Decimal | None = None
    price_band: PriceBand | None = None
    contract_size: Decimal = ONE
    tiers: tuple[MarginTier, ...] = ()
    liquidation_fee_ratio: Decimal | None = None
    funding_interval_ns: int | None = None
    delisted_ns: int | None = None
    halts: tuple[Halt, ...] = ()

    @property
    def can_short(self) -> bool:
        return self.market is Market.LINEAR

    def status_at(self, at_ns: int) -> MarketStatus:
        """Whether orders are taken at a time; from ``delisted_ns`` on nothing is, for good."""
        if self.delisted_ns is not None and at_ns >= self.delisted_ns:
            return MarketStatus.DELISTED
        for halt in self.halts:
            if halt.from_ns <= at_ns and (halt.until_ns is None or at_ns < halt.until_ns):
                return MarketStatus.HALTED
        return MarketStatus.TRADING


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
