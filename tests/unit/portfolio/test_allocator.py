"""From a wanted position to proposals: one step at a time, and every exit to its end."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import MINUTE_NS, Direction, OrderType, PositionSide, Posture, Side
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    CancelOrder,
    Event,
    OrderTerms,
    Proposal,
    Refusal,
    Signal,
)
from agentic_trading.core.orders import Target
from order_desk import PERP, SPOT, OrderDesk

TARGETS = (Target(Decimal(110), Decimal("0.5")), Target(Decimal(120), Decimal("0.5")))
LONG, SHORT, FLAT = Direction.LONG, Direction.SHORT, Direction.FLAT


@pytest.fixture
def desk() -> OrderDesk:
    return OrderDesk()


def terms_of(answers: list[Event]) -> OrderTerms:
    """The terms of the only proposal among the answers, which must be the only answer."""
    (proposal,) = answers
    assert isinstance(proposal, Proposal), proposal
    return proposal.terms


def refusal_of(answers: list[Event]) -> Refusal:
    (refusal,) = answers
    assert isinstance(refusal, Refusal), refusal
    return refusal


def shape(terms: OrderTerms) -> tuple[Any, ...]:
    return terms.side, terms.quantity, terms.closing, terms.reduce_only, terms.replaces


@pytest.mark.parametrize(("direction", "side"), [(LONG, Side.BUY), (SHORT, Side.SELL)])
def test_a_wish_from_flat_opens(desk: OrderDesk, direction: Direction, side: Side) -> None:
    """From flat, a long buys and a short sells the size that sizing gives, at market, closing nothing."""
    terms = terms_of(desk.say(direction))
    assert shape(terms) == (side, Decimal(1), False, False, None)
    assert terms.type is OrderType.MARKET


def test_flat_from_flat_is_nothing(desk: OrderDesk) -> None:
    """Who is flat and wants to be flat needs no order."""
    assert desk.say(FLAT) == []


@pytest.mark.parametrize(("side", "exit_side"), [(Side.BUY, Side.SELL), (Side.SELL, Side.BUY)])
def test_flat_closes_all_and_takes_the_stop_with_it(desk: OrderDesk, side: Side, exit_side: Side) -> None:
    """An exit is reduce-only, for the whole position, and replaces the protective stop."""
    stop = Decimal(90) if side is Side.BUY else Decimal(110)
    entry = desk.hold(side, "1.5", protective_stop=stop)
    assert shape(terms_of(desk.say(FLAT))) == (exit_side, Decimal("1.5"), True, True, entry + "s")


def test_repeating_a_wish_does_nothing(desk: OrderDesk) -> None:
    """A long that is held already leads to no order, and is no news."""
    desk.hold(Side.BUY, "1")
    assert desk.say(LONG) == []
    assert not desk.allocator.changes("a", Signal("a", PERP, LONG))


def test_a_reversal_closes_first_and_opens_when_the_close_is_done(desk: OrderDesk) -> None:
    """From long to short is an exit, and only after its last fill an entry."""
    desk.hold(Side.BUY, "1")
    exit_id = desk.approve(desk.say(SHORT)[0])
    assert desk.orders.all[exit_id].terms.closing
    assert desk.fill(exit_id, "0.4") == []
    assert shape(terms_of(desk.fill(exit_id, "0.6"))) == (Side.SELL, Decimal(1), False, False, None)


def test_a_reversal_whose_close_is_refused_waits_for_nothing(desk: OrderDesk) -> None:
    """If risk refuses, the second half is forgotten: the position is where it was."""
    desk.hold(Side.BUY, "1")
    assert desk.allocator.heading("a", PERP) is LONG
    desk.say(SHORT)
    assert desk.allocator.heading("a", PERP) is SHORT
    desk.allocator.react(Refusal(1, "proposal-1", "a", PERP, "code", 1.0, 0.0, -1.0))
    assert desk.allocator.heading("a", PERP) is LONG


def test_an_order_that_points_elsewhere_is_cancelled_once_and_then_acted_upon(desk: OrderDesk) -> None:
    """While an entry works, another wish cancels it, waits for its end, and then closes what was filled."""
    entry = desk.approve(desk.say(LONG)[0])
    desk.accept(entry)
    desk.fill(entry, "0.3")
    (cancel,) = desk.say(FLAT)
    assert isinstance(cancel, CancelOrder)
    assert (cancel.order_id, cancel.reason) == (entry, "signal_changed")
    desk.orders.react(cancel)
    assert desk.say(FLAT) == []  # asked already
    assert shape(terms_of(desk.cancel(entry))) == (Side.SELL, Decimal("0.3"), True, True, None)


def test_the_last_wish_counts(desk: OrderDesk) -> None:
    """Of several wishes during one order's life only the last is pursued."""
    entry = desk.approve(desk.say(LONG)[0])
    desk.say(FLAT)
    desk.say(SHORT)
    assert shape(terms_of(desk.cancel(entry))) == (Side.SELL, Decimal(1), False, False, None)


def test_an_exit_is_never_cancelled(desk: OrderDesk) -> None:
    """A new entry waits for a working exit instead of stopping it."""
    desk.hold(Side.BUY, "1")
    exit_id = desk.approve(desk.say(FLAT)[0])
    assert desk.say(LONG) == []
    assert shape(terms_of(desk.fill(exit_id, "1"))) == (Side.BUY, Decimal(1), False, False, None)


def test_heading_counts_what_is_on_its_way(desk: OrderDesk) -> None:
    """A position heads to where settled and working orders lead, unless another wish waits."""
    entry = desk.approve(desk.say(SHORT)[0])
    assert desk.allocator.heading("a", PERP) is SHORT
    desk.fill(entry, "1")
    desk.approve(desk.say(FLAT)[0])
    assert desk.allocator.heading("a", PERP) is FLAT
    desk.say(LONG)
    assert desk.allocator.heading("a", PERP) is LONG


def test_spot_cannot_be_short(desk: OrderDesk) -> None:
    """A short on spot is refused by name from flat; from long it closes and the rest is refused."""
    assert refusal_of(desk.say(SHORT, SPOT)).code == "short_not_possible"
    desk.hold(Side.BUY, "1", SPOT)
    proposal, refusal = desk.say(SHORT, SPOT)
    assert shape(terms_of([proposal])) == (Side.SELL, Decimal(1), True, True, None)
    assert refusal_of([refusal]).code == "short_not_possible"
    assert desk.fill(desk.approve(proposal), "1") == []


def test_an_entry_that_expired_while_it_waited_is_not_made(desk: OrderDesk) -> None:
    """After ``valid_for`` candles a waiting entry is dropped; up to then it is pursued."""
    for late, expected in ((0, True), (1, False)):
        each = OrderDesk()
        entry = each.approve(each.say(LONG)[0])
        each.say(SHORT, valid_for=2)
        each.clock.now_ns += 2 * MINUTE_NS + late
        assert bool(each.cancel(entry)) is expected


def test_an_expired_reversal_still_gets_out(desk: OrderDesk) -> None:
    """An opposite wish that expired opens nothing, but what points elsewhere is closed, and stays so."""
    entry = desk.approve(desk.say(LONG)[0])
    desk.say(SHORT, valid_for=1)
    desk.clock.now_ns += 5 * MINUTE_NS
    exit_terms = desk.fill(entry, "1")
    assert shape(terms_of(exit_terms)) == (Side.SELL, Decimal(1), True, True, None)
    assert desk.fill(desk.approve(exit_terms[0]), "1") == []


def test_a_wish_that_expired_leaves_what_it_wished_for(desk: OrderDesk) -> None:
    """A waiting wish for the way that is held by then ends without a trace: the position stays."""
    entry = desk.approve(desk.say(LONG)[0])
    desk.say(LONG, valid_for=1)
    desk.clock.now_ns += 5 * MINUTE_NS
    assert desk.fill(entry, "1") == []


def test_an_entry_that_is_not_filled_in_time_is_cancelled(desk: OrderDesk) -> None:
    """When ``valid_for`` is over, what is left of the entry is cancelled once; what was filled stays."""
    proposal, alarm = desk.say(LONG, valid_for=2, stop=95.0)
    assert isinstance(alarm, Alarm)
    assert alarm.at_ns == desk.clock.now_ns + 2 * MINUTE_NS
    entry = desk.approve(proposal)
    desk.fill(entry, "0.3")
    (cancel,) = desk.allocator.react(AlarmRang(alarm.key, alarm.at_ns))
    assert isinstance(cancel, CancelOrder)
    assert (cancel.order_id, cancel.reason) == (entry, "expired")
    desk.orders.react(cancel)
    assert list(desk.allocator.react(AlarmRang(alarm.key, alarm.at_ns))) == []
    assert desk.cancel(entry, "expired") == []
    assert desk.allocator.heading("a", PERP) is LONG


def test_a_deadline_is_that_of_its_own_entry(desk: OrderDesk) -> None:
    """The alarm of an entry that is done touches neither an exit nor a later entry."""
    proposal, alarm = desk.say(LONG, valid_for=2)
    assert isinstance(alarm, Alarm)
    desk.fill(desk.approve(proposal), "1")
    exit_id = desk.approve(desk.say(FLAT)[0])
    assert list(desk.allocator.react(AlarmRang(alarm.key, alarm.at_ns))) == []
    desk.fill(exit_id, "1")
    desk.approve(desk.say(LONG)[0])
    assert list(desk.allocator.react(AlarmRang(alarm.key, alarm.at_ns))) == []


# --- stops -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "stop", "on_tick"), [(LONG, 95.03, "95.1"), (SHORT, 104.97, "104.9"), (LONG, 95.1, "95.1")]
)
def test_a_stop_goes_with_its_entry_and_triggers_no_later_than_asked(
    desk: OrderDesk, direction: Direction, stop: float, on_tick: str
) -> None:
    """The protective stop of an entry is the signal's, on the tick, rounded toward the market."""
    assert terms_of(desk.say(direction, stop=stop)).protective_stop == Decimal(on_tick)


@pytest.mark.parametrize(("direction", "stop"), [(LONG, 100.0), (LONG, 101.0), (SHORT, 100.0), (SHORT, 99.0)])
def test_a_stop_on_the_wrong_side_is_refused(desk: OrderDesk, direction: Direction, stop: float) -> None:
    """An entry, or a move, whose stop the market has already passed is refused; headroom is not positive."""
    refusal = refusal_of(desk.say(direction, stop=stop))
    assert (refusal.code, refusal.value, refusal.limit) == ("stop_on_wrong_side", stop, 100.0)
    assert refusal.headroom is not None
    assert refusal.headroom <= 0
    desk.hold(Side.BUY if direction is LONG else Side.SELL, "1")
    assert refusal_of(desk.say(direction, stop=stop)).code == "stop_on_wrong_side"


def test_moving_a_stop_replaces_it(desk: OrderDesk) -> None:
    """The same wish with another stop replaces the resting stop, for the whole position."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    terms = terms_of(desk.say(LONG, stop=95.0))
    assert shape(terms) == (Side.SELL, Decimal(1), True, True, entry + "s")
    assert (terms.type, terms.stop_price) == (OrderType.STOP_MARKET, Decimal(95))


def test_a_stop_that_is_there_already_is_not_moved(desk: OrderDesk) -> None:
    """The same stop, also after rounding to the tick, and no stop at all, change nothing."""
    desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    for stop in (90.0, 89.95, None):
        assert desk.say(LONG, stop=stop) == []
        assert not desk.allocator.changes("a", Signal("a", PERP, LONG, stop=stop))
    assert desk.allocator.changes("a", Signal("a", PERP, LONG, stop=90.1))


def test_the_second_move_replaces_the_first(desk: OrderDesk) -> None:
    """While a moved stop is still travelling, the next move replaces that one."""
    desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    moved = desk.approve(desk.say(LONG, stop=92.0)[0])
    assert terms_of(desk.say(LONG, stop=94.0)).replaces == moved


def test_a_position_without_a_stop_can_be_given_one(desk: OrderDesk) -> None:
    """A stop for an open position that has none replaces nothing."""
    desk.hold(Side.SELL, "1")
    terms = terms_of(desk.say(SHORT, stop=105.0))
    assert shape(terms) == (Side.BUY, Decimal(1), True, True, None)


# --- exits that the venue did not finish -------------------------------------------------------


def test_a_netted_exit_is_made_without_the_flag_and_takes_the_stop_with_it(desk: OrderDesk) -> None:
    """When the account has nothing to reduce, the exit is repeated without reduce-only, once."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    exit_id = desk.approve(desk.say(FLAT)[0])
    again = desk.reject(exit_id, "reduce_only_without_position")
    assert shape(terms_of(again)) == (Side.SELL, Decimal(1), True, False, entry + "s")
    assert desk.fill(desk.approve(again[0]), "1") == []


def test_a_netted_reversal_gets_out_and_then_opens(desk: OrderDesk) -> None:
    """A reversal whose exit was refused for netting exits without the flag and opens afterwards."""
    desk.hold(Side.BUY, "1")
    exit_id = desk.approve(desk.say(SHORT)[0])
    again = desk.reject(exit_id, "reduce_only_without_position")
    assert shape(terms_of(again)) == (Side.SELL, Decimal(1), True, False, None)
    opening = desk.fill(desk.approve(again[0]), "1")
    assert shape(terms_of(opening)) == (Side.SELL, Decimal(1), False, False, None)


def test_what_netting_left_over_is_closed(desk: OrderDesk) -> None:
    """A reduce-only exit that the venue could fill only in part is finished for the rest."""
    desk.hold(Side.BUY, "1")
    exit_id = desk.approve(desk.say(FLAT)[0])
    desk.fill(exit_id, "0.4")
    assert shape(terms_of(desk.cancel(exit_id, "reduce_only"))) == (
        Side.SELL, Decimal("0.6"), True, False, None,
    )  # fmt: skip


def test_a_stop_that_netting_disarmed_still_ends_the_position(desk: OrderDesk) -> None:
    """A stop that triggered and found nothing to reduce leads to an exit without the flag."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    assert shape(terms_of(desk.cancel(entry + "s", "reduce_only"))) == (
        Side.SELL, Decimal(1), True, False, None,
    )  # fmt: skip


def test_a_stop_that_was_hit_is_not_forgotten_for_a_later_wish(desk: OrderDesk) -> None:
    """If the stop was hit while another exit travelled, even a new long first gets out, then in again."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    exit_id = desk.approve(desk.say(FLAT)[0])
    desk.say(LONG)
    assert desk.cancel(entry + "s", "reduce_only") == []
    again = desk.reject(exit_id, "replaced_order_is_done")
    assert shape(terms_of(again)) == (Side.SELL, Decimal(1), True, False, None)
    assert shape(terms_of(desk.fill(desk.approve(again[0]), "1"))) == (
        Side.BUY, Decimal(1), False, False, None,
    )  # fmt: skip


def test_an_exit_that_came_too_late_for_its_stop_is_repeated_if_needed(desk: OrderDesk) -> None:
    """If the stop it was to replace had ended without closing the position, the exit is sent again."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    exit_id = desk.approve(desk.say(FLAT)[0])
    desk.cancel(entry + "s", "expired")
    again = desk.reject(exit_id, "replaced_order_is_done")
    assert shape(terms_of(again)) == (Side.SELL, Decimal(1), True, True, None)


def test_an_exit_that_the_stop_made_needless_is_not_repeated(desk: OrderDesk) -> None:
    """If the stop closed the position before the exit came, there is nothing left to do."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    exit_id = desk.approve(desk.say(FLAT)[0])
    desk.fill(entry + "s", "1", "90")
    assert desk.reject(exit_id, "replaced_order_is_done") == []


def test_an_exit_that_the_venue_cannot_take_is_not_repeated(desk: OrderDesk) -> None:
    """An exit rejected for its form would be rejected again: it is left to the next signal."""
    desk.hold(Side.BUY, "1")
    exit_id = desk.approve(desk.say(FLAT)[0])
    assert desk.reject(exit_id, "quantity_off_lot") == []


def test_a_moved_stop_that_came_too_late_closes_nothing(desk: OrderDesk) -> None:
    """A move that the venue rejects leaves position and old stop as they are."""
    desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    moved = desk.approve(desk.say(LONG, stop=95.0)[0])
    assert desk.reject(moved, "replaced_order_is_done") == []


# --- what is refused before it is a proposal ---------------------------------------------------


def test_too_small_is_refused_with_the_numbers() -> None:
    """Below the least quantity or notional an entry is refused with what was missing."""
    small = OrderDesk("0.009")
    refusal = refusal_of(small.say(LONG))
    assert (refusal.code, refusal.value, refusal.limit) == ("below_minimum", 0.0, 0.01)
    cheap = OrderDesk("0.04")
    refusal = refusal_of(cheap.say(LONG))
    assert (refusal.code, refusal.value, refusal.limit, refusal.headroom) == ("below_minimum", 4.0, 5.0, -1.0)


def test_an_unknown_size_is_refused(desk: OrderDesk) -> None:
    """Without a price there is no size, and no order."""
    desk.marks.prices[PERP] = float("nan")
    assert refusal_of(desk.say(LONG)).code == "size_unknown"


# --- targets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "stop", "targets", "expected"),
    [
        (LONG, 95.0, (110.02,), [("110.1", "1")]),
        (SHORT, 105.0, (90.08,), [("90.0", "1")]),
        (
            LONG,
            95.0,
            (110.0, 120.0, 130.0),
            [("110", "0.33333333"), ("120", "0.33333333"), ("130", "0.33333334")],
        ),
        (LONG, 95.0, ((110.0, 0.25), (120.0, 0.5)), [("110", "0.25"), ("120", "0.5")]),
    ],
)
def test_targets_go_with_their_entry_and_take_no_less_than_asked(
    desk: OrderDesk, direction: Direction, stop: float, targets: Any, expected: list[tuple[str, str]]
) -> None:
    """Prices are on the tick, away from the market; without shares the whole is split evenly."""
    terms = terms_of(desk.say(direction, stop=stop, targets=targets))
    assert [(each.price, each.share_ratio) for each in terms.targets] == [
        (Decimal(price), Decimal(share)) for price, share in expected
    ]


@given(count=st.integers(1, 60))
def test_equal_shares_make_the_whole(count: int) -> None:
    """However many targets there are, their shares sum to exactly one and differ by rounding alone."""
    prices = tuple(110.0 + number for number in range(count))
    shares = [each.share_ratio for each in terms_of(OrderDesk().say(LONG, stop=95.0, targets=prices)).targets]
    assert sum(shares) == 1
    assert max(shares) - min(shares) < Decimal("0.000001")


@pytest.mark.parametrize(
    ("direction", "stop", "targets"), [(LONG, 95.0, (110.0, 100.0)), (SHORT, 105.0, (101.0,))]
)
def test_a_target_on_the_wrong_side_is_refused(
    desk: OrderDesk, direction: Direction, stop: float, targets: Any
) -> None:
    """An entry one of whose targets the market has reached already is refused with the price."""
    refusal = refusal_of(desk.say(direction, stop=stop, targets=targets))
    assert (refusal.code, refusal.value, refusal.limit) == ("target_on_wrong_side", targets[-1], 100.0)
    assert refusal.headroom is not None
    assert refusal.headroom <= 0


def test_targets_without_a_stop_are_refused(desk: OrderDesk) -> None:
    """Only a stop ties targets to the exit at the venue; without one the entry is refused by name."""
    assert refusal_of(desk.say(LONG, targets=(110.0,))).code == "targets_without_stop"


def test_a_target_is_not_in_the_way_of_an_exit(desk: OrderDesk) -> None:
    """Targets are not working orders: an exit goes at once, for what is held, in place of the stop."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90), targets=TARGETS)
    desk.grow(entry, "0.5", "0.5")
    assert desk.allocator.posture("a", PERP) is Posture.LONG
    desk.fill(entry + "t1", "0.5", "110")
    assert shape(terms_of(desk.say(FLAT))) == (Side.SELL, Decimal("0.5"), True, True, entry + "s")


def test_a_target_that_netting_disarmed_leaves_the_position_to_its_stop(desk: OrderDesk) -> None:
    """A target that found nothing to reduce lapses; it does not take the whole position with it."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90), targets=TARGETS)
    desk.grow(entry, "0.5", "0.5")
    assert desk.cancel(entry + "t1", "reduce_only") == []
    assert desk.orders.protective_stop("a", PERP) is desk.orders.all[entry + "s"]


def test_targets_that_no_exit_takes_along_go_first(desk: OrderDesk) -> None:
    """If the stop is gone and targets are left, they are cancelled, and the exit goes when they are."""
    entry = desk.hold(Side.BUY, "1", protective_stop=Decimal(90), targets=TARGETS)
    desk.grow(entry, "0.5", "0.5")
    desk.cancel(entry + "s", "by_hand")
    cancels = desk.say(FLAT)
    assert [(type(each), getattr(each, "order_id", "")) for each in cancels] == [
        (CancelOrder, entry + "t1"), (CancelOrder, entry + "t2"),
    ]  # fmt: skip
    assert desk.cancel(entry + "t1") != []
    for cancel in cancels:
        desk.orders.react(cancel)
    assert shape(terms_of(desk.cancel(entry + "t2"))) == (Side.SELL, Decimal(1), True, True, None)


# --- a position of several parts ---------------------------------------------------------------


def test_an_exit_takes_every_stop_with_it(desk: OrderDesk) -> None:
    """A position that several orders opened is closed by one order for each of their stops."""
    first = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    second = desk.hold(Side.BUY, "0.5", protective_stop=Decimal(90))
    exits = [terms_of([each]) for each in desk.say(FLAT)]
    assert [shape(terms) for terms in exits] == [
        (Side.SELL, Decimal(1), True, True, first + "s"),
        (Side.SELL, Decimal("0.5"), True, True, second + "s"),
    ]


def test_moving_the_stop_moves_every_stop(desk: OrderDesk) -> None:
    """Each of several stops is replaced for what it covers; one that is there already stays."""
    first = desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    second = desk.hold(Side.BUY, "0.5", protective_stop=Decimal(91))
    moves = [terms_of([each]) for each in desk.say(LONG, stop=95.0)]
    assert [(move.replaces, move.quantity, move.stop_price) for move in moves] == [
        (first + "s", Decimal(1), Decimal(95)), (second + "s", Decimal("0.5"), Decimal(95)),
    ]  # fmt: skip
    assert terms_of(desk.say(LONG, stop=91.0)).replaces == first + "s"


def test_an_exit_that_found_less_than_it_expected_is_finished(desk: OrderDesk) -> None:
    """If one of the exits could close less than its stop was thought to cover, the rest follows."""
    desk.hold(Side.BUY, "1", protective_stop=Decimal(90))
    second = desk.hold(Side.BUY, "0.5", protective_stop=Decimal(90))
    exits = [desk.approve(each) for each in desk.say(FLAT)]
    desk.amend(exits[0], "0.6")
    assert desk.fill(exits[0], "0.6") == []
    again = desk.fill(exits[1], "0.5")
    assert second + "s" in desk.orders.all
    assert sum(terms_of([each]).quantity for each in again) == Decimal("0.4")


# --- hedge mode --------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [LONG, SHORT])
def test_in_hedge_mode_every_order_names_its_leg(direction: Direction) -> None:
    """Entry, moved stop and exit of a perpetual are for the leg of their position; spot has none."""
    desk, side = OrderDesk(hedged=True), Side.BUY if direction is LONG else Side.SELL
    leg = PositionSide.LONG if direction is LONG else PositionSide.SHORT
    entry = terms_of(desk.say(direction))
    assert entry.position_side is leg
    desk.hold(side, "1", position_side=leg)
    stop = terms_of(desk.say(direction, stop=95.0 if direction is LONG else 105.0))
    assert (stop.position_side, terms_of(desk.say(FLAT)).position_side) == (leg, leg)
    assert terms_of(OrderDesk(hedged=True).say(LONG, SPOT)).position_side is PositionSide.NET
