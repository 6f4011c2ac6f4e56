"""The fill rules inside one candle, each on a candle picked by hand."""

from decimal import Decimal

import pytest

from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.matching import (
    Match,
    gap_limit,
    match_market,
    match_stop,
    opens_beyond,
    take_limit,
    trade_through,
)
from venue_market import BUY, SELL, candle, instrument

CANDLE = candle(0, "100 110 90 105")
BPS_50 = CostModel(Decimal(50))


def maker(price: str) -> Match:
    return Match(Decimal(price), Decimal(price), Liquidity.MAKER)


def taker(price: str, reference: str) -> Match:
    return Match(Decimal(price), Decimal(reference), Liquidity.TAKER)


@pytest.mark.parametrize(("side", "price"), [(BUY, "100.5"), (SELL, "99.5")])
def test_market_order_takes_the_open(side: Side, price: str) -> None:
    """A market order fills at the open after costs; the open itself is kept as the reference."""
    assert match_market(instrument(), side, CANDLE, 0.0, BPS_50) == taker(price, "100")


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [
        (BUY, "100.5", "100.5"),  # the open after costs is just within the limit
        (BUY, "100.4", None),
        (SELL, "99.5", "99.5"),
        (SELL, "99.6", None),
    ],
)
def test_limit_takes_the_open_only_within_its_price(side: Side, limit: str, expected: str | None) -> None:
    """An arriving limit order takes liquidity only if the open after costs is no worse than the limit."""
    found = take_limit(instrument(), side, Decimal(limit), CANDLE, 0.0, BPS_50)
    assert found == (None if expected is None else taker(expected, "100"))


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [(BUY, "100.1", "100"), (BUY, "100", None), (SELL, "99.9", "100"), (SELL, "100", None)],
)
def test_resting_limit_fills_at_a_better_open(side: Side, limit: str, expected: str | None) -> None:
    """A gap through a resting limit fills at the open, which is better; an open at the limit does not."""
    assert gap_limit(side, Decimal(limit), CANDLE) == (None if expected is None else maker(expected))


@pytest.mark.parametrize(
    ("side", "limit", "fills"),
    [(BUY, "90.1", True), (BUY, "90", False), (SELL, "109.9", True), (SELL, "110", False)],
)
def test_limit_fills_only_when_traded_through(side: Side, limit: str, fills: bool) -> None:
    """A touch is not enough: the candle must trade beyond the limit, and then the limit is the price."""
    found = trade_through(side, Decimal(limit), CANDLE, from_open=True)
    assert found == (maker(limit) if fills else None)


@pytest.mark.parametrize(
    ("side", "limit", "fills"),
    [(BUY, "105.1", True), (BUY, "105", False), (SELL, "104.9", True), (SELL, "105", False)],
)
def test_only_the_close_is_surely_after_the_arrival(side: Side, limit: str, fills: bool) -> None:
    """In the candle of its arrival the extremes may be older than the order: only the close counts."""
    found = trade_through(side, Decimal(limit), CANDLE, from_open=False)
    assert found == (maker(limit) if fills else None)


@pytest.mark.parametrize(
    ("side", "stop", "expected"),
    [
        (SELL, "95", taker("94.5", "95")),  # touched inside: the stop price less 0.5 % (0.475, to the tick)
        (SELL, "90", taker("90", "90")),  # touched exactly: slippage ends at the low
        (SELL, "89.9", None),
        (SELL, "101", taker("99.5", "100")),  # the open is beyond it: the open is worse
        (BUY, "104", taker("104.6", "104")),
        (BUY, "110", taker("110", "110")),
        (BUY, "110.1", None),
        (BUY, "99", taker("100.5", "100")),
    ],
)
def test_stop_fills_at_the_worse_of_stop_and_open(side: Side, stop: str, expected: Match | None) -> None:
    """Touched means triggered; filled at the worse of stop and open, after costs, inside the candle."""
    assert match_stop(instrument(), side, Decimal(stop), CANDLE, BPS_50) == expected


@pytest.mark.parametrize(
    ("side", "stop", "beyond"),
    [(SELL, "100", True), (SELL, "99.9", False), (BUY, "100", True), (BUY, "100.1", False)],
)
def test_a_stop_may_be_touched_by_the_open(side: Side, stop: str, beyond: bool) -> None:
    """An open at or beyond the stop touches it."""
    assert opens_beyond(side, Decimal(stop), CANDLE) is beyond


def test_free_fills_are_the_shown_prices() -> None:
    """Without costs every taker pays exactly what the market showed."""
    assert match_market(instrument(), BUY, CANDLE, 0.9, FREE) == taker("100", "100")
    assert match_stop(instrument(), SELL, Decimal(95), CANDLE, FREE) == taker("95", "95")
