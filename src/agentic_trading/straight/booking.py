"""What a plain order is on record and in the books: the events and postings that the bus would bring."""

from collections.abc import Callable, Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.enums import OrderStatus
from agentic_trading.core.events import (
    Event,
    Fill,
    OrderAccepted,
    OrderClosed,
    OrderIntent,
    Proposal,
    SubmitOrder,
)
from agentic_trading.execution.order import Order
from agentic_trading.simulation.matching.at_once import Execution
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.straight.lane import PlainOrder

FILLED = OrderStatus.FILLED  # a name of its own: enums look their members up slowly


Done = tuple[Order, str]
"""An order that was executed whole, and the id of its trade."""


class Booking:
    """Records what was decided and what came of it, and tells those agents that keep books."""

    def __init__(
        self, agents: Agents, venue: SimulatedVenue, market: MarketRows, record: Callable[[Event], object]
    ) -> None:
        self._send = venue.send
        self._market = market
        self._record = record
        self._next_id = agents.ids.next
        self._approve = agents.risk.approve
        self._create, self._note = agents.orders.reactions[OrderIntent], agents.orders.note
        self._see = agents.entries.unseen
        self._post, self._follow = agents.ledger.reactions[Fill], agents.entries.reactions[Fill]

    def decided(self, orders: Sequence[PlainOrder], at_ns: int) -> list[OrderIntent]:
        """Put the orders of an instant on record: all signals, then all proposals, then all intents."""
        record, next_id, approve = self._record, self._next_id, self._approve
        signals: list[str] = []
        for order in orders:
            signal = order.lane.stamped(order.signal, order.vector)
            record(signal)
            signals.append(signal.id)
        proposals: list[Proposal] = []
        for order in orders:
            terms, cause = order.terms, signals[len(proposals)]
            reason = "signal" if terms.closing else "entry"
            proposal = Proposal(next_id("proposal"), at_ns, terms, order.price, cause, reason)
            record(proposal)
            proposals.append(proposal)
        intents = [approve(proposal, at_ns) for proposal in proposals]
        for intent in intents:
            record(intent)
        return intents

    def executed(self, order: PlainOrder, intent: OrderIntent, fill: Execution, row: int) -> Done:
        """Book and record that an order was executed whole, by the candle of a row."""
        order_id, terms, record, at_ns = intent.order_id, intent.terms, self._record, fill.at_ns
        traded, quantity = order.lane.alone.book(order_id, terms, fill), terms.quantity
        record(OrderAccepted(order_id, at_ns))
        record(traded)
        self._post(traded)
        self._see(self._market, row)
        self._follow(traded)
        record(OrderClosed(order_id, at_ns, terms, quantity, "filled"))
        done = Order(
            order_id, terms, quantity, intent.at_ns, intent.cause, intent.reason, "", FILLED, quantity,
            fill.notional, at_ns, at_ns, "filled",
        )  # fmt: skip
        return done, traded.trade_id

    def known(self, intent: OrderIntent, done: Done | None) -> None:
        """Let the order manager know an order; one that is not done is left to the venue and the bus."""
        if done is not None:
            self._note(*done)
            return
        self._create(intent)
        self._send(SubmitOrder(intent.order_id, intent.at_ns, intent.terms))
