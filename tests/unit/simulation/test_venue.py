"""The simulated venue, rule by rule: when orders arrive, what is refused, how much is filled and when."""

from decimal import Decimal

import pytest

from agentic_trading.core.enums import Liquidity, OrderType
from agentic_trading.core.events import DayStarted, Event, Fill, OrderCanceled
from agentic_trading.simulation.costs import CostModel
from venue_market import (
    BUY,
    IOC,
    MINUTE,
    PERPETUAL,
    SELL,
    SPOT,
    START_NS,
    Desk,
    candle,
    executions,
    model,
    only,
    story,
)

SECOND = MINUTE // 60
FLAT = "100 100 100 100"


# --- arrival ----------------------------------------------------------------------------------


def test_market_order_fills_at_the_next_open() -> None:
    """An order decided at a close fills at the open of the candle that begins there, as taker."""
    desk = Desk(model(CostModel(Decimal(100)), taker="0.001"))
    desk.buy("2")
    (fill,) = only(desk.passes(candle(0, "100 120 80 110")), Fill)
    assert (fill.price, fill.reference_price, fill.liquidity) == (101, 100, Liquidity.TAKER)
    assert (fill.fee, fill.fee_asset) == (Decimal("0.202"), "USDT")  # 2 x 101 x 0.1 %
    assert (desk.held(), desk.balance()) == (2, Decimal("999999.798"))
    assert (fill.at_ns, fill.trade_id, fill.strategy) == (START_NS, "trade-1", "tester")


def test_latency_drifts_within_the_candle() -> None:
    """Fifteen seconds into a minute half the range is feared: 100 + sqrt(1/4) x 40 = 120."""
    desk = Desk(model(CostModel(Decimal(0)), latency_ns=15 * SECOND))
    desk.buy("1")
    (fill,) = only(desk.passes(candle(0, "100 130 90 110")), Fill)
    assert (fill.price, fill.at_ns) == (120, START_NS + 15 * SECOND)


def test_latency_of_several_candles() -> None:
    """An order that travels for two and a half minutes meets the third candle, and no earlier one."""
    desk = Desk(model(latency_ns=150 * SECOND))
    desk.buy("1")
    assert desk.passes(candle(0, FLAT), candle(1, FLAT)) == []
    (fill,) = only(desk.passes(candle(2, "107 109 105 106")), Fill)
    assert (fill.price, fill.at_ns) == (107, START_NS + 150 * SECOND)


def test_arrival_at_the_close_belongs_to_the_next_candle() -> None:
    """A candle ends before its close: what arrives there fills at the next open."""
    desk = Desk(model(latency_ns=60 * SECOND))
    desk.buy("1")
    assert desk.passes(candle(0, FLAT)) == []
    assert executions(desk.passes(candle(1, "103 104 102 103"))) == [("A", "1", "103")]


def test_nothing_happens_in_a_filled_candle() -> None:
    """In a candle that stands in for a missing one nothing traded: orders keep travelling and resting."""
    desk = Desk()
    stop = desk.stop(SELL, "1", "95")
    market = desk.buy("1", at=1)
    desk.passes(candle(0, FLAT))
    assert desk.passes(candle(1, "100 100 90 100", filled=True)) == []
    reports = desk.passes(candle(2, "98 99 94 95"))
    assert executions(reports) == [(market, "1", "98"), (stop, "1", "95")]
    assert only(reports, Fill)[0].at_ns == START_NS + 2 * MINUTE


def test_an_order_that_arrives_in_a_hole_waits_for_the_open() -> None:
    """Without candles nothing trades: the order fills at the first open there is, at that time."""
    desk = Desk(model(CostModel(Decimal(0))))
    desk.buy("1", at=0.5)
    (fill,) = only(desk.passes(candle(5, "111 112 110 111")), Fill)
    assert (fill.price, fill.at_ns) == (111, START_NS + 5 * MINUTE)


def test_only_commands_are_sent() -> None:
    """Anything else than an order or a cancel in the outbox is a bug and says so."""
    with pytest.raises(TypeError, match="DayStarted is not a command"):
        Desk().venue.send(DayStarted(START_NS))


# --- cancels ----------------------------------------------------------------------------------


def test_cancel_comes_before_what_it_could_not_have_seen() -> None:
    """A resting order cancelled before the candle is not filled in it."""
    desk = Desk()
    order = desk.limit(BUY, "1", "95")
    desk.cancel(order, at=1)
    reports = desk.passes(candle(0, FLAT), candle(1, "94 95 90 94"))
    assert story(reports) == ["OrderAccepted A", "OrderCanceled A: changed_mind"]


def test_cancel_with_latency_comes_too_late() -> None:
    """A cancel travels as long as an order: what trades in the candles before it arrives is ours."""
    desk = Desk(model(latency_ns=90 * SECOND))
    desk.cancel(desk.limit(BUY, "1", "95"), at=1)  # rests from 1:30, the cancel arrives at 2:30
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT), candle(2, "94 95 90 94"))
    assert executions(reports) == [("A", "1", "94")]


def test_cancel_inside_a_candle_beats_what_only_may_have_come_before() -> None:
    """Between the open and its close a cancel counts at its arrival, which comes before stops and limits."""
    desk = Desk(model(latency_ns=90 * SECOND))
    desk.cancel(desk.limit(BUY, "1", "95"), at=1)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT), candle(2, "100 100 94 100"))
    assert story(reports) == ["OrderAccepted A", "OrderCanceled A: changed_mind"]


def test_cancel_does_not_undo_the_open() -> None:
    """What the open executed happened before a cancel that arrives a second later."""
    desk = Desk(model(latency_ns=SECOND))
    limit, stop = desk.limit(BUY, "1", "95"), desk.stop(SELL, "1", "96")
    desk.passes(candle(0, FLAT))
    desk.cancel(limit, at=1)
    desk.cancel(stop, at=1)
    reports = desk.passes(candle(1, "94 100 90 94"))
    assert executions(reports) == [(limit, "1", "94"), (stop, "1", "94")]
    assert [fill.at_ns for fill in only(reports, Fill)] == [START_NS + MINUTE] * 2
    assert not only(reports, OrderCanceled)


def test_cancel_at_the_open_stops_the_rest_of_a_market_order() -> None:
    """Nothing of an order is filled once its cancel has arrived, not even at the same open."""
    desk = Desk(model(participation="0.001"))
    order = desk.buy("3")
    desk.cancel(order, at=1)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT))
    assert executions(reports) == [("A", "1", "100")]
    assert story(reports)[-1] == "OrderCanceled A: changed_mind"


def test_cancel_that_overtakes_the_market() -> None:
    """An order and its cancel that both arrive while nothing trades leave no trade behind."""
    desk = Desk()
    order = desk.buy("1", at=0.2)
    desk.cancel(order, at=0.4)
    assert story(desk.passes(candle(3, FLAT))) == ["OrderAccepted A", "OrderCanceled A: changed_mind"]


def test_cancel_of_what_is_done_is_ignored() -> None:
    """A cancel for an order that is filled changes and reports nothing."""
    desk = Desk()
    desk.cancel(desk.buy("1"), at=1)
    desk.passes(candle(0, FLAT))
    assert desk.passes(candle(1, FLAT)) == []
    assert desk.held() == 1


# --- limit orders -----------------------------------------------------------------------------


def test_limit_order_waits_until_traded_through() -> None:
    """A touch of the limit fills nothing; a trade beyond it fills at the limit, as maker."""
    desk = Desk(model(maker="0.0002", taker="0.0005"))
    desk.limit(BUY, "1", "95")
    assert not executions(desk.passes(candle(0, "100 101 95 96")))
    (fill,) = only(desk.passes(candle(1, "96 97 94.9 96")), Fill)
    assert (fill.price, fill.reference_price, fill.liquidity) == (95, 95, Liquidity.MAKER)
    assert (fill.fee, fill.at_ns) == (Decimal("0.019"), START_NS + 2 * MINUTE)


def test_limit_order_that_arrives_at_the_open_sees_the_whole_candle() -> None:
    """Everything a candle trades comes after its open: an order that arrives there may fill in it."""
    desk = Desk()
    desk.limit(BUY, "1", "95")
    assert executions(desk.passes(candle(0, "100 101 94 99"))) == [("A", "1", "95")]


def test_limit_order_that_arrives_later_trusts_only_the_close() -> None:
    """The low may have come before the order: only a close beyond the limit fills it."""
    desk = Desk(model(latency_ns=SECOND))
    desk.limit(BUY, "1", "95")
    assert not executions(desk.passes(candle(0, "100 101 90 95")))
    desk.limit(SELL, "1", "105", at=1)
    reports = desk.passes(candle(1, "100 110 96 106"))
    assert executions(reports) == [("B", "1", "105")]
    assert only(reports, Fill)[0].at_ns == START_NS + 2 * MINUTE


def test_marketable_limit_takes_the_open() -> None:
    """A limit order that crosses the market takes it, and pays as a taker, at its arrival."""
    desk = Desk(model(CostModel(Decimal(100), latency=False), latency_ns=SECOND, maker="0", taker="0.001"))
    desk.limit(BUY, "1", "105")
    (fill,) = only(desk.passes(candle(0, "100 110 90 100")), Fill)
    assert (fill.price, fill.fee, fill.liquidity) == (101, Decimal("0.101"), Liquidity.TAKER)
    assert fill.at_ns == START_NS + SECOND


def test_resting_limit_gains_from_a_gap() -> None:
    """An open beyond a resting limit fills it at the open."""
    desk = Desk()
    desk.limit(SELL, "1", "105")
    reports = desk.passes(candle(0, FLAT), candle(1, "108 109 104 105"))
    assert executions(reports) == [("A", "1", "108")]


def test_immediate_or_cancel_takes_or_goes() -> None:
    """What an IOC order cannot take at its arrival is cancelled; it never rests and never makes."""
    desk = Desk(model(CostModel(Decimal(100)), participation="0.001"))
    reports = _ioc(desk)
    assert executions(reports) == [("A", "1", "101"), ("C", "1", "103.1")]
    assert [line for line in story(reports) if "Canceled" in line] == [
        "OrderCanceled A: immediate_or_cancel",
        "OrderCanceled B: immediate_or_cancel",
        "OrderCanceled C: immediate_or_cancel",
    ]
    assert desk.idle


def _ioc(desk: Desk) -> list[Event]:
    desk.limit(BUY, "3", "105", time_in_force=IOC)
    first = desk.passes(candle(0, "100 110 90 100"))
    desk.limit(BUY, "1", "100.5", at=1, time_in_force=IOC)  # the open after costs is 101: out of reach
    second = desk.passes(candle(1, "100 110 90 95"))
    desk.buy("2", at=2, time_in_force=IOC)
    return [*first, *second, *desk.passes(candle(2, "102 110 100 105"))]


# --- stops ------------------------------------------------------------------------------------


def test_stop_waits_for_its_touch() -> None:
    """A stop fills at its price when touched, and on a gap at the open, which is worse."""
    desk = Desk()
    desk.stop(SELL, "1", "95")
    desk.stop(SELL, "1", "90")
    reports = desk.passes(candle(0, FLAT), candle(1, "97 98 95 96"), candle(2, "88 95 80 94"))
    assert executions(reports) == [("A", "1", "95"), ("B", "1", "88")]
    assert [fill.reference_price for fill in only(reports, Fill)] == [95, 88]


def test_stop_costs_slippage() -> None:
    """A triggered stop is a market order: it pays spread and slippage, and the taker fee."""
    desk = Desk(model(CostModel(Decimal(100)), taker="0.001"))
    desk.stop(BUY, "1", "104")
    (fill,) = only(desk.passes(candle(0, "100 110 90 100")), Fill)
    assert (fill.price, fill.reference_price) == (Decimal("105.1"), 104)  # 105.04, up to the tick
    assert fill.fee == Decimal("0.1051")


def test_protective_stop_lives_from_the_fill() -> None:
    """The attached stop is accepted with the entry's fill and covers what was filled."""
    desk = Desk()
    entry = desk.buy("2", protective_stop="95")
    reports = desk.passes(candle(0, "100 101 96 100"), candle(1, "99 99 94 95"))
    assert story(reports) == ["OrderAccepted A", "Fill A", "OrderAccepted As", "Fill As"]
    assert executions(reports) == [(entry, "2", "100"), ("As", "2", "95")]
    assert desk.held() == 0


def test_touched_in_the_candle_of_the_entry_means_stopped() -> None:
    """Nobody knows whether the low came before the fill, so it came after."""
    desk = Desk()
    desk.buy("1", protective_stop="95")
    reports = desk.passes(candle(0, "100 110 95 109"))
    assert executions(reports) == [("A", "1", "100"), ("As", "1", "95")]


def test_a_limit_entry_may_be_stopped_in_its_candle() -> None:
    """An entry that fills inside a candle whose low touches its stop is stopped in that candle."""
    desk = Desk()
    desk.limit(BUY, "1", "98", protective_stop="95")
    reports = desk.passes(candle(0, FLAT), candle(1, "100 110 94 109"))
    assert executions(reports) == [("A", "1", "98"), ("As", "1", "95")]


def test_stop_before_limit() -> None:
    """Stop and target in one candle: the stop fills, and the reduce-only target finds nothing left."""
    desk = Desk()
    desk.buy("1", protective_stop="95")
    target = desk.limit(SELL, "1", "105", at=1, reduce_only=True, closing=True)
    reports = desk.passes(candle(0, FLAT), candle(1, "100 110 90 100"))
    assert executions(reports) == [("A", "1", "100"), ("As", "1", "95")]
    assert story(reports)[-1] == f"OrderCanceled {target}: reduce_only"


def test_a_late_target_comes_after_the_stop_too() -> None:
    """A target that arrives in the candle and would fill at its close still comes after the stop."""
    desk = Desk(model(latency_ns=SECOND))
    desk.buy("1", protective_stop="95")
    desk.limit(SELL, "1", "105", at=1, reduce_only=True, closing=True)
    reports = desk.passes(candle(0, FLAT), candle(1, "100 110 90 106"))
    assert executions(reports) == [("A", "1", "100"), ("As", "1", "95")]


def test_attached_stop_grows_with_the_fills() -> None:
    """Each part of the entry is protected from its own fill on: the stop closes exactly what was bought."""
    desk = Desk(model(participation="0.1"))
    desk.buy("5", protective_stop="95")
    reports = desk.passes(candle(0, FLAT, 20), candle(1, FLAT, 20), candle(2, "96 96 90 92", 1000))
    assert executions(reports) == [
        ("A", "2", "100"), ("A", "2", "100"), ("A", "1", "96"), ("As", "5", "95"),
    ]  # fmt: skip
    assert desk.held() == 0


def test_a_touched_stop_that_found_no_volume_waits_for_any_candle() -> None:
    """A stop goes to the market where it is touched, and the venue says so even if nothing was traded yet."""
    desk = Desk(model(participation="0.1"))
    desk.stop(SELL, "1", "95")
    desk.passes(candle(0, FLAT))
    assert not desk.venue.waits().at_market
    assert desk.passes(candle(1, "96 96 94 96", 0.0)) == []
    assert desk.venue.waits().at_market
    assert executions(desk.passes(candle(2, FLAT))) == [("A", "1", "100")]


def test_a_triggered_stop_cancels_the_rest_of_its_entry() -> None:
    """Stopped out with an unfilled rest of the entry: the rest must not open the position again."""
    desk = Desk(model(participation="0.1"))
    desk.buy("5", protective_stop="95")
    reports = desk.passes(candle(0, FLAT, 20), candle(1, "99 99 94 95", 10), candle(2, FLAT, 1000))
    assert executions(reports) == [("A", "2", "100"), ("A", "1", "99"), ("As", "3", "100")]
    assert "OrderCanceled A: stopped_out" in story(reports)
    assert desk.held() == 0
    assert desk.idle


# --- how much -----------------------------------------------------------------------------------


def test_participation_spreads_an_order_over_candles() -> None:
    """At most a tenth of each candle's volume is ours, rounded down to lots; the rest waits for the next."""
    desk = Desk(model(participation="0.1"))
    desk.buy("3")
    reports = desk.passes(
        candle(0, "100 100 100 100", 10.009),
        candle(1, "102 103 101 102", 15),
        candle(2, "104 104 104 104", 500),
    )
    assert executions(reports) == [("A", "1", "100"), ("A", "1.5", "102"), ("A", "0.5", "104")]


def test_participation_is_shared() -> None:
    """All our orders in a candle share one part of its volume, the older one first."""
    desk = Desk(model(participation="0.1"))
    desk.buy("2")
    desk.sell("2")
    reports = desk.passes(candle(0, FLAT, 30), candle(1, FLAT, 30))
    assert executions(reports) == [("A", "2", "100"), ("B", "1", "100"), ("B", "1", "100")]


def test_no_volume_no_fill() -> None:
    """A candle without volume fills nothing; a stop touched in it is filled at the next open."""
    desk = Desk()
    desk.buy("1")
    desk.stop(SELL, "1", "100")
    assert not executions(desk.passes(candle(0, FLAT, 0.0)))
    reports = desk.passes(candle(1, "103 104 102 103"))
    assert executions(reports) == [("A", "1", "103"), ("B", "1", "103")]


def test_reduce_only_is_capped_at_each_fill() -> None:
    """Reduce-only takes down what is there when it fills, cancels its rest, and never turns around."""
    desk = Desk()
    desk.buy("2")
    desk.sell("1.5", at=1)
    reduce = desk.sell("2", at=1, reduce_only=True, closing=True)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT))
    assert executions(reports)[1:] == [("B", "1.5", "100"), (reduce, "0.5", "100")]
    assert story(reports)[-1] == f"OrderCanceled {reduce}: reduce_only"
    assert desk.held() == 0


def test_reduce_only_without_a_position_is_rejected() -> None:
    """There is nothing to reduce: not flat, and not in the direction of the position."""
    desk = Desk()
    desk.sell("1", reduce_only=True)
    desk.buy("1", at=1)
    desk.buy("1", at=2, reduce_only=True)
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT), candle(2, FLAT))
    rejected = [line for line in story(reports) if "Rejected" in line]
    assert rejected == [f"OrderRejected {order}: reduce_only_without_position" for order in "AC"]


def test_spot_sells_only_what_it_holds() -> None:
    """Holdings are enforced at the fill: two stops over one holding sell it once."""
    desk = Desk(symbols=[SPOT], balances={"USDT": "1000", "BTC": "1"})
    desk.stop(SELL, "1", "95")
    desk.stop(SELL, "1", "94")
    reports = desk.passes(candle(0, FLAT, symbol=SPOT), candle(1, "96 96 90 92", symbol=SPOT))
    assert executions(reports) == [("A", "1", "95")]
    assert story(reports)[-1] == "OrderCanceled B: insufficient_holdings"
    assert (desk.balance("BTC"), desk.balance("USDT")) == (0, 1095)


def test_spot_sale_without_holdings_is_rejected() -> None:
    """What is not there cannot be sold."""
    desk = Desk(symbols=[SPOT])
    desk.sell("1")
    assert story(desk.passes(candle(0, FLAT, symbol=SPOT))) == ["OrderRejected A: insufficient_holdings"]


def test_spot_purchase_must_be_paid_with_its_fee() -> None:
    """A purchase whose price and fee exceed the cash is cancelled; exactly enough is enough."""
    for cash, filled in (("100.1", True), ("100.09999999", False)):
        desk = Desk(model(taker="0.001"), symbols=[SPOT], balances={"USDT": cash})
        desk.buy("1")
        reports = desk.passes(candle(0, FLAT, symbol=SPOT))
        assert bool(executions(reports)) is filled
        assert ("OrderCanceled A: insufficient_balance" in story(reports)) is not filled
        assert desk.balance() == (0 if filled else Decimal(cash))


# --- replacing ----------------------------------------------------------------------------------


def test_replacing_is_one_step() -> None:
    """The replaced order is gone exactly when the new one is there."""
    desk = Desk()
    desk.buy("1", protective_stop="95")
    desk.stop(SELL, "1", "97", at=1, closing=True, reduce_only=True, replaces="As")
    reports = desk.passes(candle(0, FLAT), candle(1, "100 100 98 99"), candle(2, "98 98 94 95"))
    assert story(reports)[3:] == ["OrderCanceled As: replaced", "OrderAccepted B", "Fill B"]
    assert executions(reports)[-1] == ("B", "1", "97")


def test_what_the_replaced_order_executed_counts() -> None:
    """A close that replaces a half-executed stop is taken for the other half, and says so at once."""
    desk = Desk(model(participation="0.1"))
    desk.buy("2", protective_stop="95")
    close = desk.sell("2", at=2, closing=True, replaces="As")  # not even reduce-only protects it
    reports = desk.passes(candle(0, FLAT), candle(1, "96 96 94 95", 10), candle(2, FLAT))
    assert executions(reports)[1:] == [("As", "1", "95"), (close, "1", "100")]
    assert story(reports)[-3:] == [f"OrderAccepted {close}", f"OrderAmended {close}", f"Fill {close}"]
    assert desk.held() == 0


@pytest.mark.parametrize("late", [False, True])
def test_nothing_replaces_an_order_that_is_done(late: bool) -> None:
    """If the stop was filled first, by a candle before or by the open, the close is rejected."""
    desk = Desk(model(latency_ns=SECOND if late else 0))
    desk.buy("1", protective_stop="95")
    desk.sell("1", at=1 if late else 2, closing=True, replaces="As")
    reports = desk.passes(candle(0, FLAT), candle(1, "94 100 90 94"), candle(2, FLAT))
    assert executions(reports)[1:] == [("As", "1", "94")]
    assert story(reports)[-1] == "OrderRejected B: replaced_order_is_done"
    assert desk.held() == 0


def test_a_touched_stop_cannot_be_moved() -> None:
    """A stop that is executing at the market stays there: only a close may take its place."""
    desk = Desk(model(participation="0.1"))
    desk.buy("2", protective_stop="95")
    desk.stop(SELL, "1", "90", at=2, closing=True, reduce_only=True, replaces="As")
    reports = desk.passes(candle(0, FLAT), candle(1, "96 96 94 95", 10), candle(2, FLAT))
    assert "OrderRejected B: replaced_order_is_done" in story(reports)
    assert executions(reports)[1:] == [("As", "1", "95"), ("As", "1", "100")]


def test_a_stop_may_wait_for_its_position() -> None:
    """What a reduce-only stop may close is asked when it is touched, not when it arrives."""
    desk = Desk()
    desk.stop(SELL, "2", "95", closing=True, reduce_only=True)
    desk.stop(SELL, "1", "90", closing=True, reduce_only=True)
    desk.buy("1", at=1)
    falling = candle(2, "96 96 94 95"), candle(3, "91 91 89 90")
    reports = desk.passes(candle(0, FLAT), candle(1, FLAT), *falling)
    assert executions(reports) == [("C", "1", "100"), ("A", "1", "95")]
    assert [line for line in story(reports) if "Canceled" in line] == [
        "OrderCanceled A: reduce_only",
        "OrderCanceled B: reduce_only",
    ]


# --- filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "terms", "reason"),
    [
        ("0", {}, "quantity_off_lot"),
        ("1.0005", {}, "quantity_off_lot"),
        ("-1", {}, "quantity_off_lot"),
        ("0.001", {}, "below_min_quantity"),
        ("0.049", {}, "below_min_notional"),
        ("1", {"stop_price": "95.05", "type": OrderType.STOP_MARKET}, "price_off_tick"),
        ("1", {"protective_stop": "95.05"}, "price_off_tick"),
        ("1", {"protective_stop": "0"}, "price_off_tick"),
        ("1", {"replaces": "Z"}, "replaced_order_is_done"),
    ],
)
def test_filters(quantity: str, terms: dict[str, str], reason: str) -> None:
    """Orders off the grid or below the minimum are rejected with the rule they break."""
    desk = Desk()
    desk.buy(quantity, **terms)
    assert story(desk.passes(candle(0, FLAT))) == [f"OrderRejected A: {reason}"]
    assert desk.idle


def test_limit_off_the_tick_is_rejected() -> None:
    """A limit price between two ticks does not exist."""
    desk = Desk()
    desk.limit(BUY, "1", "95.01")
    assert story(desk.passes(candle(0, FLAT))) == ["OrderRejected A: price_off_tick"]


def test_notional_is_that_of_the_order() -> None:
    """An order with a price of its own is valued by it: 0.049 is enough at 103, but not at the open."""
    desk = Desk()
    desk.stop(BUY, "0.049", "103")
    assert story(desk.passes(candle(0, FLAT))) == ["OrderAccepted A"]


def test_closing_needs_no_minimum() -> None:
    """A position smaller than the minimum can still be closed."""
    desk = Desk(min_notional="900")
    desk.buy("10")
    desk.sell("9.999", at=1)
    desk.sell("0.001", at=2, closing=True, reduce_only=True)
    desk.passes(candle(0, FLAT), candle(1, FLAT), candle(2, FLAT))
    assert desk.held() == 0


# --- funding ------------------------------------------------------------------------------------


def test_longs_pay_a_positive_rate() -> None:
    """Payment is minus quantity times mark times rate, rounded against us, and is booked."""
    desk = Desk()
    desk.buy("3")
    desk.passes(candle(0, FLAT))
    paid = desk.venue.fund(PERPETUAL, START_NS, 0.0001, 100.00000001)
    assert paid is not None
    assert paid.payment == Decimal("-0.03000001")  # -0.030000000003 rounded down
    assert desk.balance() == Decimal("999999.96999999")


def test_shorts_receive_it_rounded_against_us_too() -> None:
    """What we receive is rounded down."""
    desk = Desk()
    desk.sell("3")
    desk.passes(candle(0, FLAT))
    paid = desk.venue.fund(PERPETUAL, START_NS, 0.0001, 100.00000001)
    assert paid is not None
    assert (paid.quantity, paid.payment) == (-3, Decimal("0.03000000"))


def test_no_position_no_funding() -> None:
    """Flat and spot holdings pay nothing and report nothing."""
    assert Desk().venue.fund(PERPETUAL, START_NS, 0.0001, 100.0) is None
    spot = Desk(symbols=[SPOT])
    spot.buy("1")
    spot.passes(candle(0, FLAT, symbol=SPOT))
    assert spot.venue.fund(SPOT, START_NS, 0.0001, 100.0) is None
