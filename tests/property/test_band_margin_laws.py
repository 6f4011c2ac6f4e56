"""The realism band where positions are liquidated: what one decision comes to under three markets."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentic_trading.band import OPTIMISTIC, PESSIMISTIC, assumed
from agentic_trading.core.enums import Side
from agentic_trading.core.events import Fill, Liquidated
from agentic_trading.core.money import exact
from agentic_trading.simulation.market import market_models
from agentic_trading.simulation.settings import SimulationSettings
from venue_market import PERPETUAL, Desk, candle, instrument, only

pytestmark = pytest.mark.property
bps = st.sampled_from([0.0, 1.0, 7.5, 40.0])
bases = st.builds(
    SimulationSettings,
    half_spread_bps=bps,
    slippage=st.sampled_from(["fixed", "volatility", "impact"]),
    slippage_bps=bps,
    latency_ms=st.sampled_from([0, 250, 3000]),
    fills=st.sampled_from(["realistic", "next_open"]),
    fee_tier=st.sampled_from(["VIP0", "VIP1"]),
    leverage=st.sampled_from([2.0, 5.0, 10.0]),
    margin_mode=st.sampled_from(["isolated", "cross"]),
)
moves = st.lists(
    st.tuples(st.integers(-60, 60), st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=15
)
sizes = st.integers(1, 60)


def held_to_the_end(
    settings: SimulationSettings, moves: list[tuple[int, int, int]], side: Side, size: int
) -> tuple[bool, bool, Decimal]:
    """Whether one order was filled whole, whether it was liquidated, and what a wallet of 1000 comes to."""
    (model,) = market_models({PERPETUAL: instrument()}, settings, seed=7).values()
    desk = Desk(model, balances={"USDT": "1000"})
    desk.order(side, str(size))
    reports, close = [], 1000
    for minute, (move, above, below) in enumerate(moves):
        opened, close = close, max(close + move, 100)
        high, low = max(opened, close) + above, max(min(opened, close) - below, 50)
        bar = " ".join(f"{price / 10}" for price in (opened, high, low, close))
        reports += desk.passes(candle(minute, bar, volume=1e6))
    filled = sum((fill.quantity for fill in only(reports, Fill)), Decimal(0))
    account = desk.venue.account
    with exact():
        open_profit = sum(
            (leg.quantity * Decimal(close) / 10 - leg.cost for leg in account.legs(PERPETUAL)), Decimal(0)
        )
        return filled == size, bool(only(reports, Liquidated)), account.balances["USDT"] + open_profit


@given(bases, moves, st.sampled_from(Side), sizes)
def test_nested_where_a_position_may_be_liquidated(
    base: SimulationSettings, moves: list[tuple[int, int, int]], side: Side, size: int
) -> None:
    """One position that is left alone ends no better, and is liquidated no later, the harsher the market.

    Isolated shorts are the exception that margins make: sold lower they bind less, so there is less to lose.
    """
    found = [
        held_to_the_end(settings, moves, side, size)
        for settings in (assumed(base, "binance", PESSIMISTIC), base, assumed(base, "binance", OPTIMISTIC))
    ]
    assume(all(filled for filled, _, _ in found))
    liquidated = [forced for _, forced, _ in found]
    assert liquidated == sorted(liquidated, reverse=True)
    if base.margin_mode == "cross" or side is Side.BUY or not any(liquidated):
        ends = [end for _, _, end in found]
        assert ends == sorted(ends)


def test_a_short_sold_lower_has_less_to_lose() -> None:
    """Isolated at ten, both are liquidated: the harsher market took the margin of 99.7 and not of 99.9."""
    rise = [(0, 0, 60), (200, 0, 0)]
    ends = []
    for slip in (30.0, 10.0):
        settings = SimulationSettings(
            half_spread_bps=0, slippage_bps=slip, latency_ms=0, leverage=10.0, margin_mode="isolated",
            taker_fee_bps=0, maker_fee_bps=0,
        )  # fmt: skip
        filled, liquidated, end = held_to_the_end(settings, rise, Side.SELL, 10)
        assert (filled, liquidated) == (True, True)
        ends.append(end)
    assert ends == [1000 - Decimal("99.7"), 1000 - Decimal("99.9")]
