"""How open positions came about: entry time and price, extremes since, for ``ctx.entry``."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

import msgspec

from agentic_trading.core.enums import Direction
from agentic_trading.core.events import CandlesClosed, Event, Fill, LiquidationPosted
from agentic_trading.core.interfaces import Reacting, Reactions, WorkingView
from agentic_trading.core.models import Entry
from agentic_trading.portfolio.ledger import Ledger


class UnseenCandles(Protocol):
    """The candles of rows that nobody shows."""

    def extremes(self, symbol: str, start: int, stop: int) -> tuple[float, float]:
        """Highest high and lowest low of a symbol in rows ``start..stop``."""
        ...


class _Since(msgspec.Struct, gc=False):
    """An entry: when, which way and at what price; the extremes since, up to which unseen row they reach.

    The extremes are those of candles only: many entries are never asked about, so nobody reads the price.
    """

    at_ns: int
    direction: Direction
    price: Decimal
    row: int
    high: float = float("-inf")
    low: float = float("inf")

    def stretch(self, high: float, low: float) -> None:
        self.high, self.low = max(self.high, high), min(self.low, low)


class Entries(Reacting):
    """Agent ``entries``: follows each open sub-book from its first fill to its last.

    A replay that skips candles says with `unseen` how far it is; their extremes are looked up when
    somebody asks for an entry.
    """

    name = "entries"
    reads = ("ledger", "orders")
    emits: tuple[type[Event], ...] = ()

    def __init__(self, ledger: Ledger, working: WorkingView) -> None:
        self._ledger = ledger
        self._held = ledger.held
        self._working = working
        self._open: dict[tuple[str, str], _Since] = {}
        self._market: UnseenCandles | None = None
        self._row = 0

    @property
    def reactions(self) -> Reactions:
        return {
            Fill: self._fill,
            LiquidationPosted: self._liquidated,
            CandlesClosed: self._follow,
        }

    def entry(self, strategy: str, symbol: str) -> Entry | None:
        """The open position's entry; None while flat."""
        since = self._open.get((strategy, symbol))
        if since is None:
            return None
        if self._market is not None and since.row < self._row:
            since.stretch(*self._market.extremes(symbol, since.row, self._row))
            since.row = self._row
        book, filled = self._ledger.position(strategy, symbol), float(since.price)
        stop = self._working.protective_stop(strategy, symbol)
        return Entry(
            at_ns=since.at_ns,
            price=float(book.cost) / float(book.quantity),
            high=max(filled, since.high),
            low=min(filled, since.low),
            stop=None if stop is None or stop.terms.stop_price is None else float(stop.terms.stop_price),
        )

    def unseen(self, market: UnseenCandles, stop: int) -> None:
        """The candles of all rows before ``stop`` have closed, whether or not they were shown."""
        self._market, self._row = market, stop

    def begin(self, key: tuple[str, str], at_ns: int, price: Decimal) -> None:
        """A position has begun at this price, or ended, by now; ``key`` as in the books."""
        book = self._held.get(key)
        if book is None:
            self._open.pop(key, None)
        else:
            self._open[key] = _Since(at_ns, book.direction, price, self._row)

    def _fill(self, fill: Fill) -> Iterable[Event]:
        key = (fill.strategy, fill.symbol)
        since, book = self._open.get(key), self._held.get(key)
        if since is None or book is None or since.direction is not book.direction:
            self.begin(key, fill.at_ns, fill.price)
        return ()

    def _liquidated(self, posted: LiquidationPosted) -> Iterable[Event]:
        return self._fill(posted.fill)

    def _follow(self, event: CandlesClosed) -> Iterable[Event]:
        if self._open and self._market is None:  # a replay that skips has told it already
            for candle in event.candles:
                for (_, symbol), since in self._open.items():
                    if symbol == candle.symbol:
                        since.stretch(candle.high, candle.low)
        return ()
