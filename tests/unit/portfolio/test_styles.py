"""How entries are executed: passive with a fallback, or in slices; every order a proposal of its own."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import MINUTE_NS, Direction, ExecutionStyle, OrderType, Posture, Side
from agentic_trading.core.events import Alarm, CancelOrder, Event, OrderTerms, Proposal, Refusal, Signal
from order_desk import INSTRUMENTS, PERP, OrderDesk

LONG, SHORT, FLAT = Direction.LONG, Direction.SHORT, Direction.FLAT
PASSIVE, TWAP = ExecutionStyle.PASSIVE, ExecutionStyle.TWAP


def terms_of(answers: list[Event]) -> OrderTerms:
    """The terms of the first answer, which must be a proposal."""
    proposal = answers[0]
    assert isinstance(proposal, Proposal), answers
    return proposal.terms


def passive(desk: OrderDesk, direction: Direction = LONG, **fields: Any) -> tuple[str, Event]:
    """Begin a passive entry and let risk approve its order: the order's id, and the alarm at its end."""
    now, deadline = desk.say(direction, style=PASSIVE, **fields)
    return desk.approve(desk.ring(now)[0]), deadline


# --- passive -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "price"), [(LONG, "99.9"), (SHORT, "100.1")])
def test_a_passive_entry_waits_beside_the_last_close(direction: Direction, price: str) -> None:
    """It is a post-only limit at the offset from the last close, rounded away from the market."""
    desk = OrderDesk(passive_offset_bps=2.0)
    order_id, _ = passive(desk, direction, stop=95.0 if direction is LONG else 105.0)
    terms = desk.orders.all[order_id].terms
    assert (terms.type, terms.price, terms.post_only) == (OrderType.LIMIT, Decimal(price), True)
    assert (terms.quantity, terms.closing) == (Decimal(1), False)
    assert terms.protective_stop == Decimal(95 if direction is LONG else 105)


def test_what_is_left_of_a_passive_entry_goes_at_market() -> None:
    """When the time is over the order is taken back once; then its rest, bracket and all, is taken."""
    desk = OrderDesk()
    order_id, deadline = passive(desk, stop=95.0)
    desk.fill(order_id, "0.3", "99.9")
    (cancel,) = desk.ring(deadline)
    assert isinstance(cancel, CancelOrder)
    assert (cancel.order_id, cancel.reason) == (order_id, "passive_timeout")
    desk.orders.react(cancel)
    assert desk.ring(deadline) == []
    (again,) = desk.cancel(order_id, "passive_timeout")
    rest = terms_of(desk.ring(again))
    assert (rest.type, rest.quantity, rest.post_only) == (OrderType.MARKET, Decimal("0.7"), False)
    assert rest.protective_stop == Decimal(95)
    assert desk.allocator.posture("a", PERP) is Posture.LONG


def test_without_a_fallback_the_rest_is_left() -> None:
    """With ``fallback = none`` nothing is taken when the time is over."""
    desk = OrderDesk(fallback="none")
    order_id, deadline = passive(desk)
    desk.ring(deadline)
    (again,) = desk.cancel(order_id, "passive_timeout")
    assert desk.ring(again) == []
    assert desk.allocator.posture("a", PERP) is Posture.FLAT


def test_an_order_that_would_take_is_posted_again_at_the_new_price() -> None:
    """Until the time is over, a rejected post-only order is repeated at the last close."""
    desk = OrderDesk()
    order_id, deadline = passive(desk)
    (again,) = desk.reject(order_id, "post_only_would_take")
    desk.marks.prices[PERP] = 90.0
    second = desk.ring(again)
    assert (terms_of(second).price, terms_of(second).post_only) == (Decimal("89.9"), True)
    assert terms_of(second).quantity == 1
    assert isinstance(deadline, Alarm)
    desk.clock.now_ns = deadline.at_ns
    (late,) = desk.reject(desk.approve(second[0]), "post_only_would_take")
    assert terms_of(desk.ring(late)).type is OrderType.MARKET


@pytest.mark.parametrize("reason", ["stopped_out", "target_reached", "expired", "insufficient_balance"])
def test_a_passive_entry_that_ended_otherwise_is_over(reason: str) -> None:
    """Only our own time-out falls back: after a stop, a target or an expiry nothing more is bought."""
    desk = OrderDesk()
    order_id, deadline = passive(desk)
    assert desk.cancel(order_id, reason) == []
    assert desk.ring(deadline) == []


def test_nothing_follows_when_the_position_was_closed_meanwhile() -> None:
    """If the stop closed what was filled while the order was taken back, the rest is not taken."""
    desk = OrderDesk()
    order_id, deadline = passive(desk, stop=95.0)
    desk.fill(order_id, "0.3", "99.9")
    desk.ring(deadline)
    (again,) = desk.cancel(order_id, "passive_timeout")
    desk.fill(order_id + "s", "0.3", "95")
    assert desk.ring(again) == []
    assert desk.allocator.posture("a", PERP) is Posture.FLAT


def test_the_price_may_have_passed_the_bracket() -> None:
    """A step that would open beyond the stop is refused by name, and the entry is over."""
    desk = OrderDesk()
    now, _ = desk.say(LONG, style=PASSIVE, stop=95.0)
    desk.marks.prices[PERP] = 94.0
    (refusal,) = desk.ring(now)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "stop_on_wrong_side"
    assert desk.allocator.posture("a", PERP) is Posture.FLAT


# --- slices ------------------------------------------------------------------------------------


def all_slices(desk: OrderDesk, first: Event) -> list[tuple[int, OrderTerms]]:
    """Let a twap run undisturbed, every slice filled: when and what was proposed."""
    made, alarm = [], first
    while True:
        answers = desk.ring(alarm)
        made.append((desk.clock.now_ns, terms_of(answers)))
        order_id = desk.approve(answers[0])
        desk.fill(order_id, made[-1][1].quantity)
        if len(answers) == 1:
            return made
        alarm = answers[1]


def test_slices_are_spread_evenly_and_carry_the_bracket() -> None:
    """Four slices over eight candles are two candles apart, each with the stop, and then all is quiet."""
    desk = OrderDesk("1.01", twap_slices=4, twap_candles=8)
    (first,) = desk.say(LONG, style=TWAP, stop=95.0)
    made = all_slices(desk, first)
    assert [at_ns for at_ns, _ in made] == [1 + 2 * MINUTE_NS * number for number in range(4)]
    assert [terms.quantity for _, terms in made] == [
        Decimal(text) for text in ("0.26", "0.25", "0.25", "0.25")
    ]
    assert {terms.protective_stop for _, terms in made} == {Decimal(95)}
    assert [stop.remaining for stop in desk.orders.stops("a", PERP)] == [terms.quantity for _, terms in made]
    assert desk.allocator.posture("a", PERP) is Posture.LONG


@given(lots=st.integers(5, 100_000), slices=st.integers(2, 1_000), candles=st.integers(1, 100))
def test_slices_sum_to_the_sized_quantity(lots: int, slices: int, candles: int) -> None:
    """Whatever the size, the slices make exactly it, in whole lots, none below the venue's least."""
    rules = INSTRUMENTS[PERP]
    desk = OrderDesk(str(lots * rules.lot), twap_slices=slices, twap_candles=candles)
    desk.marks.equity = 1e9
    (first,) = desk.say(LONG, style=TWAP)
    quantities = [terms.quantity for _, terms in all_slices(desk, first)]
    assert sum(quantities) == lots * rules.lot
    assert len(quantities) <= slices
    assert all(quantity % rules.lot == 0 for quantity in quantities)
    assert min(quantities) * 100 >= rules.min_notional
    assert max(quantities) - min(quantities) <= rules.lot


@pytest.mark.parametrize("what", ["stop", "rejection", "refusal"])
def test_slices_end_when_something_went_wrong(what: str) -> None:
    """After a stop, a rejected or a refused slice no further one is sent."""
    desk = OrderDesk()
    (first,) = desk.say(LONG, style=TWAP, stop=95.0)
    proposal, second = desk.ring(first)
    if what == "refusal":
        desk.allocator.react(Refusal(1, "proposal-1", "a", PERP, "code", 1.0, 0.0, -1.0))
    elif what == "rejection":
        desk.reject(desk.approve(proposal), "venue_busy")
    else:
        order_id = desk.approve(proposal)
        desk.fill(order_id, "0.25")
        desk.fill(order_id + "s", "0.05", "95")
    assert desk.ring(second) == []


def test_another_wish_ends_the_slices() -> None:
    """Who wants out closes what was opened, and what was to come does not come."""
    desk = OrderDesk()
    (first,) = desk.say(LONG, style=TWAP)
    proposal, second = desk.ring(first)
    desk.fill(desk.approve(proposal), "0.25")
    exit_terms = terms_of(desk.say(FLAT))
    assert (exit_terms.side, exit_terms.quantity, exit_terms.closing) == (Side.SELL, Decimal("0.25"), True)
    assert desk.ring(second) == []


def test_slices_end_with_their_signal() -> None:
    """When ``valid_for`` is over, no further slice is sent."""
    desk = OrderDesk(twap_candles=8)
    first, expiry = desk.say(LONG, style=TWAP, valid_for=1)
    proposal, second = desk.ring(first)
    desk.fill(desk.approve(proposal), "0.25")
    assert desk.ring(expiry) == []
    assert desk.ring(second) == []


def test_an_entry_under_way_is_where_the_position_heads() -> None:
    """Between two slices the same wish is no news, also with another stop; another direction is."""
    desk = OrderDesk()
    desk.say(SHORT, style=TWAP)
    assert desk.allocator.heading("a", PERP) is SHORT
    assert desk.allocator.posture("a", PERP) is Posture.BETWEEN
    assert not desk.allocator.changes("a", Signal("a", PERP, SHORT, stop=105.0))
    assert desk.allocator.changes("a", Signal("a", PERP, FLAT))
