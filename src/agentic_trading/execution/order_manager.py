"""The life of every order: a table of what may follow what, and the fold that follows it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from agentic_trading.core.enums import OrderStatus, Side
from agentic_trading.core.events import (
    CancelOrder,
    Event,
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderNotSent,
    OrderRejected,
    OrderTerms,
    OrderUnknown,
    attached_stop,
    stop_id_of,
)
from agentic_trading.core.money import ZERO, average

_S = OrderStatus

NEXT: dict[type[Event], dict[OrderStatus, OrderStatus]] = {
    OrderAccepted: {_S.PENDING: _S.ACCEPTED, _S.UNKNOWN: _S.ACCEPTED},
    OrderRejected: {_S.PENDING: _S.REJECTED, _S.UNKNOWN: _S.REJECTED},
    OrderNotSent: {_S.PENDING: _S.NOT_SENT},
    OrderUnknown: {
        _S.PENDING: _S.UNKNOWN,
        _S.ACCEPTED: _S.UNKNOWN,
        _S.PARTIALLY_FILLED: _S.UNKNOWN,
    },
    OrderCanceled: {
        _S.PENDING: _S.CANCELED,
        _S.ACCEPTED: _S.CANCELED,
        _S.PARTIALLY_FILLED: _S.CANCELED,
        _S.UNKNOWN: _S.CANCELED,
    },
    Fill: {
        _S.PENDING: _S.PARTIALLY_FILLED,
        _S.ACCEPTED: _S.PARTIALLY_FILLED,
        _S.PARTIALLY_FILLED: _S.PARTIALLY_FILLED,
        _S.UNKNOWN: _S.PARTIALLY_FILLED,
    },
}
"""Status after an event, by status before it; a pair that is not here is a protocol violation."""


class OrderProtocolError(Exception):
    """The venue or our own code said something about an order that cannot follow what was known."""


class Order:
    """One order as far as we know it."""

    __slots__ = (
        "arrived_ns",
        "cancel_asked",
        "cause",
        "created_ns",
        "done_ns",
        "entry_id",
        "filled",
        "order_id",
        "outcome",
        "paid",
        "quantity",
        "reason",
        "status",
        "terms",
    )

    def __init__(
        self, order_id: str, terms: OrderTerms, created_ns: int, cause: str, reason: str, entry_id: str = ""
    ) -> None:
        """``entry_id`` names the entry that an attached stop protects."""
        self.order_id = order_id
        self.terms = terms
        self.quantity = terms.quantity
        self.status = OrderStatus.PENDING
        self.filled = ZERO
        self.paid = ZERO
        self.created_ns = created_ns
        self.arrived_ns = 0
        self.done_ns = 0
        self.cause = cause
        self.reason = reason
        self.outcome = ""
        self.cancel_asked = False
        self.entry_id = entry_id

    @property
    def remaining(self) -> Decimal:
        """What may still be executed."""
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """Average price of what was executed, for reading; 0 if nothing was."""
        return average(self.paid, self.filled)


class _Open:
    """Open orders of a strategy on a symbol by id, oldest first; protective stops apart."""

    __slots__ = ("orders", "stops")

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.stops: dict[str, Order] = {}


_NONE_PENDING = (ZERO, ZERO)


class OrderManager:
    """Agent ``orders``: owns all orders; others read from it what is still working."""

    name = "orders"
    reads: tuple[str, ...] = ()
    emits = (OrderClosed,)

    def __init__(self) -> None:
        self.all: dict[str, Order] = {}
        """Every order of the run by id, in order of creation."""
        self._open: dict[tuple[str, str], _Open] = {}
        self._trades: set[str] = set()

    def react(self, event: Event) -> Iterable[Event]:
        kind = type(event)
        if kind is OrderIntent:
            return self._create(event)  # type: ignore[arg-type]
        if kind is Fill:
            return self._fill(event)  # type: ignore[arg-type]
        if isinstance(event, CancelOrder):
            self.all[event.order_id].cancel_asked = True
            return ()
        assert isinstance(event, OrderAccepted | OrderRejected | OrderCanceled | OrderUnknown | OrderNotSent)
        order = self.all[event.order_id]
        order.status = _next(order, event)
        if kind is OrderAccepted:
            order.arrived_ns = order.arrived_ns or event.at_ns
            if order.filled:
                order.status = OrderStatus.PARTIALLY_FILLED
            return ()
        assert not isinstance(event, OrderAccepted)
        if order.filled and isinstance(event, OrderRejected | OrderNotSent):
            raise OrderProtocolError(f"order {order.order_id} has fills, but is said never to have worked")
        return () if kind is OrderUnknown else self._close(order, event.at_ns, event.reason)

    # --- what others read -----------------------------------------------------------------

    def working(self, strategy: str, symbol: str) -> Sequence[Order]:
        """Open orders of a strategy on a symbol, protective stops excluded, oldest first."""
        opened = self._open.get((strategy, symbol))
        return list(opened.orders.values()) if opened is not None and opened.orders else ()

    def protective_stop(self, strategy: str, symbol: str) -> Order | None:
        """The stop that protects the open position: the latest one that holds a quantity."""
        opened = self._open.get((strategy, symbol))
        if opened is None or not opened.stops:
            return None
        stops = [order for order in opened.stops.values() if order.remaining]
        return stops[-1] if stops else None

    def pending(self, strategy: str, symbol: str) -> tuple[Decimal, Decimal]:
        """Unfilled (buy, sell) quantity of open orders, protective stops excluded."""
        opened = self._open.get((strategy, symbol))
        if opened is None or not opened.orders:
            return _NONE_PENDING
        buying = selling = ZERO
        for order in opened.orders.values():
            if order.terms.side is Side.BUY:
                buying += order.remaining
            else:
                selling += order.remaining
        return buying, selling

    def pairs(self) -> Iterable[tuple[str, str]]:
        """(strategy, symbol) pairs with open orders, in order of first use."""
        return [pair for pair, opened in self._open.items() if opened.orders or opened.stops]

    # --- the fold -------------------------------------------------------------------------

    def _create(self, intent: OrderIntent) -> Iterable[Event]:
        terms = intent.terms
        self._add(Order(intent.order_id, terms, intent.at_ns, intent.cause, intent.reason))
        if terms.protective_stop is not None:
            stop_id = stop_id_of(intent.order_id)
            stop = Order(
                stop_id, attached_stop(terms), intent.at_ns, intent.cause, "stop", entry_id=intent.order_id
            )
            self._add(stop)
        return ()

    def _add(self, order: Order) -> None:
        if order.order_id in self.all:
            raise OrderProtocolError(f"order id {order.order_id} was used before")
        self.all[order.order_id] = order
        pair = (order.terms.strategy, order.terms.symbol)
        opened = self._open.get(pair)
        if opened is None:
            opened = self._open[pair] = _Open()
        (opened.stops if _protects(order.terms) else opened.orders)[order.order_id] = order

    def _fill(self, fill: Fill) -> Iterable[Event]:
        if fill.trade_id in self._trades:
            return ()
        self._trades.add(fill.trade_id)
        order = self.all[fill.order_id]
        order.status = _next(order, fill)
        order.filled += fill.quantity
        order.paid += fill.quantity * fill.price
        if order.filled > order.quantity:
            raise OrderProtocolError(f"order {order.order_id}: filled {order.filled} of {order.quantity}")
        if order.terms.protective_stop is not None:
            self.all[stop_id_of(order.order_id)].quantity += fill.quantity
        if order.remaining:
            return ()
        order.status = OrderStatus.FILLED
        return self._close(order, fill.at_ns, "filled")

    def _close(self, order: Order, at_ns: int, outcome: str) -> Iterable[Event]:
        order.done_ns = at_ns
        order.outcome = outcome
        terms = order.terms
        opened = self._open[(terms.strategy, terms.symbol)]
        del (opened.stops if _protects(terms) else opened.orders)[order.order_id]
        if terms.protective_stop is not None and not order.filled:
            # Nothing was bought, so there is nothing to protect: the attached stop never lived.
            stop = opened.stops.pop(stop_id_of(order.order_id), None)
            if stop is not None:
                stop.status, stop.done_ns, stop.outcome = OrderStatus.CANCELED, at_ns, "entry_without_fill"
        return (OrderClosed(order.order_id, at_ns, terms, order.filled, outcome),)


def _protects(terms: OrderTerms) -> bool:
    return terms.stop_price is not None and terms.closing


def _next(order: Order, event: Event) -> OrderStatus:
    try:
        return NEXT[type(event)][order.status]
    except KeyError:
        raise OrderProtocolError(
            f"{type(event).__name__} for order {order.order_id}, which is {order.status}"
        ) from None
