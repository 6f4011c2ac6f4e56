"""What a plain order is on record and in the books: the events and postings that the bus would bring."""

from collections.abc import Callable, Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.enums import Liquidity, OrderStatus
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

TAKER, FILLED = Liquidity.TAKER, OrderStatus.FILLED  # names of their own: enums look their members up slowly


class Booking:
    """Records what was decided and what came of it, and tells those agents that keep books."""

    def __init__(
        self, agents: Agents, venue: SimulatedVenue, market: MarketRows, record: Callable[[Event], object]
    ) -> None:
        self._book_at_venue, self._send = venue.book_alone, venue.send
        self._market = market
        self._record = record
        self._next_id, self._quote = agents.ids.next, agents.quote
        self._approve = agents.risk.approve
        self._note, self._see = agents.orders.note, agents.entries.unseen
        hears = agents.orders.reactions
        self.create = hears[OrderIntent]
        """Tells the order manager of an order that is not `executed` at once, or not alone."""
        self._accept, self._fill = hears[OrderAccepted], hears[Fill]
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

    def send(self, intent: OrderIntent) -> None:
        """Leave an order that was created to the bus: it is on its way to the venue."""
        self._send(SubmitOrder(intent.order_id, intent.at_ns, intent.terms))

    def executed(self, intent: OrderIntent, fill: Execution, row: int, *, created: bool = False) -> None:
        """Book and record that an order was executed whole, by the candle of a row."""
        order_id, terms, record, at_ns = intent.order_id, intent.terms, self._record, fill.at_ns
        quantity, price, trade_id = terms.quantity, fill.price, self._book_at_venue(terms, fill)
        traded = Fill(
            trade_id, order_id, terms.strategy, terms.symbol, terms.side, quantity, price, fill.fee,
            self._quote, TAKER, fill.reference, at_ns,
        )  # fmt: skip
        accepted = OrderAccepted(order_id, at_ns)
        record(accepted)
        record(traded)
        self._post(traded)
        if created:
            self._accept(accepted)
            self._fill(traded)
        else:
            done = Order(
                order_id, terms, quantity, intent.at_ns, intent.cause, intent.reason, "", FILLED, quantity,
                fill.notional, at_ns, at_ns, "filled",
            )  # fmt: skip
            self._note(done, trade_id)
        self._see(self._market, row)
        self._follow(traded)
        record(OrderClosed(order_id, at_ns, terms, quantity, "filled"))
