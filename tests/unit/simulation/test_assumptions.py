"""What a run may assume about fees, delays and chance, and that pessimism never pays."""

import itertools
from decimal import Decimal

import pytest

from agentic_trading.core.enums import Market
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.events import Event, Fill, OrderAccepted, OrderRejected
from agentic_trading.core.orders import Target
from agentic_trading.simulation.costs import CostModel
from agentic_trading.simulation.fee_tiers import FEE_TIERS
from agentic_trading.simulation.market import market_models
from agentic_trading.simulation.resting import FeeAsset
from agentic_trading.simulation.settings import SimulationSettings, fee_rates
from venue_market import BUY, MINUTE, PERPETUAL, SPOT, START_NS, Desk, candle, instrument, model, only, story

FLAT = "100 100 100 100"
SECOND = MINUTE // 60


# --- fees -----------------------------------------------------------------------------------------


def test_a_better_tier_pays_less() -> None:
    """The tier is looked up by venue and market; a fee that is given wins over it."""
    assert fee_rates("bybit", Market.LINEAR, SimulationSettings(fee_tier="VIP1")) == (
        Decimal("0.00018"), Decimal("0.0004"),
    )  # fmt: skip
    given = SimulationSettings(fee_tier="VIP1", maker_fee_bps=1.0, taker_fee_bps=3.0)
    assert fee_rates("sample", Market.SPOT, given) == (Decimal("0.0001"), Decimal("0.0003"))


def test_an_unknown_tier_is_named_with_those_there_are() -> None:
    """The message says which tiers the venue has."""
    with pytest.raises(ConfigError, match="no tier 'VIP12'; it has VIP0, VIP1"):
        fee_rates("binance", Market.SPOT, SimulationSettings(fee_tier="VIP12"))


def test_no_tier_costs_more_than_the_one_below_it() -> None:
    """Fees only fall along a venue's table, and the base tier is never free."""
    for tiers in FEE_TIERS.values():
        rates = list(tiers.values())
        assert min(rates[0]) > 0
        for lower, upper in itertools.pairwise(rates):
            assert upper[0] <= lower[0]
            assert upper[1] <= lower[1]


def test_fees_in_a_third_asset_while_it_lasts() -> None:
    """The discount holds as long as there is enough of the asset; then the full fee is paid in quote."""
    other = FeeAsset("BNB", Decimal(300), Decimal("0.25"))
    desk = Desk(model(taker="0.001", fee_asset=other), balances={"USDT": "1000", "BNB": "0.0003"})
    desk.buy("1")
    desk.buy("1")
    first, second = only(desk.passes(candle(0, FLAT)), Fill)
    assert (first.fee, first.fee_asset) == (Decimal("0.00025"), "BNB")  # 0.1 x 0.75 / 300
    assert (second.fee, second.fee_asset) == (Decimal("0.1"), "USDT")
    assert (desk.balance("BNB"), desk.balance()) == (Decimal("0.00005"), Decimal("999.9"))


def test_the_fee_asset_needs_a_price_and_a_quantity() -> None:
    """Asset, price and quantity belong together: one that is missing is not guessed."""
    whole = {"fee_asset": "BNB", "fee_asset_price": 600.0, "fee_asset_quantity": 2}
    assert SimulationSettings(**whole).fee_asset_quantity == 2
    for name in whole:
        with pytest.raises(ValueError, match="give all three or none"):
            SimulationSettings(**{key: value for key, value in whole.items() if key != name})


# --- impact ---------------------------------------------------------------------------------------


def test_impact_grows_with_the_root_of_our_share() -> None:
    """A quarter of the volume moves the price by half of sigma: 20 x 0.6005612 / 2 is 6.005612."""
    costs = CostModel(Decimal(0), latency=False, impact_factor=Decimal(1))
    for quantity, price in (("250", "106.1"), ("10", "101.3")):
        desk = Desk(model(costs), balances={"USDT": "1000000"})
        desk.buy(quantity)
        (fill,) = only(desk.passes(candle(0, "100 115 95 100")), Fill)
        assert fill.price == Decimal(price)


# --- delays and chance ----------------------------------------------------------------------------


def test_reports_travel() -> None:
    """What happened is known its latency later, in order, and the venue says when."""
    desk = Desk(model(report_latency_ns=90 * SECOND))
    desk.buy("1")
    assert desk.passes(candle(0, FLAT)) == []
    assert desk.held() == 1
    assert desk.venue.waits().arrival_ns == START_NS + 90 * SECOND
    assert (desk.idle, desk.venue.busy) == (False, [PERPETUAL])
    assert story(desk.passes(candle(1, FLAT))) == ["OrderAccepted A", "Fill A"]
    assert desk.idle


def test_funding_is_not_known_before_the_fill_it_was_settled_on() -> None:
    """While a fill travels to us, so does the funding behind it; the wallet has paid at once."""
    desk = Desk(model(report_latency_ns=90 * SECOND))
    desk.buy("1")
    assert desk.passes(candle(0, FLAT)) == []
    assert desk.venue.fund(PERPETUAL, START_NS + MINUTE, 0.001, 100.0) is None
    assert desk.balance() == 1_000_000 - Decimal("0.1")
    told = [report for minute in (1, 2) for report in desk.passes(candle(minute, FLAT))]
    assert [type(report).__name__ for report in told] == ["OrderAccepted", "Fill", "Funding"]
    paid = desk.venue.fund(PERPETUAL, START_NS + 3 * MINUTE, 0.001, 100.0)
    assert paid is not None
    assert paid.payment == Decimal("-0.1")


def delayed(seed: int) -> list[int]:
    desk = Desk(model(latency_ns=SECOND, jitter_ns=5 * SECOND, seed=seed))
    for _ in range(20):
        desk.buy("1")
    reports = [report for minute in range(3) for report in desk.passes(candle(minute, FLAT))]
    return [report.at_ns for report in only(reports, OrderAccepted)]


def test_delays_are_drawn_from_the_seed() -> None:
    """Equal seeds give equal delays, others others; none is shorter than the latency."""
    assert delayed(1) == delayed(1)
    assert delayed(1) != delayed(2)
    assert len(delayed(1)) == 20
    assert min(delayed(1)) >= START_NS + SECOND


def test_a_cancel_never_overtakes_its_order() -> None:
    """A cancel that would arrive before its order arrives with it, and cancels it."""
    desk = Desk(model(latency_ns=30 * SECOND, cancel_latency_ns=0))
    desk.cancel(desk.limit(BUY, "1", "95"))
    assert story(desk.passes(candle(0, FLAT))) == ["OrderAccepted A", "OrderCanceled A: changed_mind"]


def rejected(seed: int) -> list[str]:
    desk = Desk(model(reject_ratio=0.3, seed=seed))
    for _ in range(50):
        desk.buy("1")
    return [report.order_id for report in only(desk.passes(candle(0, FLAT)), OrderRejected)]


def test_rejects_come_at_their_rate() -> None:
    """About the share that was asked for, the same ones for the same seed."""
    assert rejected(3) == rejected(3)
    assert 5 <= len(rejected(3)) <= 25


def test_settings_reach_every_market() -> None:
    """What the section says is what the venue assumes; without it chance plays no part."""
    rules = {SPOT: instrument(SPOT)}
    plain = market_models(rules, SimulationSettings(), seed=7)[SPOT]
    assert (plain.jitter_ns, plain.reject_ratio, plain.report_latency_ns) == (0, 0.0, 0)
    assert (plain.optimistic, plain.touch_fills, plain.hedged, plain.fee_asset) == (False, False, False, None)
    settings = SimulationSettings(
        slippage="impact", ambiguity="optimistic", limit_fills="touch", position_mode="hedge",
        cancel_latency_ms=10, latency_jitter_ms=20, report_latency_ms=30, reject_ratio=0.01,
    )  # fmt: skip
    chosen = market_models(rules, settings, seed=7)[SPOT]
    assert (chosen.optimistic, chosen.touch_fills, chosen.hedged) == (True, True, True)
    assert (chosen.cancel_latency_ns, chosen.amend_latency_ns) == (10_000_000, None)
    assert (chosen.jitter_ns, chosen.report_latency_ns, chosen.reject_ratio) == (20_000_000, 30_000_000, 0.01)
    assert chosen.costs.impact_factor == 1


# --- pessimism ------------------------------------------------------------------------------------


def result_of(optimistic: bool, bars: str) -> Decimal:
    desk = Desk(model(CostModel(Decimal(3)), taker="0.0005", maker="0.0002", optimistic=optimistic))
    halves = (Target(Decimal(103), Decimal("0.5")), Target(Decimal(106), Decimal("0.5")))
    desk.buy("4", protective_stop="97", targets=halves)
    desk.sell("4", at=2, reduce_only=True, closing=True)
    reports: list[Event] = desk.passes(candle(0, FLAT), candle(1, bars), candle(2, "100 101 99 100"))
    assert desk.held() == 0, reports
    return desk.balance()


@pytest.mark.parametrize(
    "bars", ["100 107 96 100", "100 104 96 100", "100 107 98 100", "100 102 96 99", "96 107 95 100"]
)
def test_pessimism_never_pays(bars: str) -> None:
    """On the same decisions the pessimistic reading of a candle never gives more than the kinder one."""
    assert result_of(optimistic=False, bars=bars) <= result_of(optimistic=True, bars=bars)
