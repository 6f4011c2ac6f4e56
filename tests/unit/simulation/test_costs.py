"""What taking costs: against us, on the tick, inside the candle."""

import math
from decimal import Decimal

import pytest

from agentic_trading.core.enums import Market, Side
from agentic_trading.core.money import decimal_of
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.market import market_models
from agentic_trading.simulation.settings import SimulationSettings, fee_rates
from venue_market import BUY, PERPETUAL, SELL, SPOT, candle, instrument

WIDE = candle(0, "10000 10100 9900 10000")


def priced(
    side: Side, costs: CostModel, base: str = "10000", elapsed: float = 0.0, bars: str = ""
) -> Decimal:
    shown = candle(0, bars) if bars else WIDE
    return costs.taker_price(instrument(), side, Decimal(base), shown, elapsed)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10003"), (SELL, "9997")])
def test_half_spread_and_slippage(side: Side, expected: str) -> None:
    """Three basis points of 10000 are 3, added for a buyer and taken off for a seller."""
    assert priced(side, CostModel(Decimal(3))) == Decimal(expected)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10003.1"), (SELL, "9996.9")])
def test_rounding_to_the_tick_is_against_us(side: Side, expected: str) -> None:
    """3.01 basis points (3.01) lie between two ticks: the worse one counts."""
    assert priced(side, CostModel(Decimal("3.01"))) == Decimal(expected)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10021"), (SELL, "9979")])
def test_volatility_slippage(side: Side, expected: str) -> None:
    """A tenth of the candle's range of 200 is 20, on top of one basis point of half-spread."""
    assert priced(side, CostModel(Decimal(1), Decimal("0.1"))) == Decimal(expected)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10051"), (SELL, "9949")])
def test_latency_drift_scales_with_the_root_of_time(side: Side, expected: str) -> None:
    """A sixteenth of the candle on the way lets the market drift by a quarter of the range of 200."""
    assert priced(side, CostModel(Decimal(1)), elapsed=0.0625) == Decimal(expected)


def test_no_latency_cost_when_it_is_switched_off() -> None:
    """The free model takes the open as it is, whenever the order arrives."""
    assert priced(BUY, FREE, elapsed=0.5) == priced(SELL, FREE, elapsed=0.5) == 10000


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10100"), (SELL, "9900")])
def test_never_outside_the_candle(side: Side, expected: str) -> None:
    """Costs of two percent end at the candle's extreme: nothing traded beyond it."""
    assert priced(side, CostModel(Decimal(200))) == Decimal(expected)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10000.2"), (SELL, "9999.8")])
def test_an_extreme_off_the_tick_gives_the_last_tick_inside(side: Side, expected: str) -> None:
    """Where the data's extreme lies between ticks, the price is the last tick that still traded."""
    assert priced(side, CostModel(Decimal(200)), bars="10000 10000.25 9999.75 10000") == Decimal(expected)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "10000.08"), (SELL, "10000.02")])
def test_a_candle_between_two_ticks_gives_its_extreme(side: Side, expected: str) -> None:
    """With no tick inside the candle, the worse extreme counts, never a price better than the open."""
    shown = "10000.05 10000.08 10000.02 10000.05"
    assert priced(side, CostModel(Decimal(200)), "10000.05", bars=shown) == Decimal(expected)


def test_drift_is_exact_decimal_arithmetic_on_a_correctly_rounded_root() -> None:
    """The only float on the way is one IEEE square root; the rest is exact."""
    elapsed = 250 / 60_000
    drift = Decimal(200) * decimal_of(math.sqrt(elapsed))
    assert str(drift)[:9] == "12.909944"
    assert priced(BUY, CostModel(Decimal(0)), elapsed=elapsed) == Decimal("10013.0")


def test_settings_become_assumptions() -> None:
    """Half-spread and slippage add up, latency is in nanoseconds, fees are ratios of the public tier."""
    settings = SimulationSettings(
        half_spread_bps=1.5, slippage_bps=2.25, latency_ms=250, participation_ratio=0.2
    )
    found = market_models({PERPETUAL: instrument()}, settings, seed=7)[PERPETUAL]
    assert found.costs == CostModel(Decimal("3.75"))
    assert (found.latency_ns, found.participation) == (250_000_000, Decimal("0.2"))
    assert (found.maker_fee, found.taker_fee) == (Decimal("0.0002"), Decimal("0.0005"))


def test_volatility_model_replaces_fixed_slippage() -> None:
    """With the volatility model only the half-spread is fixed."""
    settings = SimulationSettings(half_spread_bps=1.0, slippage="volatility", slippage_volatility_factor=0.05)
    found = market_models({SPOT: instrument(SPOT)}, settings, seed=7)[SPOT]
    assert found.costs == CostModel(Decimal(1), Decimal("0.05"))


def test_next_open_costs_nothing_but_the_fee() -> None:
    """For comparisons orders fill at the next open itself; fees are still charged."""
    found = market_models({SPOT: instrument(SPOT)}, SimulationSettings(fills="next_open"), seed=7)[SPOT]
    assert (found.costs, found.latency_ns, found.taker_fee) == (FREE, 0, Decimal("0.001"))


def test_a_fee_that_is_given_wins() -> None:
    """Own fees replace the venue's tier one by one; a fee of zero is a fee that is given."""
    given = SimulationSettings(maker_fee_bps=0)
    assert fee_rates("bybit", Market.LINEAR, given) == (Decimal(0), Decimal("0.00055"))
