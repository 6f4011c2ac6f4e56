"""The life of an order: a table, and nothing but the table."""

from decimal import Decimal

import pytest

from agentic_trading.core.enums import Liquidity, OrderStatus, OrderType, Side
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
    OrderTerms,
    OrderUnknown,
    SubmitOrder,
)
from agentic_trading.core.money import exact
from agentic_trading.core.orders import Target
from agentic_trading.execution.engine import ExecutionEngine
from agentic_trading.execution.order import NEXT, Order, OrderProtocolError
from agentic_trading.execution.order_manager import OrderManager
from order_desk import PERP
from random_runs import random_case

D = Decimal
S = OrderStatus
BUY = OrderTerms("a", PERP, Side.BUY, D(2))
TARGETS = (Target(D(110), D("0.5")), Target(D(120), D("0.5")))
BRACKET = OrderTerms("a", PERP, Side.BUY, D(2), protective_stop=D(90), targets=TARGETS)
GUARDED = OrderTerms("a", PERP, Side.BUY, D(2), protective_stop=D(90))


def intent(order_id: str = "1", terms: OrderTerms = BUY) -> OrderIntent:
    return OrderIntent(order_id, 5, terms, "proposal-1", "signal-1", "entry")


def fill(trade_id: str = "t1", quantity: str = "1", order_id: str = "1", price: str = "100") -> Fill:
    return Fill(
        trade_id, order_id, "a", PERP, Side.BUY, D(quantity), D(price), D(0), "USDT", Liquidity.TAKER,
        D(price), 9,
    )  # fmt: skip


def tell(orders: OrderManager, *events: Event) -> list[Event]:
    """All answers to the events."""
    with exact():
        return [answer for event in events for answer in orders.react(event)]


def make_orders(terms: OrderTerms = BUY) -> tuple[OrderManager, Order]:
    orders = OrderManager()
    tell(orders, intent(terms=terms))
    return orders, orders.all["1"]


REPORTS: dict[type[Event], Event] = {
    OrderAccepted: OrderAccepted("1", 6),
    OrderRejected: OrderRejected("1", 6, "no"),
    OrderNotSent: OrderNotSent("1", 6, "halted"),
    OrderUnknown: OrderUnknown("1", 6, "timeout"),
    OrderCanceled: OrderCanceled("1", 6, "asked"),
    OrderAmended: OrderAmended("1", 6, D(2), None, None),
    AmendRejected: AmendRejected("1", 6, "order_is_done"),
    Fill: fill(),
}
# Written out once more, by hand: what the venue may say about an order in each state, and what follows.
ALLOWED = {
    (OrderAccepted, S.PENDING): S.ACCEPTED,
    (OrderAccepted, S.UNKNOWN): S.ACCEPTED,
    (OrderAccepted, S.ACCEPTED): S.ACCEPTED,
    (OrderAccepted, S.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (OrderAccepted, S.FILLED): S.FILLED,
    (OrderAccepted, S.CANCELED): S.CANCELED,
    (OrderRejected, S.PENDING): S.REJECTED,
    (OrderRejected, S.UNKNOWN): S.REJECTED,
    (OrderRejected, S.REJECTED): S.REJECTED,
    (OrderNotSent, S.PENDING): S.NOT_SENT,
    (OrderNotSent, S.NOT_SENT): S.NOT_SENT,
    (OrderUnknown, S.PENDING): S.UNKNOWN,
    (OrderUnknown, S.ACCEPTED): S.UNKNOWN,
    (OrderUnknown, S.PARTIALLY_FILLED): S.UNKNOWN,
    (OrderUnknown, S.UNKNOWN): S.UNKNOWN,
    (OrderAmended, S.PENDING): S.ACCEPTED,
    (OrderAmended, S.UNKNOWN): S.ACCEPTED,
    (OrderAmended, S.ACCEPTED): S.ACCEPTED,
    (OrderAmended, S.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (OrderAmended, S.FILLED): S.FILLED,
    (OrderAmended, S.CANCELED): S.CANCELED,
    (AmendRejected, S.PENDING): S.PENDING,
    (AmendRejected, S.UNKNOWN): S.UNKNOWN,
    (AmendRejected, S.ACCEPTED): S.ACCEPTED,
    (AmendRejected, S.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (AmendRejected, S.FILLED): S.FILLED,
    (AmendRejected, S.CANCELED): S.CANCELED,
    (AmendRejected, S.REJECTED): S.REJECTED,
    (OrderCanceled, S.PENDING): S.CANCELED,
    (OrderCanceled, S.ACCEPTED): S.CANCELED,
    (OrderCanceled, S.PARTIALLY_FILLED): S.CANCELED,
    (OrderCanceled, S.UNKNOWN): S.CANCELED,
    (OrderCanceled, S.CANCELED): S.CANCELED,
    (Fill, S.PENDING): S.PARTIALLY_FILLED,
    (Fill, S.ACCEPTED): S.PARTIALLY_FILLED,
    (Fill, S.PARTIALLY_FILLED): S.PARTIALLY_FILLED,
    (Fill, S.UNKNOWN): S.PARTIALLY_FILLED,
    (Fill, S.CANCELED): S.CANCELED,
}


@pytest.mark.parametrize("status", list(OrderStatus))
@pytest.mark.parametrize("kind", list(REPORTS), ids=lambda kind: kind.__name__)
def test_every_report_in_every_state(kind: type[Event], status: OrderStatus) -> None:
    """A report that may follow moves the order as the table says; any other names order and state."""
    orders, order = make_orders()
    order.status = status
    expected = ALLOWED.get((kind, status))
    if expected is None:
        with pytest.raises(OrderProtocolError, match=f"{kind.__name__} for order 1, which is {status}"):
            tell(orders, REPORTS[kind])
        assert order.status is status
        return
    tell(orders, REPORTS[kind])
    assert order.status is expected


def test_the_table_is_the_one_that_was_reviewed() -> None:
    """No transition exists beside those written out here."""
    rows = {(kind, before): after for kind, row in NEXT.items() for before, after in row.items()}
    assert rows == ALLOWED


def test_ended_orders_stay_ended() -> None:
    """No report, however late, leads out of a state that is not open."""
    assert all(before.is_open or before is after for (_, before), after in ALLOWED.items())


def test_an_order_is_filled_when_nothing_is_left() -> None:
    """Fills add up; the one that completes the order closes it, with all that was executed."""
    orders, order = make_orders()
    assert tell(orders, OrderAccepted("1", 6), fill("t1", "0.5")) == []
    assert (order.filled, order.remaining, order.status) == (D("0.5"), D("1.5"), S.PARTIALLY_FILLED)
    assert tell(orders, fill("t2", "1.5", price="104")) == [OrderClosed("1", 9, BUY, D(2), "filled")]
    assert (order.status, order.average_price) == (S.FILLED, D(103))


@pytest.mark.parametrize(
    ("report", "filled"),
    [
        (OrderCanceled("1", 6, "asked"), D(1)),
        (OrderRejected("1", 6, "asked"), D(0)),
        (OrderNotSent("1", 6, "asked"), D(0)),
    ],
)
def test_every_end_is_told_once_with_what_was_filled(report: Event, filled: Decimal) -> None:
    """However an order ends, one event says so, with reason and filled quantity, and it is open no more."""
    orders, _ = make_orders()
    if filled:
        tell(orders, fill())
    assert tell(orders, report) == [OrderClosed("1", 6, BUY, filled, "asked")]
    assert (list(orders.working("a", PERP)), list(orders.pairs())) == ([], [])


def test_a_trade_counts_once() -> None:
    """A trade id that was seen before changes nothing, even after the order has ended."""
    orders, order = make_orders()
    tell(orders, fill("t1"), fill("t1"), fill("t2"))
    assert (order.filled, order.paid, order.status) == (D(2), D(200), S.FILLED)
    assert tell(orders, fill("t2"), fill("t1")) == []
    assert order.filled == 2


def test_more_than_was_ordered_is_a_violation() -> None:
    """An execution beyond the ordered quantity raises with both numbers."""
    orders, _ = make_orders()
    with pytest.raises(OrderProtocolError, match=r"filled 2\.1 of 2"):
        tell(orders, fill(quantity="2.1"))


def test_an_id_is_used_once() -> None:
    """A second order under the same id raises."""
    orders, _ = make_orders()
    with pytest.raises(OrderProtocolError, match="order id 1 was used before"):
        tell(orders, intent())


@pytest.mark.parametrize("report", [OrderRejected("1", 6, "no")], ids=["rejected"])
def test_what_was_executed_cannot_be_said_never_to_have_worked(report: Event) -> None:
    """An order with fills that is lost sight of may be cancelled, but not rejected."""
    orders, _ = make_orders()
    tell(orders, fill(), OrderUnknown("1", 6, "timeout"))
    with pytest.raises(OrderProtocolError, match="order 1 has fills"):
        tell(orders, report)


def test_an_order_that_is_found_again_is_still_partly_filled() -> None:
    """After a time of not knowing, an order with fills is partly filled, and keeps its arrival."""
    orders, order = make_orders()
    tell(orders, OrderAccepted("1", 6), fill(), OrderUnknown("1", 7, "timeout"), OrderAccepted("1", 8))
    assert (order.status, order.arrived_ns) == (S.PARTIALLY_FILLED, 6)


def test_an_unknown_order_still_counts() -> None:
    """As long as nobody knows better, the rest of an order may be executed and is pending."""
    orders, _ = make_orders()
    tell(orders, fill("t1", "0.5"), OrderUnknown("1", 6, "timeout"))
    assert orders.pending("a", PERP) == (D("1.5"), D(0))


def test_pending_keeps_sides_and_strategies_apart() -> None:
    """Unfilled quantities are summed per strategy, symbol and side, never netted."""
    orders = OrderManager()
    tell(
        orders, intent("1"), intent("2"), fill("t", "0.5", "2"),
        intent("3", OrderTerms("a", PERP, Side.SELL, D(4))),
        intent("4", OrderTerms("b", PERP, Side.BUY, D(8))),
    )  # fmt: skip
    assert orders.pending("a", PERP) == (D("3.5"), D(4))
    assert orders.pending("b", PERP) == (D(8), D(0))
    assert list(orders.pairs()) == [("a", PERP), ("b", PERP)]
    assert [order.order_id for order in orders.working("a", PERP)] == ["1", "2", "3"]


def is_at_work(order: Order) -> bool:
    """Open, and neither a stop nor a target of the position."""
    terms = order.terms
    waits = terms.stop_price is not None or terms.price is not None or terms.type is OrderType.TRAILING_STOP
    return not order.done_ns and not (terms.closing and waits)


@pytest.mark.parametrize("seed", [3, 5, 11])
def test_what_is_at_work_is_all_that_is_open(seed: int) -> None:
    """After every event ``at_work`` has each open order but stops and targets, and no pair without any."""
    case = random_case(seed)
    with case.loaded() as (inputs, settings):
        events = case.run(inputs, settings, "auto").events
    orders, most = OrderManager(), 0
    for event in events:
        if type(event) in orders.reactions:
            tell(orders, event)
            expected: dict[tuple[str, str], list[Order]] = {}
            for order in filter(is_at_work, orders.all.values()):
                expected.setdefault((order.terms.strategy, order.terms.symbol), []).append(order)
            assert {pair: list(each.values()) for pair, each in orders.at_work.items()} == expected
            most = max(most, len(orders.all))
    assert most > 5


def test_a_cancel_that_was_asked_for_is_remembered() -> None:
    """Only the venue's word ends an order: after asking, it is open and marked."""
    orders, order = make_orders()
    assert tell(orders, CancelOrder("1", 6, PERP, "why")) == []
    assert (order.cancel_asked, order.status, len(orders.working("a", PERP))) == (True, S.PENDING, 1)


# --- protective stops --------------------------------------------------------------------------


def test_an_attached_stop_grows_with_the_fills() -> None:
    """The stop is an order of its own that protects exactly what was filled, and is not working."""
    orders, _ = make_orders(GUARDED)
    stop = orders.all["1s"]
    assert (stop.terms.side, stop.terms.stop_price, stop.terms.type) == (
        Side.SELL, D(90), OrderType.STOP_MARKET,
    )  # fmt: skip
    assert stop.terms.closing
    assert stop.terms.reduce_only
    assert orders.protective_stop("a", PERP) is None  # there is nothing to protect yet
    tell(orders, fill("t1", "0.5"))
    assert orders.protective_stop("a", PERP) is stop
    assert stop.remaining == D("0.5")
    tell(orders, fill("t2", "1.5"))
    assert stop.remaining == D(2)
    assert list(orders.working("a", PERP)) == []
    assert orders.pending("a", PERP) == (D(0), D(0))


@pytest.mark.parametrize("report", [OrderRejected("1", 6, "no"), OrderCanceled("1", 6, "asked")])
def test_the_stop_of_an_entry_without_fills_never_lived(report: Event) -> None:
    """If nothing was bought, the attached stop is gone with its entry, and only the entry is told of."""
    orders, _ = make_orders(GUARDED)
    assert tell(orders, report) == [OrderClosed("1", 6, GUARDED, D(0), report.reason)]  # type: ignore[attr-defined]
    assert orders.all["1s"].status is S.CANCELED
    assert list(orders.pairs()) == []


def test_the_stop_outlives_its_entry() -> None:
    """An entry that ends after a fill leaves the stop behind, for what was filled."""
    orders, _ = make_orders(GUARDED)
    tell(orders, fill("t1", "0.5"), OrderCanceled("1", 6, "asked"))
    stop = orders.protective_stop("a", PERP)
    assert stop is not None
    assert (stop.order_id, stop.remaining) == ("1s", D("0.5"))


def test_a_moved_stop_takes_over() -> None:
    """The latest stop is the one that protects; when the old one is replaced, one is left."""
    orders, _ = make_orders(GUARDED)
    moved = OrderTerms(
        "a", PERP, Side.SELL, D(2), OrderType.STOP_MARKET, stop_price=D(95), closing=True, replaces="1s"
    )
    tell(orders, fill("t1", "2"), OrderAccepted("1s", 6), intent("2", moved))
    stop = orders.protective_stop("a", PERP)
    assert stop is not None
    assert stop.order_id == "2"
    tell(orders, OrderCanceled("1s", 7, "replaced"), OrderAccepted("2", 7))
    assert orders.protective_stop("a", PERP) is stop


# --- targets -----------------------------------------------------------------------------------


def amended(order_id: str, quantity: str, price: str | None = None, stop: str | None = None) -> OrderAmended:
    prices = [None if each is None else D(each) for each in (price, stop)]
    return OrderAmended(order_id, 7, D(quantity), *prices)


def make_bracket() -> OrderManager:
    """An entry of two, filled for one, with a stop and two targets at the venue."""
    orders, _ = make_orders(BRACKET)
    tell(
        orders, fill("t1", "1"), OrderAccepted("1s", 7),
        OrderAccepted("1t1", 7), amended("1t1", "0.5", "110"),
        OrderAccepted("1t2", 7), amended("1t2", "0.5", "120"),
    )  # fmt: skip
    return orders


def test_targets_have_what_the_venue_says() -> None:
    """Attached targets exist with their entry, hold what the venue reports, and are not working."""
    orders, _ = make_orders(BRACKET)
    assert [orders.all[each].remaining for each in ("1t1", "1t2")] == [0, 0]
    assert orders.targets("a", PERP) == []
    orders = make_bracket()
    assert [(each.order_id, each.remaining) for each in orders.targets("a", PERP)] == [
        ("1t1", D("0.5")), ("1t2", D("0.5")),
    ]  # fmt: skip
    terms = orders.all["1t2"].terms
    assert (terms.side, terms.price, terms.closing, terms.reduce_only) == (Side.SELL, D(120), True, True)
    assert [each.order_id for each in orders.working("a", PERP)] == ["1"]
    assert orders.pending("a", PERP) == (D(1), D(0))


def test_a_filled_target_leaves_less_to_the_stop() -> None:
    """The venue lowers the stop by what a target closed, and our stop follows."""
    orders = make_bracket()
    tell(
        orders,
        fill("t2", "0.5", "1t1", "110"),
        OrderCanceled("1", 8, "target_reached"),
        amended("1s", "0.5", stop="90"),
    )
    assert orders.all["1t1"].status is S.FILLED
    (stop,) = orders.stops("a", PERP)
    assert (stop.order_id, stop.remaining, stop.terms.stop_price) == ("1s", D("0.5"), D(90))
    with pytest.raises(OrderProtocolError, match=r"filled 0\.6 of 0\.5"):
        tell(orders, fill("t3", "0.6", "1s", "90"))


def test_what_was_never_placed_ends_with_the_position() -> None:
    """A target whose share was less than a lot was never at the venue: it ends when nothing is left."""
    orders, _ = make_orders(BRACKET)
    tell(orders, fill("t1", "1"), OrderAccepted("1t2", 7), amended("1t2", "1", "120"))
    tell(orders, OrderCanceled("1", 8, "stopped_out"), OrderCanceled("1t2", 8, "stopped_out"))
    assert orders.all["1t1"].status is S.PENDING
    tell(orders, fill("t2", "1", "1s", "90"))
    assert (orders.all["1t1"].status, orders.all["1t1"].done_ns) == (S.CANCELED, 9)
    assert list(orders.pairs()) == []


def test_targets_are_tied_to_the_stop_and_to_what_takes_its_place() -> None:
    """A target is loose when neither the stop of its bracket nor an exit in its place is open."""
    orders = make_bracket()
    tell(orders, OrderCanceled("1", 8, "asked"))
    leave = OrderTerms("a", PERP, Side.SELL, D(1), closing=True, replaces="1s")
    assert list(orders.loose_targets("a", PERP)) == []
    tell(orders, intent("2", leave), OrderCanceled("1s", 8, "replaced"), OrderAccepted("2", 8))
    assert list(orders.loose_targets("a", PERP)) == []
    tell(orders, OrderCanceled("2", 8, "reduce_only"))
    assert [each.order_id for each in orders.loose_targets("a", PERP)] == ["1t1", "1t2"]


# --- late, twice, amended ----------------------------------------------------------------------


def test_an_amended_order_is_what_the_venue_says() -> None:
    """Quantity and price follow the report; below what was filled, what was filled remains."""
    orders, order = make_orders(OrderTerms("a", PERP, Side.BUY, D(2), OrderType.LIMIT, price=D(99)))
    tell(orders, OrderAccepted("1", 6), fill("t1", "0.5"), amended("1", "1.5", "98"))
    assert (order.remaining, order.terms.price, order.status) == (D(1), D(98), S.PARTIALLY_FILLED)
    tell(orders, amended("1", "0.2", "98"))
    assert (order.quantity, order.remaining) == (D("0.5"), D(0))
    assert tell(orders, OrderCanceled("1", 9, "amended_below_filled")) != []


def test_a_rejected_amendment_changes_nothing() -> None:
    """The order works on as before, or stays at its end."""
    orders, order = make_orders()
    tell(orders, OrderAccepted("1", 6), AmendRejected("1", 7, "price_off_tick"))
    assert (order.status, order.quantity) == (S.ACCEPTED, D(2))


def test_a_fill_after_the_end_is_booked_and_the_end_stays() -> None:
    """Reported late, a fill grows what was filled; the order stays cancelled and its end is told once."""
    orders, order = make_orders()
    assert len(tell(orders, fill("t1", "0.5"), OrderCanceled("1", 6, "asked"))) == 1
    assert tell(orders, fill("t2", "0.5"), OrderAccepted("1", 6), OrderCanceled("1", 6, "asked")) == []
    assert (order.filled, order.paid, order.status, order.outcome) == (D(1), D(100), S.CANCELED, "asked")
    assert list(orders.pairs()) == []


def test_a_late_fill_brings_the_bracket_back() -> None:
    """If the entry was thought to have ended unfilled, its stop and targets live from the late fill on."""
    orders, _ = make_orders(BRACKET)
    tell(orders, OrderCanceled("1", 6, "asked"))
    assert orders.all["1s"].status is S.CANCELED
    tell(
        orders,
        fill("t1", "0.5"),
        OrderAccepted("1s", 7),
        OrderAccepted("1t1", 7),
        amended("1t1", "0.2", "110"),
    )
    assert [(each.order_id, each.remaining) for each in orders.stops("a", PERP)] == [("1s", D("0.5"))]
    assert [each.order_id for each in orders.targets("a", PERP)] == ["1t1"]


def test_execution_sends_what_was_approved() -> None:
    """Each approved order becomes one command with the same id and terms."""
    approved = intent(terms=GUARDED)
    assert ExecutionEngine().react(approved) == (SubmitOrder("1", 5, GUARDED),)
