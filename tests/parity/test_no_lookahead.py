"""No decision uses data after its time: another future changes nothing of the past."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector, Signal, stop_id_of
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle, IntArray
from agentic_trading.features import adx, donchian, ema, rsi, volume_ratio
from agentic_trading.main import backtest
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import discover
from gappy_market import FRAME, SYMBOLS, Market, every_strategy, full_run, gappy_market

WARM_ROWS = 1_000
"""Cuts fall after this many candles: by then the strategies trade."""
FUTURES = ("nothing", "garbage", "garbage with holes")
CHOSEN_BEFOREHAND = [
    "order_id", "strategy", "symbol", "side", "type", "reduce_only", "quantity", "price", "stop_price",
    "created_ns", "cause",
]  # fmt: skip
"""Columns of an order that are settled when it is made."""


def with_future(market: Market, cut_ns: int, future: str, seed: int) -> Market:
    """The market with every candle that closes after the cut, and every later rate, replaced."""
    draw = np.random.default_rng(seed)
    open_ns, bars = {}, {}
    for symbol in SYMBOLS:
        times, old = market.open_ns[symbol], market.bars[symbol]
        past = times + FRAME.ns <= cut_ns
        new = old.copy()
        close = old[3, past][-1] * draw.uniform(0.3, 3.0, len(times))
        first = close * draw.uniform(0.8, 1.2, len(times))
        high, low = np.maximum(first, close) * 1.05, np.minimum(first, close) * 0.95
        new[:, ~past] = np.stack((first, high, low, close, draw.uniform(0.0, 9e3, len(times))))[:, ~past]
        keep = past.copy()
        if future != "nothing":
            keep |= draw.random(len(times)) > (0.3 if "holes" in future else 0.0)
        open_ns[symbol], bars[symbol] = times[keep], new[:, keep]
    later = market.funding_ns > cut_ns
    rates = np.where(later, draw.uniform(-0.01, 0.01, len(later)), market.rates)
    return Market(open_ns, bars, market.funding_ns, rates)


def past_of(result, cut_ns: int) -> dict[str, pl.DataFrame]:
    """Everything a run did up to the cut.

    A fill stamped with the cut itself is one at the open of the candle that begins there. A stop that
    is attached to an entry exists from the entry's first fill, whenever it was decided on.
    """
    stamped = pl.col("timestamp_ns")
    orders = result.orders
    attached = pl.col("order_id").is_in([stop_id_of(each) for each in orders["order_id"]])
    return {
        "decisions": result.decisions.filter(stamped <= cut_ns),
        "equity": result.equity.filter(stamped <= cut_ns),
        "funding": result.funding.filter(stamped <= cut_ns),
        "fills": result.fills.filter(stamped < cut_ns),
        "orders made": orders.filter(pl.col("created_ns") <= cut_ns, ~attached).select(CHOSEN_BEFOREHAND),
        "orders done": orders.filter(pl.col("done_ns").is_between(1, cut_ns - 1)),
    }


def closes_of_all(market: Market) -> IntArray:
    """Times at which a candle of some symbol closes."""
    return np.unique(np.concatenate([market.open_ns[symbol] for symbol in SYMBOLS])) + FRAME.ns


def assert_same_past(cut_ns: int, future: str, seed: int, **changes: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        other = with_future(gappy_market(), cut_ns, future, seed)
        other.write(Path(folder))
        changed = past_of(other.run(Path(folder), **changes), cut_ns)
    for name, table in past_of(full_run(**changes), cut_ns).items():
        assert table.equals(changed[name]), f"{name} before the cut depend on what came after it"


def test_every_strategy_trades_here() -> None:
    """The market is one in which the law can fail: each built-in strategy trades before and after gaps."""
    trades = full_run().trades
    assert sorted(trades["strategy"].unique()) == sorted(discover())
    assert trades.group_by("strategy").len()["len"].min() >= 5
    assert full_run().summary["data"]["gaps"] > 0
    assert len(full_run().funding) > 0


# Every case is three runs: shrinking would take minutes and say no more than the first one found.
@settings(
    max_examples=min(8, settings().max_examples // 5),
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    row=st.integers(WARM_ROWS, 2_800), future=st.sampled_from(FUTURES), seed=st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_another_future_changes_nothing_before_it(row: int, future: str, seed: int) -> None:
    """Decisions, orders, fills, funding and equity up to a cut stay when all data after it is another."""
    assert_same_past(int(closes_of_all(gappy_market())[row]), future, seed)


@pytest.mark.parametrize(
    "future", ["nothing", *(pytest.param(each, marks=pytest.mark.slow) for each in FUTURES[1:])]
)
def test_other_models_do_not_look_ahead_either(future: str) -> None:
    """The same law for volatility-scaled slippage and sizing, and for fills at the next open."""
    cut_ns = int(closes_of_all(gappy_market())[2_000])
    assert_same_past(
        cut_ns,
        future,
        3,
        **{"simulation.slippage": "volatility", "portfolio.sizing.method": "volatility_target"},
    )
    assert_same_past(cut_ns, future, 4, **{"simulation.fills": "next_open"})


class Gossip(BaseStrategy):
    """Changes its mind at every candle and tells all it has seen: nothing it knows stays hidden."""

    name = "gossip"
    timeframes = (FRAME,)

    def features(self) -> list[FeatureSpec]:
        hourly = (ema(3, timeframe="1h"), donchian(4, timeframe="15m"))
        return [ema(5), rsi(3), adx(3), donchian(6), volume_ratio(9), *hourly]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal:
        seen = {name: features[name] for name in features.columns}
        before = ctx.history(3)
        reasons = {**seen, "close": candle.close, "before": before[0].close, "equity": ctx.book.equity}
        if ctx.position.direction is Direction.FLAT:
            return Signal.long(candle, strength=0.2, reasons=reasons)
        return Signal.flat(candle, reasons=reasons)


def gossip_over(market: Market):
    with tempfile.TemporaryDirectory() as folder:
        market.write(Path(folder))
        return backtest([Gossip()], settings=every_strategy(Path(folder)))


@pytest.fixture(scope="module")
def whole_gossip():
    return gossip_over(gappy_market())


@pytest.mark.slow
@pytest.mark.parametrize("row", [900, 1_500, 2_440])
def test_nothing_a_strategy_sees_comes_from_later(row: int, whole_gossip) -> None:
    """Every feature, candle and account figure a strategy can read at a time was known at that time."""
    cut_ns = int(closes_of_all(gappy_market())[row])
    told = past_of(whole_gossip, cut_ns)
    assert told["decisions"].filter(timestamp_ns=cut_ns, kind="signal").height > 0
    changed = past_of(gossip_over(with_future(gappy_market(), cut_ns, "garbage", row)), cut_ns)
    for name, table in told.items():
        assert table.equals(changed[name]), f"{name} before the cut depend on what came after it"
