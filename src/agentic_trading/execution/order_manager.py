"""The life of every order: a fold over what we asked for and what the venue said."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from agentic_trading.core.enums import Side
from agentic_trading.core.events import (
    AmendRejected,
    CancelOrder,
    Event,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    attached_stop,
    stop_id_of,
)
from agentic_trading.core.interfaces import Reacting, Reactions
from agentic_trading.core.money import ZERO
from agentic_trading.core.orders import attached_target, target_id_of
from agentic_trading.execution.archive import Orders
from agentic_trading.execution.order import (
    AFTER_ACCEPTED,
    AFTER_FILL,
    CANCELED,
    FILLED,
    PENDING,
    OpenOrders,
    Order,
    OrderProtocolError,
)

BUY = Side.BUY
_NEVER_PLACED = "entry_without_fill"
"""How a stop or target ends for which nothing was ever filled."""


_NONE_PENDING = (ZERO, ZERO)


class OrderManager(Reacting):
    """Agent ``orders``: owns all orders; others read from it what is still working.

    Reports may come twice or late. A fill is never lost: one that is reported after its order's end
    is booked, and leaves the end as it was.
    """

    name = "orders"
    reads: tuple[str, ...] = ()
    emits = (OrderClosed,)

    def __init__(self) -> None:
        self.all = Orders()
        """Every order of the run by id, in order of creation."""
        self.at_work: dict[tuple[str, str], dict[str, Order]] = {}
        """Open orders by (strategy, symbol) and id, oldest first, stops and targets excluded."""
        self.bracketed: dict[tuple[str, str], OpenOrders] = {}
        """Those (strategy, symbol) that have open stops or targets."""
        self._open: defaultdict[tuple[str, str], OpenOrders] = defaultdict(OpenOrders)
        self._trades: set[str] = set()

    @property
    def reactions(self) -> Reactions:
        return {
            OrderIntent: self._create,
            OrderAccepted: self._accept,
            Fill: self._fill,
            CancelOrder: self._note_cancel,
            OrderAmended: self._amend,
            AmendRejected: self._hear,
            OrderUnknown: self._hear,
            OrderCanceled: self._end,
            OrderRejected: self._undo,
            OrderNotSent: self._undo,
        }

    # --- what others read -----------------------------------------------------------------

    def working(self, strategy: str, symbol: str) -> Sequence[Order]:
        """Open orders of a strategy on a symbol, stops and targets excluded, oldest first."""
        orders = self.at_work.get((strategy, symbol))
        return () if orders is None else list(orders.values())

    def stops(self, strategy: str, symbol: str) -> Sequence[Order]:
        """The stops that protect the open position, oldest first; of one and its successor the successor."""
        opened = self._open.get((strategy, symbol))
        if opened is None or not opened.stops:
            return ()
        stops = [order for order in opened.stops.values() if order.quantity != order.filled]
        if len(stops) < 2:
            return stops
        followed = [order.terms.replaces for order in stops]
        return [order for order in stops if order.order_id not in followed]

    def protective_stop(self, strategy: str, symbol: str) -> Order | None:
        """The latest of the stops that protect the open position."""
        stops = self.stops(strategy, symbol)
        return stops[-1] if stops else None

    def targets(self, strategy: str, symbol: str) -> Sequence[Order]:
        """The targets that are open for what was filled, oldest first."""
        opened = self._open.get((strategy, symbol))
        if opened is None or not opened.targets:
            return ()
        return [order for order in opened.targets.values() if order.remaining]

    def loose_targets(self, strategy: str, symbol: str) -> Sequence[Order]:
        """Open targets in whose bracket there is no open stop, nor an exit that took its place."""
        targets = self.targets(strategy, symbol)
        if not targets:
            return ()
        opened = self._open[strategy, symbol]
        ties = [order.entry_id for order in (*opened.stops.values(), *opened.orders.values())]
        return [order for order in targets if order.entry_id not in ties]

    def pending(self, strategy: str, symbol: str) -> tuple[Decimal, Decimal]:
        """Unfilled (buy, sell) quantity of open orders, stops and targets excluded."""
        orders = self.at_work.get((strategy, symbol))
        if orders is None:
            return _NONE_PENDING
        buying = selling = ZERO
        for order in orders.values():
            if order.terms.side is BUY:
                buying += order.quantity - order.filled
            else:
                selling += order.quantity - order.filled
        return buying, selling

    def pairs(self) -> Iterable[tuple[str, str]]:
        """(strategy, symbol) pairs with open orders, in order of first use."""
        return [
            pair for pair, opened in self._open.items() if opened.orders or opened.stops or opened.targets
        ]

    @property
    def is_idle(self) -> bool:
        """Whether no order is open, stops and targets included."""
        return not (self.at_work or self.bracketed)

    def note(self, orders: Sequence[Order], trades: Iterable[str]) -> None:
        """Take up orders of which all is known already: filled whole; while none is open."""
        self.all.store(orders)
        self._trades.update(trades)

    # --- the fold -------------------------------------------------------------------------

    def _create(self, intent: OrderIntent) -> Iterable[Event]:
        order_id, terms, entry_id = intent.order_id, intent.terms, ""
        if terms.replaces is not None and terms.replaces in self.all:
            entry_id = self.all[terms.replaces].entry_id
        self._add(Order(order_id, terms, terms.quantity, intent.at_ns, intent.cause, intent.reason, entry_id))
        if terms.protective_stop is not None or terms.targets:
            self._attach(intent)
        return ()

    def _attach(self, intent: OrderIntent) -> None:
        order_id, terms = intent.order_id, intent.terms
        if terms.protective_stop is not None:
            stop_id, attached = stop_id_of(order_id), attached_stop(terms)
            self._add(Order(stop_id, attached, ZERO, intent.at_ns, intent.cause, "stop", order_id))
        for number, target in enumerate(terms.targets, start=1):
            target_id, attached = target_id_of(order_id, number), attached_target(terms, target)
            self._add(Order(target_id, attached, ZERO, intent.at_ns, intent.cause, "target", order_id))

    def _add(self, order: Order) -> None:
        if not self.all.add(order):
            raise OrderProtocolError(f"order id {order.order_id} was used before")
        terms = order.terms
        pair = (terms.strategy, terms.symbol)
        opened = self._open[pair]
        orders = opened.orders
        shelf = opened.shelf(terms) if terms.closing else orders
        shelf[order.order_id] = order
        if shelf is orders:
            self.at_work[pair] = orders
        else:
            self.bracketed[pair] = opened

    def _note_cancel(self, command: CancelOrder) -> Iterable[Event]:
        self.all[command.order_id].cancel_asked = True
        return ()

    def _hear(self, report: AmendRejected | OrderUnknown) -> Iterable[Event]:
        self.all[report.order_id].heard(report)
        return ()

    def _accept(self, report: OrderAccepted) -> Iterable[Event]:
        order = self.all[report.order_id]
        if order.status is PENDING:  # nearly always; then nothing is filled
            order.status = AFTER_ACCEPTED[PENDING]
        else:
            order.heard(report)
        if not order.arrived_ns:
            order.arrived_ns = report.at_ns
        return ()

    def _amend(self, report: OrderAmended) -> Iterable[Event]:
        order = self.all[report.order_id]
        order.heard(report)
        if not order.arrived_ns:
            order.arrived_ns = report.at_ns
        if not order.done_ns:
            order.amend(report)
        return ()

    def _end(self, report: OrderCanceled | OrderRejected | OrderNotSent) -> Iterable[Event]:
        order = self.all[report.order_id]
        order.heard(report)
        return () if order.done_ns else self._close(order, report.at_ns, report.reason)

    def _undo(self, report: OrderRejected | OrderNotSent) -> Iterable[Event]:
        if self.all[report.order_id].filled:
            raise OrderProtocolError(f"order {report.order_id} has fills, but is said never to have worked")
        return self._end(report)

    def _fill(self, fill: Fill) -> Iterable[Event]:
        trade_id, quantity, trades = fill.trade_id, fill.quantity, self._trades
        if trade_id in trades:
            return ()
        trades.add(trade_id)
        order = self.all[fill.order_id]
        try:
            status = AFTER_FILL[order.status]
        except KeyError:
            raise order.out_of_turn(fill) from None
        filled = order.filled = order.filled + quantity
        order.paid += quantity * fill.price
        if order.terms.protective_stop is not None:
            self._protect(order, quantity)
        if filled == order.quantity and status is not CANCELED:
            order.status = FILLED
            return self._close(order, fill.at_ns, "filled")
        order.status = status
        if filled > order.quantity:
            raise OrderProtocolError(f"order {order.order_id}: filled {filled} of {order.quantity}")
        return ()

    def _protect(self, entry: Order, quantity: Decimal) -> None:
        """The attached stop grows with the entry's fills; of its targets the venue says how they grow."""
        stop = self.all[stop_id_of(entry.order_id)]
        stop.quantity += quantity
        if stop.outcome != _NEVER_PLACED:
            return
        numbers = range(1, len(entry.terms.targets) + 1)  # the fill came after the end: all is placed yet
        pair = (entry.terms.strategy, entry.terms.symbol)
        opened = self.bracketed[pair] = self._open[pair]
        for order in (stop, *(self.all[target_id_of(entry.order_id, number)] for number in numbers)):
            order.status, order.done_ns, order.outcome = PENDING, 0, ""
            opened.shelf(order.terms)[order.order_id] = order

    def _close(self, order: Order, at_ns: int, outcome: str) -> Iterable[Event]:
        order.done_ns = at_ns
        order.outcome = outcome
        terms = order.terms
        pair = (terms.strategy, terms.symbol)
        opened = self._open[pair]
        orders = opened.orders
        if orders.pop(order.order_id, None) is None:
            del opened.shelf(terms)[order.order_id]
        if not orders:
            self.at_work.pop(pair, None)
        if self.bracketed and pair in self.bracketed:
            if not orders:
                _forget_unplaced(opened, at_ns)
            if not (opened.stops or opened.targets):
                del self.bracketed[pair]
        return (OrderClosed(order.order_id, at_ns, terms, order.filled, outcome),)


def _forget_unplaced(opened: OpenOrders, at_ns: int) -> None:
    """End the stops and targets for which nothing was filled, once there is nothing more to protect."""
    attached = [*opened.stops.values(), *opened.targets.values()]
    for order in attached:
        if order.quantity != order.filled:
            return
    for order in attached:
        order.status, order.done_ns, order.outcome = CANCELED, at_ns, _NEVER_PLACED
    opened.stops.clear()
    opened.targets.clear()
