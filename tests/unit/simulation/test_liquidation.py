"""Margin at order entry, liquidation, halts and delisting at the simulated venue."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.events import Event, Fill, Funding, Liquidated, OrderCanceled
from agentic_trading.core.models import Halt
from agentic_trading.portfolio.ledger import Ledger
from venue_market import BUY, MINUTE, PERPETUAL, SELL, START_NS, Desk, candle, executions, model, only, story

D = Decimal
OTHER = "ETH/USDT:USDT"
FLAT = "100 100 100 100"


def desk(leverage: str = "10", balance: str = "1000", *, isolated: bool = True, **more: Any) -> Desk:
    """No fees or costs; positions at the stand-in table: five percent must be kept."""
    assumptions = model(leverage=D(leverage), isolated=isolated)
    return Desk(assumptions, balances={"USDT": balance}, **more)


@pytest.mark.parametrize(("leverage", "most"), [("1", "10"), ("5", "50"), ("10", "100")])
def test_an_order_must_find_its_margin(leverage: str, most: str) -> None:
    """What leverage and money allow is taken; one lot more is rejected, and says why."""
    venue = desk(leverage)
    venue.buy(str(D(most) + D("0.001")))
    assert story(venue.passes(candle(0, FLAT))) == ["OrderRejected A: insufficient_margin"]
    venue.buy(most, at=1)
    assert executions(venue.passes(candle(1, FLAT))) == [("B", most, "100")]


def test_closing_needs_no_margin_and_turning_needs_that_of_the_rest() -> None:
    """A position of all the money can be closed, and turned as far as the money goes."""
    venue = desk()
    venue.buy("100")
    venue.passes(candle(0, FLAT))
    venue.sell("200.001", at=1)
    assert story(venue.passes(candle(1, FLAT))) == ["OrderRejected B: insufficient_margin"]
    venue.sell("200", at=2)
    assert executions(venue.passes(candle(2, FLAT))) == [("C", "200", "100")]


def test_the_position_limit_of_the_leverage_holds() -> None:
    """More than the leverage ever allows is rejected whatever the money."""
    venue = desk("20", "1000000")
    venue.buy("1")
    assert story(venue.passes(candle(0, FLAT))) == ["OrderRejected A: above_position_limit"]


def test_a_fill_that_cannot_be_paid_any_more_cancels_the_order() -> None:
    """What two resting orders cannot both have goes to the first that executes."""
    venue = desk()
    venue.limit(BUY, "60", "99")
    venue.limit(BUY, "60", "98")
    reports = venue.passes(candle(0, FLAT), candle(1, "100 100 97.9 98"))
    assert executions(reports) == [("A", "60", "99")]
    assert only(reports, OrderCanceled)[0].reason == "insufficient_margin"


@pytest.mark.parametrize(("low", "gone"), [("94.8", False), ("94.7", True)])
def test_isolated_long_is_liquidated_where_its_margin_is_used_up(low: str, gone: bool) -> None:
    """Bought at 100 with a tenth behind it: 5 % of the price is left of 10 % at 90 / 0.95."""
    venue = desk()
    venue.buy("10")
    venue.passes(candle(0, FLAT))
    venue.limit(BUY, "1", "50", at=1)
    reports = venue.passes(candle(1, f"100 100 {low} 99"))
    assert only(reports, Liquidated) == (
        [Liquidated(START_NS + 2 * MINUTE, PERPETUAL, D(10), D(90), D(0), D(low), "liquidated")]
        if gone
        else []
    )
    assert [each.reason for each in only(reports, OrderCanceled)] == ["liquidated"] * gone
    assert venue.held() == (0 if gone else 10)
    assert venue.balance() == (900 if gone else 1000)


def test_short_is_liquidated_above() -> None:
    """Sold at 100 with a tenth behind it: liquidated at 110 / 1.05, bankrupt at 110."""
    venue = desk()
    venue.sell("10")
    venue.passes(candle(0, FLAT))
    assert not only(venue.passes(candle(1, "100 104.7 100 100")), Liquidated)
    assert only(venue.passes(candle(2, "100 104.8 100 100")), Liquidated)[0].price == 110
    assert venue.balance() == 900


@pytest.mark.parametrize(("stop", "first"), [("96", "stop"), ("94.8", "stop"), ("94.7", "forced")])
def test_a_stop_before_the_liquidation_price_comes_first(stop: str, first: str) -> None:
    """The market reaches the higher price first; the stop beyond it never executes."""
    venue = desk()
    venue.buy("10", protective_stop=stop)
    venue.passes(candle(0, FLAT))
    reports = venue.passes(candle(1, "100 100 90 99"))
    assert bool(only(reports, Fill)) is (first == "stop")
    assert bool(only(reports, Liquidated)) is (first == "forced")
    assert venue.held() == 0


def test_an_open_beyond_the_liquidation_price_spares_no_stop() -> None:
    """Where the market gaps over both, the venue is first: the loss is the margin, not more."""
    venue = desk()
    venue.buy("10", protective_stop="96")
    venue.passes(candle(0, FLAT))
    reports = venue.passes(candle(1, "80 81 79 80"))
    assert not only(reports, Fill)
    assert venue.balance() == 900


def test_a_target_in_the_candle_of_the_liquidation_is_lost() -> None:
    """Which came first is not known, so it was the liquidation."""
    venue = desk()
    venue.buy("10")
    venue.passes(candle(0, FLAT))
    venue.limit(SELL, "10", "105", at=1, reduce_only=True)
    reports = venue.passes(candle(1, "100 106 94 100"))
    assert not only(reports, Fill)
    assert venue.balance() == 900


def test_cross_margin_takes_all_positions_with_it() -> None:
    """In cross margin everything stands behind everything, and all of it ends together."""
    venue = desk(isolated=False, symbols=(PERPETUAL, OTHER))
    venue.buy("50")
    venue.buy("40", symbol=OTHER)
    both = [candle(0, FLAT), candle(0, FLAT, symbol=OTHER)]
    assert len(only(venue.venue.pass_candles(both), Fill)) == 2
    venue.limit(BUY, "1", "50", at=1, symbol=OTHER)
    lower = [candle(1, "100 100 95 95"), candle(1, "100 100 95 95", symbol=OTHER)]
    assert not only(venue.venue.pass_candles(lower), Liquidated)
    end = [candle(2, "95 95 93 93"), candle(2, "95 95 93 93", symbol=OTHER)]
    reports = venue.venue.pass_candles(end)
    assert {each.symbol for each in only(reports, Liquidated)} == {PERPETUAL, OTHER}
    assert len(only(reports, OrderCanceled)) == 1
    assert venue.held() == venue.held(OTHER) == 0
    assert 0 <= venue.balance() < 1


def test_funding_eats_the_isolated_margin() -> None:
    """Funding that is paid is taken from what stands behind the position: it is liquidated earlier."""
    venue = desk()
    venue.buy("10")
    venue.passes(candle(0, FLAT))
    before = venue.venue.waits().marks[PERPETUAL][0]
    venue.venue.fund(PERPETUAL, START_NS + MINUTE, 0.01, 100.0)
    assert venue.venue.waits().marks[PERPETUAL][0] > before
    venue.passes(candle(1, "100 100 95.5 96"))
    assert venue.balance() == 900


def halted(**rules: Any) -> Desk:
    venue = desk()
    listed = msgspec.structs.replace(venue.venue._instruments[PERPETUAL], **rules)
    replaced = desk()
    replaced.venue = type(venue.venue)({PERPETUAL: listed}, {PERPETUAL: model()}, {"USDT": D(1000)})
    return replaced


def test_a_halt_rejects_orders_and_lets_others_wait() -> None:
    """While the venue is halted nothing executes; what rested before goes on after it."""
    venue = halted(halts=(Halt(START_NS + MINUTE, START_NS + 2 * MINUTE),))
    venue.limit(BUY, "1", "95")
    venue.passes(candle(0, FLAT))
    venue.buy("1", at=1)
    assert story(venue.passes(candle(1, "100 100 90 90"))) == ["OrderRejected B: not_trading"]
    assert executions(venue.passes(candle(2, "96 96 94 94"))) == [("A", "1", "95")]


def test_a_delisted_market_is_settled() -> None:
    """When a market ends its position is settled at the last mark and its orders are cancelled."""
    venue = halted(delisted_ns=START_NS + 2 * MINUTE)
    venue.buy("1")
    venue.limit(SELL, "1", "150")
    venue.passes(candle(0, FLAT))
    assert venue.venue.waits().arrival_ns == START_NS + 2 * MINUTE
    reports = venue.passes(candle(1, "100 102 100 101"))
    assert [each.reason for each in only(reports, Liquidated)] == ["delisted"]
    assert only(reports, OrderCanceled)[0].reason == "delisted"
    assert venue.balance() == 1001
    assert venue.idle


moves = st.lists(st.integers(-9, 9), min_size=3, max_size=10)


@pytest.mark.property
@given(moves, st.booleans(), st.booleans(), st.integers(1, 90), st.sampled_from([-0.01, 0.0, 0.01]))
def test_the_books_agree_whatever_is_liquidated(
    steps: list[int], isolated: bool, long: bool, size: int, rate: float
) -> None:
    """Ledger and venue have the same money and the same position after every report."""
    assumptions = model(leverage=D(10), isolated=isolated, taker="0.0005")
    venue = Desk(assumptions, balances={"USDT": "1000"})
    ledger = Ledger(venue.venue._instruments, {"USDT": D(1000)})
    price = 100
    for minute, step in enumerate(steps):
        following = max(20, price + step)
        (venue.buy if long else venue.sell)(str(size), at=minute)
        bars = f"{price} {max(price, following) + 1} {min(price, following) - 1} {following}"
        reports: list[Event] = list(venue.passes(candle(minute, bars)))
        paid = venue.venue.fund(PERPETUAL, START_NS + (minute + 1) * MINUTE, rate, float(following))
        for report in [*reports, *([paid] if paid else [])]:
            if isinstance(report, Fill | Funding | Liquidated):
                ledger.react(report)
        price = following
        assert ledger.balance("USDT") == venue.balance()
        assert ledger.net_quantity(PERPETUAL) == venue.held()
        if any(isinstance(report, Liquidated) for report in reports) and not isolated:
            assert venue.balance() >= 0


@given(moves, st.integers(1, 90))
def test_the_levels_miss_no_liquidation(steps: list[int], size: int) -> None:
    """A candle within the levels that the venue waits for never liquidates anything."""
    venue = desk(isolated=False, symbols=(PERPETUAL, OTHER))
    venue.buy(str(size))
    venue.sell(str(max(1, 95 - size)), symbol=OTHER)
    venue.venue.pass_candles([candle(0, FLAT), candle(0, FLAT, symbol=OTHER)])
    price = 100
    for minute, step in enumerate(steps, start=1):
        levels = dict(venue.venue.waits().marks)
        following = max(20, price + step)
        bars = f"{price} {max(price, following)} {min(price, following)} {following}"
        together = [candle(minute, bars), candle(minute, bars, symbol=OTHER)]
        reports = venue.venue.pass_candles(together)
        reached = [
            each for each in together
            if each.symbol in levels
            and (each.low <= levels[each.symbol][0] or each.high >= levels[each.symbol][1])
        ]  # fmt: skip
        assert reached or not only(reports, Liquidated)
        price = following
