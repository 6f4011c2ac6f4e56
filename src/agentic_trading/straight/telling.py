"""What the agents, the record and the venue are told of plain orders, after the fact."""

from collections.abc import Callable, Iterable

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
from agentic_trading.straight.lane import Instant, PlainOrder

TAKER, FILLED = Liquidity.TAKER, OrderStatus.FILLED  # names of their own: enums look their members up slowly


class Teller:
    """Makes the events of plain orders and tells them, in the order in which the bus would have."""

    def __init__(
        self, agents: Agents, venue: SimulatedVenue, market: MarketRows, record: Callable[[Event], object]
    ) -> None:
        self._venue = venue
        self._market = market
        self._record = record
        self._next_id, self._quote = agents.ids.next, agents.quote
        self._approve = agents.risk.approve
        self._orders, self._equity, self._entries = agents.orders, agents.equity, agents.entries
        self._post, self._follow = agents.ledger.reactions[Fill], agents.entries.reactions[Fill]

    def tell(self, instants: Iterable[Instant]) -> None:
        """Tell all of some instants; orders that did not execute are now at the venue."""
        for instant in instants:
            self._tell(instant)
        self._equity.refresh()  # or the next mark would, and forget what is settled until then

    def _tell(self, instant: Instant) -> None:
        at_ns, orders, record, next_id = instant.at_ns, instant.orders, self._record, self._next_id
        signals, proposals, intents = [], [], []
        for order in orders:
            signal = order.lane.stamped(order.signal, order.vector)
            record(signal)
            signals.append(signal.id)
        for order, cause in zip(orders, signals, strict=True):
            terms, reason = order.terms, "signal" if order.terms.closing else "entry"
            proposal = Proposal(next_id("proposal"), at_ns, terms, order.price, cause, reason)
            record(proposal)
            proposals.append(proposal)
        for order, proposal in zip(orders, proposals, strict=True):
            intent = self._approve(proposal, at_ns)
            record(intent)
            intents.append(intent)
            if order.fill is None:
                self._orders.react(intent)
                self._venue.send(SubmitOrder(intent.order_id, at_ns, intent.terms))
            else:
                self._note(intent, order.fill, order.trade_id)
        for order in instant.executed:
            intent = intents[0] if len(orders) == 1 else intents[orders.index(order)]
            self._tell_fill(intent.order_id, order, instant.row)

    def _note(self, intent: OrderIntent, fill: Execution, trade_id: str) -> None:
        terms, at_ns = intent.terms, fill.at_ns
        quantity = terms.quantity
        order = Order(
            intent.order_id, terms, quantity, intent.at_ns, intent.cause, intent.reason, "", FILLED, quantity,
            quantity * fill.price, at_ns, at_ns, "filled",
        )  # fmt: skip
        self._orders.note(order, trade_id)

    def _tell_fill(self, order_id: str, order: PlainOrder, row: int) -> None:
        terms, record, executed = order.terms, self._record, order.fill
        assert executed is not None
        at_ns, quantity = executed.at_ns, terms.quantity
        fill = Fill(
            order.trade_id, order_id, terms.strategy, terms.symbol, terms.side, quantity, executed.price,
            executed.fee, self._quote, TAKER, executed.reference, at_ns,
        )  # fmt: skip
        record(OrderAccepted(order_id, at_ns))
        record(fill)
        self._post(fill)
        self._entries.unseen(self._market, row)
        self._follow(fill)
        record(OrderClosed(order_id, at_ns, terms, quantity, "filled"))
