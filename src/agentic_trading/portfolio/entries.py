"""How open positions came about: entry time and price, extremes since, for ``ctx.entry``."""

from collections.abc import Iterable

from agentic_trading.core.enums import Side
from agentic_trading.core.events import CandlesClosed, Event, Fill
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

    def react(self, event: Fill | CandlesClosed) -> Iterable[Event]:
        if isinstance(event, Fill):
            self._fill(event)
        else:
            self._stretch(event)
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

    def _fill(self, fill: Fill) -> None:
        key = (fill.strategy, fill.symbol)
        quantity = self._ledger.position(*key).quantity
        if not quantity:
            self._open.pop(key, None)
            self._at.pop(key, None)
        elif key not in self._open or (quantity > 0) != (self._ledger_before(fill) > 0):
            price = float(fill.price)
            self._open[key] = [price, price]
            self._at[key] = fill.at_ns

    def _ledger_before(self, fill: Fill) -> float:
        after = self._ledger.position(fill.strategy, fill.symbol).quantity
        return float(after - fill.quantity if fill.side is Side.BUY else after + fill.quantity)

    def _stretch(self, event: CandlesClosed) -> None:
        if not self._open:
            return
        candles = {candle.symbol: candle for candle in event.candles}
        for (_, symbol), extremes in self._open.items():
            candle = candles.get(symbol)
            if candle is not None:
                extremes[0] = max(extremes[0], candle.high)
                extremes[1] = min(extremes[1], candle.low)
