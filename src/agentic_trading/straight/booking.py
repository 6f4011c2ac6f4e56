"""What plain orders are on record and in the books: the events and postings that the bus would bring."""

from collections.abc import Iterable, Sequence
from itertools import chain

from agentic_trading.agents import Agents
from agentic_trading.backtester.recorder import Recorder
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


class Booking:
    """Records what was decided and what came of it, and tells those agents that keep books."""

    def __init__(self, agents: Agents, market: MarketRows, recorder: Recorder) -> None:
        self._agents = agents
        self._market = market
        self._record = recorder.take

    def book(self, orders: Sequence[PlainOrder], wanted: Sequence[float]) -> None:
        """Book the orders of a stretch, executed whole in the row after theirs; of each unrounded quantity.

        Those of one instant are decided in the order of the strategies, and executed in that of the venue.
        """
        signals = [order.lane.stamped(order.signal, order.vector) for order in orders]
        proposals = [
            Proposal(
                name, order.vector.at_ns, terms, order.mark, signal.id, "entry" if order.opens else "signal"
            )
            for name, order, terms, signal in zip(
                self._agents.ids.several("proposal", len(orders)), orders, _terms(orders, wanted), signals,
                strict=True,
            )
        ]  # fmt: skip
        intents = self._agents.risk.approve(proposals)
        crowds, pairs = _crowds(orders), list(zip(orders, intents, strict=True))
        for crowd in crowds:
            pairs[crowd] = sorted(pairs[crowd], key=_column)
        fills = [order.lane.alone.book(intent.order_id, intent.terms, order.quote) for order, intent in pairs]
        accepted = [OrderAccepted(fill.order_id, fill.at_ns) for fill in fills]
        closed = [
            OrderClosed(fill.order_id, fill.at_ns, intent.terms, fill.quantity, "filled")
            for fill, (_, intent) in zip(fills, pairs, strict=True)
        ]
        decided, executed = (signals, proposals, intents), (accepted, fills, closed)
        done = 0
        for crowd in (*crowds, slice(len(orders), len(orders))):
            alone = slice(done, crowd.start)
            self._record(_by_order(*(each[alone] for each in (*decided, *executed))))
            self._record(chain.from_iterable([each[crowd] for each in decided]))
            self._record(_by_order(*(each[crowd] for each in executed)))
            done = crowd.stop
        self._post(orders, intents, fills)

    def _post(
        self, orders: Sequence[PlainOrder], intents: Sequence[OrderIntent], fills: Sequence[Fill]
    ) -> None:
        agents = self._agents
        agents.ledger.post(fills)
        last = {order.lane.key: order for order in orders}
        for key, order in last.items():
            agents.entries.unseen(self._market, order.row + 1)
            agents.entries.begin(key, order.quote.at_ns, order.quote.price)
        done = [
            Order(
                intent.order_id, intent.terms, intent.terms.quantity, intent.at_ns, intent.cause,
                intent.reason, "", FILLED, intent.terms.quantity, intent.terms.quantity * order.quote.price,
                order.quote.at_ns, order.quote.at_ns, "filled",
            )
            for order, intent in zip(orders, intents, strict=True)
        ]  # fmt: skip
        agents.orders.note(done, [fill.trade_id for fill in fills])


def _terms(orders: Sequence[PlainOrder], wanted: Sequence[float]) -> list[OrderTerms]:
    terms = []
    for order, quantity in zip(orders, wanted, strict=True):
        lane = order.lane
        if order.opens:
            lane.held = lane.pair.size.in_lots(quantity)
            terms.append(lane.entry_terms(lane.held))
        else:
            terms.append(lane.exit_terms(lane.held, LONG))
            lane.held = ZERO
    return terms


def _crowds(orders: Sequence[PlainOrder]) -> list[slice]:
    """The orders of each instant that has several of them."""
    rows = [order.row for order in orders]
    if len(set(rows)) == len(rows):
        return []
    starts = [at for at, row in enumerate(rows) if not at or rows[at - 1] != row]
    instants = map(slice, starts, [*starts[1:], len(rows)])
    return [instant for instant in instants if instant.stop - instant.start > 1]


def _by_order(*stages: Sequence[Event]) -> Iterable[Event]:
    """All of the first order, then all of the second, and so on; of each stage there is one for each."""
    return chain.from_iterable(zip(*stages, strict=True))


def _column(pair: tuple[PlainOrder, OrderIntent]) -> int:
    return pair[0].lane.column
