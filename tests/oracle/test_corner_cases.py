"""Corner cases of docs/fill-rules.md in which the venue once did otherwise, each found by the naive venue."""

from decimal import Decimal

from msgspec.structs import replace

from agentic_trading.core.enums import MINUTE_NS, OrderType, PositionSide, TimeInForce
from agentic_trading.core.events import AmendRejected, Liquidated, OrderRejected
from agentic_trading.core.models import Halt, MarginTier
from agentic_trading.core.money import ZERO
from agentic_trading.core.orders import Target
from agentic_trading.simulation.venue import SimulatedVenue
from venue_market import (
    BUY,
    PERPETUAL,
    SELL,
    SPOT,
    START_NS,
    Desk,
    candle,
    executions,
    instrument,
    model,
    only,
    story,
)

FLAT = "100 100 100 100"
OTHER = "ETH/USDT:USDT"


def test_a_good_till_date_order_can_be_cancelled_before_its_end() -> None:
    """A cancel arrives after its own latency, whatever the order's date."""
    desk = Desk()
    end = START_NS + 5 * MINUTE_NS
    order = desk.limit(BUY, "1", "95", time_in_force=TimeInForce.GTD, expires_ns=end)
    desk.passes(candle(0, FLAT))
    desk.cancel(order, at=1)
    assert story(desk.passes(candle(1, "94 95 90 94"))) == ["OrderCanceled A: changed_mind"]


def test_stop_before_target_in_the_candle_of_a_stop_entry() -> None:
    """A stop entry, its stop and its target in one candle: touched in that candle means stopped."""
    desk = Desk()
    desk.stop(BUY, "1", "101", protective_stop="99", targets=(Target(Decimal(102), Decimal(1)),))
    reports = desk.passes(candle(0, FLAT), candle(1, "100 103 98.5 102.5"))
    assert executions(reports) == [("A", "1", "101"), ("As", "1", "99")]


def test_a_stop_that_replaces_a_closing_order_closes() -> None:
    """An order that closes whatever is held has no quantity yet: what replaces it is not bound by it."""
    desk = Desk()
    desk.buy("2")
    close = desk.stop(SELL, "0", "95", close_position=True)
    desk.stop(SELL, "2", "97", at=1, reduce_only=True, closing=True, replaces=close)
    desk.passes(candle(0, FLAT), candle(1, "100 100 98 98"), candle(2, "98 98 90 91"))
    assert desk.held() == 0


def test_a_trailing_stop_does_not_replace_a_stop_that_executes() -> None:
    """A stop that was triggered stays at the market: another stop may not take its place."""
    desk = Desk(model(participation="0.1"))
    desk.buy("2", protective_stop="95")
    trail = {"type": OrderType.TRAILING_STOP, "trail_amount": "5", "closing": True, "reduce_only": True}
    desk.order(SELL, "1", at=2, replaces="As", **trail)
    reports = desk.passes(candle(0, FLAT), candle(1, "96 96 94 95", 10), candle(2, "95 95 94 95"))
    assert "OrderRejected B: replaced_order_is_done" in story(reports)
    assert desk.held() == 0


def test_a_reduce_only_purchase_on_spot_buys_nothing() -> None:
    """Spot knows no short position that a purchase could reduce."""
    desk = Desk(symbols=[SPOT])
    desk.stop(BUY, "1", "101", reduce_only=True, closing=True)
    assert not executions(desk.passes(candle(0, "101 102 101 101", symbol=SPOT)))


def test_a_sale_of_an_empty_long_leg_is_reduce_only_by_nature() -> None:
    """In hedge mode it ends for the same reason as any order that finds nothing to reduce."""
    desk = Desk(model(hedged=True))
    desk.stop(SELL, "1", "99", position_side=PositionSide.LONG)
    assert story(desk.passes(candle(0, "99 99 98 99"))) == ["OrderAccepted A", "OrderCanceled A: reduce_only"]


def test_a_take_profit_in_the_place_of_a_target_is_no_stop() -> None:
    """What replaces a target lowers the stop when it fills; it does not cancel the other targets."""
    desk = Desk()
    halves = (Target(Decimal(105), Decimal("0.5")), Target(Decimal(110), Decimal("0.5")))
    desk.buy("2", protective_stop="95", targets=halves)
    take = {"type": OrderType.TAKE_PROFIT_MARKET, "stop_price": "104", "closing": True, "reduce_only": True}
    desk.order(SELL, "1", at=1, replaces="At1", **take)
    reports = desk.passes(candle(0, FLAT), candle(1, "100 104 100 103"), candle(2, "103 111 103 110"))
    assert executions(reports)[1:] == [("B", "1", "104"), ("At2", "1", "110")]


def test_what_arrives_in_a_hole_before_a_halt_is_carried_out_at_the_open() -> None:
    """Nothing happens between candles, before a halt as anywhere."""
    opens = START_NS + MINUTE_NS
    halted = replace(instrument(PERPETUAL), halts=(Halt(opens, opens + MINUTE_NS),))
    desk = Desk()
    desk.venue = SimulatedVenue({PERPETUAL: halted}, {PERPETUAL: model()}, {"USDT": Decimal(1000)})
    desk.buy("1", at=0.5)
    (rejected,) = only(desk.passes(candle(1, FLAT)), OrderRejected)
    assert (rejected.reason, rejected.at_ns) == ("not_trading", opens)


def test_a_closing_order_has_no_quantity_to_amend() -> None:
    """It closes whatever is held: another quantity contradicts its terms."""
    desk = Desk()
    desk.buy("1")
    close = desk.stop(SELL, "0", "95", close_position=True)
    desk.amend(close, at=1, quantity="1")
    (refused,) = only(desk.passes(candle(0, FLAT), candle(1, FLAT)), AmendRejected)
    assert refused.reason == "terms_contradict"


def test_a_target_that_came_to_be_at_the_close_waits_for_the_next_open() -> None:
    """A stop entry fills somewhere in its candle: what that candle shows is not the target's any more."""
    desk = Desk()
    desk.stop(BUY, "1", "101", targets=(Target(Decimal(102), Decimal(1)),))
    assert executions(desk.passes(candle(0, "100 103 100 103"))) == [("A", "1", "101")]
    assert executions(desk.passes(candle(1, "102.5 103 102 103"))) == [("At1", "1", "102.5")]


def test_margin_is_asked_at_the_mark_of_the_candle_before() -> None:
    """What the market shows at the open is not yet the mark, though the candle is known already."""
    desk = Desk(model(leverage=Decimal(10)), balances={"USDT": "60"})
    desk.buy("3")
    desk.passes(candle(0, "97 100 97 99"))
    desk.buy("3", at=1)  # three more at 97 are 29.1, and an open loss of none; free are 60 + 6 - 29.7
    assert executions(desk.passes(candle(1, "97 98 97 98"))) == [("B", "3", "97")]


def test_what_only_reduces_a_leg_needs_no_margin() -> None:
    """A sale of the long leg opens nothing, however large: it is taken, and executes what is held."""
    desk = Desk(model(hedged=True, leverage=Decimal(10)), balances={"USDT": "12"})
    desk.buy("1", position_side=PositionSide.LONG)
    sale = desk.sell("50", at=1, position_side=PositionSide.LONG)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT))
    assert executions(reports) == [("A", "1", "100"), (sale, "1", "100")]


def test_the_position_limit_counts_what_is_held_at_its_mark() -> None:
    """A far limit does not make the position that is held smaller."""
    desk = Desk(model(leverage=Decimal(10)))
    rules = replace(
        instrument(PERPETUAL), tiers=(MarginTier(ZERO, Decimal(250), Decimal("0.01"), ZERO, Decimal(10)),)
    )
    desk.venue = SimulatedVenue(
        {PERPETUAL: rules}, {PERPETUAL: model(leverage=Decimal(10))}, {"USDT": Decimal(1000)}
    )
    desk.buy("2")
    late = desk.limit(BUY, "1", "80", at=1)
    assert (
        story(desk.passes(candle(0, FLAT), candle(1, FLAT)))[-1]
        == f"OrderRejected {late}: above_position_limit"
    )


def test_who_gaps_beyond_is_liquidated_at_the_mark_of_the_open() -> None:
    """The mark at which the position was tested is the one that is told."""
    desk = Desk(model(leverage=Decimal(10), isolated=True), balances={"USDT": "60"})
    desk.buy("1")
    (closed,) = only(desk.passes(candle(0, FLAT), candle(1, "90 91 80 85")), Liquidated)
    assert (closed.mark, closed.price, closed.at_ns) == (Decimal(90), Decimal(90), START_NS + 2 * MINUTE_NS)


def test_a_group_falls_in_the_candle_of_its_first_symbol() -> None:
    """The other one's marks of the same time count, whichever of the two candles passes first."""
    desk = Desk(model(leverage=Decimal(10)), [PERPETUAL, OTHER], {"USDT": "40"})
    desk.buy("1")
    desk.buy("2", symbol=OTHER)
    desk.venue.pass_candles([candle(0, FLAT), candle(0, FLAT, symbol=OTHER)])
    reports = desk.venue.pass_candles([candle(1, FLAT), candle(1, "100 100 80 85", symbol=OTHER)])
    closed = [(each.symbol, each.mark) for each in only(reports, Liquidated)]
    assert closed == [(OTHER, Decimal(80)), (PERPETUAL, Decimal(100))]
