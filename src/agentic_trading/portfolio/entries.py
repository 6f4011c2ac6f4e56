"""How open positions came about: entry time and price, extremes since, for ``ctx.entry``."""

from collections.abc import Iterable
from decimal import Decimal

from agentic_trading.core.events import CandlesClosed, Event, Fill, LiquidationPosted
from agentic_trading.core.interfaces import WorkingView
from agentic_trading.core.models import Entry
from agentic_trading.portfolio.ledger import Ledger


class Entries:
    """Agent ``entries``: follows each open sub-book from its first fill to its last."""

    name = "entries"
    reads = ("ledger", "orders")
    emits: tuple[type[Event], ...] = ()

    def __init__(self, ledger: Ledger, working: WorkingView) -> None:
        self._ledger = ledger
        self._working = working
        self._open: dict[tuple[str, str], list[float]] = {}
        self._at: dict[tuple[str, str], int] = {}
        self._held: dict[tuple[str, str], Decimal] = {}

    def react(self, event: Fill | LiquidationPosted | CandlesClosed) -> Iterable[Event]:
        if isinstance(event, Fill):
            self._fill(event)
        elif isinstance(event, LiquidationPosted):
            self._fill(event.fill)
        else:
            self._follow(event)
        return ()

    def entry(self, strategy: str, symbol: str) -> Entry | None:
        """The open position's entry; None while flat."""
        key = (strategy, symbol)
        extremes = self._open.get(key)
        if extremes is None:
            return None
        book = self._ledger.position(strategy, symbol)
        stop = self._working.protective_stop(strategy, symbol)
        return Entry(
            at_ns=self._at[key],
            price=float(book.cost) / float(book.quantity),
            high=extremes[0],
            low=extremes[1],
            stop=None if stop is None or stop.terms.stop_price is None else float(stop.terms.stop_price),
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols on which some position is open."""
        return tuple(dict.fromkeys(symbol for _, symbol in self._open))

    def stretch(self, symbol: str, high: float, low: float) -> None:
        """Take candles into account that were skipped: their highest high and lowest low."""
        for (_, held), extremes in self._open.items():
            if held == symbol:
                extremes[0] = max(extremes[0], high)
                extremes[1] = min(extremes[1], low)

    def _fill(self, fill: Fill) -> None:
        key = (fill.strategy, fill.symbol)
        quantity = self._ledger.position(*key).quantity
        if not quantity:
            self._open.pop(key, None)
            self._at.pop(key, None)
        elif key not in self._open or (quantity > 0) != (self._held[key] > 0):
            price = float(fill.price)
            self._open[key] = [price, price]
            self._at[key] = fill.at_ns
        self._held[key] = quantity

    def _follow(self, event: CandlesClosed) -> None:
        if not self._open:
            return
        for candle in event.candles:
            self.stretch(candle.symbol, candle.high, candle.low)
