"""The fill rules inside one candle, each on a candle picked by hand."""

from decimal import Decimal

import pytest

from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.simulation.matching.prices import (
    Match,
    gap_limit,
    opens_beyond,
    trade_through,
    trigger_price,
    within,
)
from venue_market import BUY, SELL, candle

CANDLE = candle(0, "100 110 90 105")


def maker(price: str) -> Match:
    return Match(Decimal(price), Decimal(price), Liquidity.MAKER)


@pytest.mark.parametrize(
    ("side", "price", "limit", "inside"),
    [
        (BUY, "100.5", "100.5", True),
        (BUY, "100.5", "100.4", False),
        (SELL, "99.5", "99.5", True),
        (SELL, "99.5", "99.6", False),
        (SELL, "1", None, True),
    ],
)
def test_a_price_within_the_limit(side: Side, price: str, limit: str | None, inside: bool) -> None:
    """A taker's price is no worse than the limit; a market order has none."""
    assert within(side, Decimal(price), None if limit is None else Decimal(limit)) is inside


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


def test_the_kinder_reading_fills_at_a_touch() -> None:
    """Where a touch is enough, a price at the limit fills it, and one short of it does not."""
    found = [
        trade_through(BUY, Decimal(limit), CANDLE, from_open=True, touch=True) for limit in ("90", "89.9")
    ]
    assert found == [maker("90"), None]


@pytest.mark.parametrize(
    ("rising", "level", "shown"),
    [
        (False, "95", "95"),
        (False, "90", "90"),  # touched exactly
        (False, "89.9", None),
        (False, "101", "100"),  # the open is beyond it
        (True, "104", "104"),
        (True, "110", "110"),
        (True, "110.1", None),
        (True, "99", "100"),
    ],
)
def test_a_level_shows_itself_or_an_open_beyond(rising: bool, level: str, shown: str | None) -> None:
    """Touched means triggered: the market shows the level, or the open where the candle began beyond it."""
    found = trigger_price(Decimal(level), CANDLE, rising=rising)
    assert found == (None if shown is None else Decimal(shown))


@pytest.mark.parametrize(("level", "reached"), [("105", True), ("105.1", False), ("101", True)])
def test_a_late_take_profit_trusts_only_the_close(level: str, reached: bool) -> None:
    """Where the extremes may be older than the order, the close must be at the level or beyond."""
    found = trigger_price(Decimal(level), CANDLE, rising=True, from_open=False)
    assert found == (Decimal(level) if reached else None)


@pytest.mark.parametrize(
    ("rising", "level", "beyond"),
    [(False, "100", True), (False, "99.9", False), (True, "100", True), (True, "100.1", False)],
)
def test_a_level_may_be_reached_by_the_open(rising: bool, level: str, beyond: bool) -> None:
    """An open at or beyond the level reaches it."""
    assert opens_beyond(Decimal(level), CANDLE, rising=rising) is beyond
