"""Order types, times in force, amends, brackets, groups and hedge mode, each on candles made by hand."""

from decimal import Decimal
from typing import Any

import pytest

from agentic_trading.core.enums import Liquidity, OrderType, PositionSide, Side, TimeInForce
from agentic_trading.core.events import Event, Fill, OrderAmended
from agentic_trading.core.orders import Target
from agentic_trading.simulation.costs import CostModel
from venue_market import BUY, MINUTE, SELL, START_NS, Desk, candle, executions, model, only, story

FLAT = "100 100 100 100"
SECOND = MINUTE // 60
FOK, GTD = TimeInForce.FOK, TimeInForce.GTD
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def target(price: str, share: str) -> Target:
    return Target(Decimal(price), Decimal(share))


def stop_limit(desk: Desk, side: Side, quantity: str, stop: str, limit: str, **terms: Any) -> str:
    return desk.order(side, quantity, type=OrderType.STOP_LIMIT, stop_price=stop, price=limit, **terms)


def trailing(desk: Desk, side: Side, quantity: str, **terms: Any) -> str:
    return desk.order(side, quantity, type=OrderType.TRAILING_STOP, **terms)


def amounts(reports: list[Event], order_id: str) -> list[str]:
    """The whole quantities an order was said to have, in order."""
    return [str(each.quantity) for each in only(reports, OrderAmended) if each.order_id == order_id]


# --- conditional orders -------------------------------------------------------------------------


def test_stop_limit_takes_within_its_limit() -> None:
    """Touched inside the candle with the market within the limit after costs: it takes at the stop."""
    desk = Desk(model(CostModel(Decimal(10))))
    stop_limit(desk, SELL, "1", "95", "94")
    (fill,) = only(desk.passes(candle(0, FLAT), candle(1, "97 98 93 97")), Fill)
    assert (fill.price, fill.reference_price, fill.liquidity) == (Decimal("94.9"), 95, Liquidity.TAKER)


def test_stop_limit_that_the_market_jumped_over_rests() -> None:
    """A gap beyond the limit fills nothing: it rests, and makes when price comes back through it."""
    desk = Desk()
    stop_limit(desk, SELL, "1", "95", "94")
    gap = desk.passes(candle(0, FLAT), candle(1, "92 93 91 92"))
    assert not executions(gap)
    (fill,) = only(desk.passes(candle(2, "92 95 91 93")), Fill)
    assert (fill.price, fill.liquidity) == (94, Liquidity.MAKER)


def test_stop_limit_triggered_inside_trusts_only_the_close() -> None:
    """The high of the candle may be older than the trigger: only a close beyond the limit makes it."""
    desk = Desk(model(CostModel(Decimal(100))))
    stop_limit(desk, SELL, "1", "95", "95")  # after costs the market is never within it
    assert not executions(desk.passes(candle(0, FLAT), candle(1, "97 99 94 95")))
    desk = Desk(model(CostModel(Decimal(100))))
    stop_limit(desk, SELL, "1", "95", "95")
    assert executions(desk.passes(candle(0, FLAT), candle(1, "97 99 94 96"))) == [("A", "1", "95")]


@pytest.mark.parametrize(
    ("bars", "price"), [("100 106 99 103", "105"), ("107 108 106 107", "107"), ("100 104.9 99 103", None)]
)
def test_take_profit_market(bars: str, price: str | None) -> None:
    """It executes at its level when touched, at a better open where the market gapped over it."""
    desk = Desk()
    desk.order(SELL, "1", type=OrderType.TAKE_PROFIT_MARKET, stop_price="105")
    found = executions(desk.passes(candle(0, FLAT), candle(1, bars)))
    assert found == ([] if price is None else [("A", "1", price)])


def test_take_profit_limit_is_triggered_first() -> None:
    """Its limit works from the trigger on: here it takes at the level, which is within the limit."""
    desk = Desk()
    desk.order(BUY, "1", type=OrderType.TAKE_PROFIT_LIMIT, stop_price="95", price="96")
    assert not executions(desk.passes(candle(0, FLAT), candle(1, "97 98 95.1 97")))
    assert executions(desk.passes(candle(2, "97 98 94 97"))) == [("A", "1", "95")]


# --- trailing stops -----------------------------------------------------------------------------


def test_trailing_stop_follows_and_never_loosens() -> None:
    """The level follows the best price at its distance, stays when price falls, and then stops."""
    desk = Desk()
    trailing(desk, SELL, "1", trail_amount="5")
    quiet = desk.passes(candle(0, FLAT), candle(1, "101 110 101 109"), candle(2, "109 109 105.1 106"))
    assert not executions(quiet)
    assert executions(desk.passes(candle(3, "106 107 104 106"))) == [("A", "1", "105")]


def test_trailing_ratio_rounds_away_from_the_market() -> None:
    """Two percent under 100.3 is 98.294: the level is the tick below."""
    desk = Desk()
    trailing(desk, SELL, "1", trail_ratio="0.02")
    desk.passes(candle(0, "100 100.3 100 100.3"))
    assert desk.venue.waits().levels[desk.symbol][0] == 98.2
    assert desk.venue.waits().every_row == (desk.symbol,)


def test_trailing_stop_waits_for_its_activation() -> None:
    """Before the activation price it is no stop at all; from there on it trails."""
    desk = Desk()
    trailing(desk, SELL, "1", trail_amount="5", activation_price="110")
    assert not executions(desk.passes(candle(0, FLAT), candle(1, "100 101 80 100")))
    waits = desk.venue.waits()
    assert (waits.every_row, waits.levels[desk.symbol][1]) == ((), 110.0)
    reports = desk.passes(candle(2, "100 111 100 110"), candle(3, "110 110 105 106"))
    assert executions(reports) == [("A", "1", "106")]


@pytest.mark.parametrize(("optimistic", "price"), [(False, "103"), (True, "105")])
def test_a_close_beyond_the_raised_level_is_the_price(optimistic: bool, price: str) -> None:
    """High first, then a close below the level it made: surely triggered, and the close is the price."""
    desk = Desk(model(optimistic=optimistic))
    trailing(desk, SELL, "1", trail_amount="5")
    reports = desk.passes(candle(0, FLAT), candle(1, "100 110 96 103"))
    assert executions(reports) == [("A", "1", price)]


def test_a_gap_through_a_trailing_stop_fills_at_the_open() -> None:
    """The worse of level and open, as for every stop."""
    desk = Desk()
    trailing(desk, BUY, "1", trail_amount="5")
    assert executions(desk.passes(candle(0, FLAT), candle(1, "108 109 107 108"))) == [("A", "1", "108")]


# --- how long, and how --------------------------------------------------------------------------


def test_fill_or_kill_is_all_or_nothing() -> None:
    """What cannot be filled whole at once is cancelled whole."""
    desk = Desk(model(participation="0.1"))
    desk.buy("3", time_in_force=FOK)
    assert story(desk.passes(candle(0, FLAT, 29)))[1:] == ["OrderCanceled A: fill_or_kill"]
    desk.buy("3", at=1, time_in_force=FOK)
    assert executions(desk.passes(candle(1, FLAT, 31))) == [("B", "3", "100")]


def test_good_till_date_ends_at_its_time() -> None:
    """The open before its end may still fill it, the low after it may not."""
    desk = Desk()
    end = START_NS + MINUTE + 30 * SECOND
    desk.limit(BUY, "1", "95", time_in_force=GTD, expires_ns=end)
    assert desk.venue.waits().arrival_ns == START_NS
    desk.passes(candle(0, FLAT))
    assert desk.venue.waits().arrival_ns == end
    reports = desk.passes(candle(1, "100 100 90 100"))
    assert story(reports) == ["OrderCanceled A: expired"]
    assert reports[0].at_ns == end  # type: ignore[attr-defined]
    desk.limit(BUY, "1", "95", at=2, time_in_force=GTD, expires_ns=START_NS)
    assert story(desk.passes(candle(2, FLAT))) == ["OrderRejected B: expired"]


@pytest.mark.parametrize(("price", "taken"), [("99.9", True), ("100", False), ("100.1", False)])
def test_post_only_never_takes(price: str, taken: bool) -> None:
    """An order that the market shows a price for at its arrival is refused."""
    desk = Desk()
    desk.limit(BUY, "1", price, post_only=True)
    expected = "OrderAccepted A" if taken else "OrderRejected A: post_only_would_take"
    assert story(desk.passes(candle(0, FLAT))) == [expected]


def test_close_position_takes_what_is_held() -> None:
    """Its quantity is what is held when it triggers, and it says so."""
    desk = Desk()
    desk.buy("1.5")
    desk.stop(SELL, "0", "95", close_position=True)
    desk.buy("1", at=1)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT), candle(2, "96 96 94 95"))
    assert executions(reports)[-1] == ("B", "2.5", "95")
    assert amounts(reports, "B") == ["2.5"]
    assert desk.held() == 0


@pytest.mark.parametrize(
    "terms",
    [
        {"type": OrderType.LIMIT},
        {"price": "100"},
        {"stop_price": "100"},
        {"type": OrderType.STOP_LIMIT, "stop_price": "100"},
        {"type": OrderType.TRAILING_STOP},
        {"type": OrderType.TRAILING_STOP, "trail_ratio": "0.01", "trail_amount": "1"},
        {"type": OrderType.TRAILING_STOP, "trail_ratio": "1"},
        {"trail_amount": "1"},
        {"post_only": True},
        {"close_position": True},
        {"time_in_force": GTD},
        {"expires_ns": START_NS + MINUTE},
    ],
)
def test_terms_that_contradict_are_rejected(terms: dict[str, Any]) -> None:
    """An order that lacks what its type needs, or carries what it cannot use, is refused."""
    desk = Desk()
    desk.buy("1", **terms)
    assert story(desk.passes(candle(0, FLAT))) == ["OrderRejected A: terms_contradict"]


# --- amending -----------------------------------------------------------------------------------


def test_amend_changes_price_and_quantity() -> None:
    """The order has the new terms from the arrival of the amend on."""
    desk = Desk()
    order = desk.limit(BUY, "1", "95")
    desk.amend(order, 1, price="97", quantity="2")
    reports = desk.passes(candle(0, FLAT), candle(1, "100 100 96 99"))
    assert story(reports) == ["OrderAccepted A", "OrderAmended A", "Fill A"]
    assert executions(reports) == [("A", "2", "97")]


def test_amend_travels_for_its_own_time() -> None:
    """A slow amend comes too late for the candle in which it is still on its way."""
    desk = Desk(model(amend_latency_ns=2 * MINUTE, cancel_latency_ns=0))
    order = desk.limit(BUY, "1", "95")
    desk.amend(order, 1, price="90")
    reports = desk.passes(candle(0, FLAT), candle(1, "96 96 94 95"), candle(2, FLAT), candle(3, FLAT))
    assert story(reports) == ["OrderAccepted A", "Fill A", "AmendRejected A: order_is_done"]


def test_amend_below_what_is_filled_ends_the_order() -> None:
    """There is nothing left to fill: the order is done, and what was filled stays."""
    desk = Desk(model(participation="0.1"))
    order = desk.limit(BUY, "5", "100")
    desk.amend(order, 1, quantity="2")
    reports = desk.passes(candle(0, FLAT, 20), candle(1, FLAT, 20))
    assert executions(reports) == [("A", "2", "100")]
    assert story(reports)[-2:] == ["OrderAmended A", "OrderCanceled A: amended_below_filled"]


def test_an_amended_limit_may_take() -> None:
    """With a price that the market shows it takes as a new order would."""
    desk = Desk()
    order = desk.limit(SELL, "1", "105")
    desk.amend(order, 1, price="99")
    (fill,) = only(desk.passes(candle(0, FLAT), candle(1, FLAT)), Fill)
    assert (fill.price, fill.liquidity) == (100, Liquidity.TAKER)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": "95.05"}, "price_off_tick"),
        ({"quantity": "1.0005"}, "quantity_off_lot"),
        ({"stop_price": "95"}, "terms_contradict"),
        ({"price": "101"}, "post_only_would_take"),
    ],
)
def test_a_bad_amend_changes_nothing(changes: dict[str, str], reason: str) -> None:
    """It is rejected with the rule it breaks, and the order works as before."""
    desk = Desk()
    order = desk.limit(BUY, "1", "95", post_only=True)
    desk.amend(order, 1, **changes)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT), candle(2, "96 96 94 95"))
    assert story(reports)[1:] == [f"AmendRejected A: {reason}", "Fill A"]


# --- brackets and groups ------------------------------------------------------------------------

HALVES = (target("105", "0.5"), target("110", "0.5"))


def test_targets_take_their_shares_and_lower_the_stop() -> None:
    """Each target's fill leaves the stop with what is still open."""
    desk = Desk()
    desk.buy("3.001", protective_stop="95", targets=HALVES)
    reports = desk.passes(candle(0, FLAT), candle(1, "101 106 100 104"), candle(2, "104 104 94 95"))
    assert executions(reports) == [("A", "3.001", "100"), ("At1", "1.5", "105"), ("As", "1.501", "95")]
    assert (amounts(reports, "At2"), amounts(reports, "As")) == (["1.501"], ["1.501"])
    assert story(reports)[-2:] == ["OrderCanceled At2: stopped_out", "Fill As"]
    assert (desk.held(), desk.idle) == (0, True)


def test_the_last_target_ends_the_stop() -> None:
    """With every target filled nothing is left to protect."""
    desk = Desk()
    desk.buy("2", protective_stop="95", targets=HALVES)
    reports = desk.passes(candle(0, FLAT), candle(1, "101 111 100 110"))
    assert executions(reports)[1:] == [("At1", "1", "105"), ("At2", "1", "110")]
    assert story(reports)[-1] == "OrderCanceled As: target_reached"
    assert (desk.held(), desk.idle) == (0, True)


def test_targets_follow_partial_fills_and_end_the_entry() -> None:
    """Targets grow with the entry; once one is reached, what is left of the entry is cancelled."""
    desk = Desk(model(participation="0.1"))
    desk.buy("5", protective_stop="95", targets=HALVES)
    reports = desk.passes(candle(0, FLAT, 10), candle(1, FLAT, 20), candle(2, "106 106 106 106", 0.0))
    assert amounts(reports, "At1") == ["0.500", "1.500"]
    assert amounts(reports, "At2") == ["0.500", "1.500"]
    reports = desk.passes(candle(3, "106 106 104 106", 1000))
    assert executions(reports)[:2] == [("A", "2", "106"), ("At1", "2.5", "106")]
    reports = desk.passes(candle(4, "100 112 100 111"))
    assert executions(reports) == [("At2", "2.5", "110")]
    assert desk.held() == 0


@pytest.mark.parametrize(("optimistic", "filled"), [(False, ("As", "1", "95")), (True, ("At1", "1", "105"))])
def test_stop_and_target_in_one_candle(optimistic: bool, filled: tuple[str, str, str]) -> None:
    """Nobody knows which came first: the stop, unless the kinder reading was chosen."""
    desk = Desk(model(optimistic=optimistic))
    desk.buy("1", protective_stop="95", targets=(target("105", "1"),))
    reports = desk.passes(candle(0, FLAT), candle(1, "100 106 94 100"))
    assert executions(reports)[1:] == [filled]
    assert desk.idle


@pytest.mark.parametrize("shares", [("0.6", "0.5"), ("0", "1"), ("-0.5", "1")])
def test_shares_make_no_more_than_the_whole(shares: tuple[str, str]) -> None:
    """Targets for more than the position, or for nothing, are refused."""
    desk = Desk()
    desk.buy("1", targets=tuple(target("105", share) for share in shares))
    assert story(desk.passes(candle(0, FLAT))) == ["OrderRejected A: targets_invalid"]


def test_what_replaces_the_stop_takes_its_place_in_the_bracket() -> None:
    """A moved stop is lowered by a target, and ends the other targets when it triggers."""
    desk = Desk()
    desk.buy("2", protective_stop="95", targets=HALVES)
    desk.stop(SELL, "2", "99", at=1, closing=True, reduce_only=True, replaces="As")
    reports = desk.passes(candle(0, FLAT), candle(1, "101 106 100 104"), candle(2, "104 104 94 95"))
    assert executions(reports)[1:] == [("At1", "1", "105"), ("B", "1", "99")]
    assert (desk.held(), desk.idle) == (0, True)


def test_one_cancels_the_other() -> None:
    """The first of a group that executes cancels the rest, and what arrives later is refused."""
    desk = Desk()
    desk.limit(BUY, "1", "95", oco_group="g")
    desk.stop(BUY, "1", "105", oco_group="g")
    desk.limit(BUY, "1", "90", at=2, oco_group="g")
    reports = desk.passes(candle(0, FLAT), candle(1, "100 106 94 100"), candle(2, FLAT))
    assert executions(reports) == [("B", "1", "105")]
    assert story(reports)[2:] == ["OrderCanceled A: oco", "Fill B", "OrderRejected C: oco_group_is_done"]


# --- hedge mode ---------------------------------------------------------------------------------


def test_hedge_mode_keeps_long_and_short_apart() -> None:
    """Both legs are held at once; each is only closed by its own orders, and never turned around."""
    desk = Desk(model(hedged=True))
    desk.buy("2", position_side=LONG)
    desk.sell("1", position_side=SHORT)
    desk.sell("3", at=1, position_side=LONG)
    reports = desk.passes(candle(0, FLAT), candle(1, "110 110 110 110"))
    assert executions(reports) == [("A", "2", "100"), ("B", "1", "100"), ("C", "2", "110")]
    account = desk.venue.account
    assert (account.position(desk.symbol, LONG), account.position(desk.symbol, SHORT)) == (0, -1)
    assert (desk.held(), desk.balance()) == (-1, 1000020)
    assert desk.venue.waits().holding


@pytest.mark.parametrize(("hedged", "side"), [(True, PositionSide.NET), (False, LONG)])
def test_the_position_side_fits_the_account(hedged: bool, side: PositionSide) -> None:
    """A hedged account wants to know which leg, a one-way account has none."""
    desk = Desk(model(hedged=hedged))
    desk.buy("1", position_side=side)
    assert story(desk.passes(candle(0, FLAT))) == ["OrderRejected A: position_side_mismatch"]
