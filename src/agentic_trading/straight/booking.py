"""What plain orders are on record and in the books: the events and postings that the bus would bring."""

from collections.abc import Callable, Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.enums import Direction, OrderStatus
from agentic_trading.core.events import (
    Event,
    Fill,
    OrderAccepted,
    OrderClosed,
    OrderIntent,
    OrderTerms,
    Proposal,
)
from agentic_trading.core.money import ZERO
from agentic_trading.execution.order import Order
from agentic_trading.straight.lane import PlainOrder

# Names of their own: enums look their members up slowly.
FILLED, LONG = OrderStatus.FILLED, Direction.LONG


Done = tuple[Order, str]
"""An order that was executed whole, and the id of its trade."""


class Booking:
    """Records what was decided and what came of it, and tells those agents that keep books."""

    def __init__(self, agents: Agents, market: MarketRows, record: Callable[[Event], object]) -> None:
        self._market = market
        self._record = record
        self._next_id = agents.ids.next
        self._approve = agents.risk.approve
        self._note = agents.orders.note
        self._see = agents.entries.unseen
        self._post, self._follow = agents.ledger.reactions[Fill], agents.entries.reactions[Fill]

    def book(self, orders: Sequence[PlainOrder], wanted: Sequence[float], at_ns: int, row: int) -> None:
        """Book the orders of one instant, executed whole by the candles of ``row``; of each unrounded quantity.

        They are decided in the order of the strategies, and executed in that of the venue.
        """
        terms = [
            order.lane.entry_terms(order.lane.pair.size.in_lots(quantity)) if order.opens
            else order.lane.exit_terms(order.lane.held, LONG)
            for order, quantity in zip(orders, wanted, strict=False)
        ]  # fmt: skip
        intents = self._decided(orders, terms, at_ns)
        self._see(self._market, row)
        if len(orders) == 1:
            self._note(*self._executed(orders[0], intents[0]))
            return
        done: dict[int, Done] = {}
        for number in sorted(range(len(orders)), key=lambda at: orders[at].lane.column):
            done[number] = self._executed(orders[number], intents[number])
        for number in range(len(orders)):
            self._note(*done[number])

    def _decided(
        self, orders: Sequence[PlainOrder], terms: Sequence[OrderTerms], at_ns: int
    ) -> list[OrderIntent]:
        """All signals, then all proposals, then all intents."""
        record, next_id, approve = self._record, self._next_id, self._approve
        signals: list[str] = []
        for order in orders:
            signal = order.lane.stamped(order.signal, order.vector)
            record(signal)
            signals.append(signal.id)
        proposals: list[Proposal] = []
        for order, wish, cause in zip(orders, terms, signals, strict=True):
            reason = "entry" if order.opens else "signal"
            proposal = Proposal(next_id("proposal"), at_ns, wish, order.mark, cause, reason)
            record(proposal)
            proposals.append(proposal)
        intents = [approve(proposal, at_ns) for proposal in proposals]
        for intent in intents:
            record(intent)
        return intents

    def _executed(self, order: PlainOrder, intent: OrderIntent) -> Done:
        order_id, terms, record, lane = intent.order_id, intent.terms, self._record, order.lane
        traded, quantity, at_ns = lane.alone.book(order_id, terms, order.quote), terms.quantity, order.quote.at_ns
        record(OrderAccepted(order_id, at_ns))
        record(traded)
        self._post(traded)
        self._follow(traded)
        record(OrderClosed(order_id, at_ns, terms, quantity, "filled"))
        done = Order(
            order_id, terms, quantity, intent.at_ns, intent.cause, intent.reason, "", FILLED, quantity,
            quantity * traded.price, at_ns, at_ns, "filled",
        )  # fmt: skip
        lane.held = quantity if order.opens else ZERO
        return done, traded.trade_id
