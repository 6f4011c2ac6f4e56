"""The three strategies: when they enter, when they leave, and what they say about it."""

import re
from decimal import Decimal
from typing import Any

import pytest

from agentic_trading.core.enums import Direction, Market
from agentic_trading.core.errors import ConfigError
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.breakout import Breakout
from agentic_trading.strategies.mean_reversion import MeanReversion
from agentic_trading.strategies.trend_following import TrendFollowing

LONG, SHORT, FLAT = Direction.LONG, Direction.SHORT, Direction.FLAT

TREND_PARAMS = {
    "fast": 12,
    "slow": 26,
    "min_adx": 20,
    "min_volume_ratio": 1.2,
    "max_gap_atr": 0.5,
    "stop_atr": 2.0,
}
TREND = {
    "ema_12": 99.8,
    "ema_26": 99.5,
    "adx_14": 30.0,
    "adx_14.plus_di": 30.0,
    "adx_14.minus_di": 10.0,
    "volume_ratio_20": 1.5,
    "atr_14": 1.0,
}
REVERSION_PARAMS = {"oversold": 35, "overbought": 65, "min_room_bps": 40, "stop_atr": 2.0}
REVERSION = {
    "low": 98.5,
    "bollinger_20_2.upper": 103.0,
    "bollinger_20_2.middle": 101.0,
    "bollinger_20_2.lower": 99.0,
    "rsi_14": 30.0,
    "atr_14": 1.0,
}
BREAKOUT_PARAMS = {
    "entry_window": 20,
    "exit_window": 10,
    "min_volume_ratio": 1.5,
    "min_expansion": 1.1,
    "stop_atr": 2.0,
}
BREAKOUT = {
    "open": 99.0,
    "donchian_20.prior_upper": 99.5,
    "donchian_20.prior_lower": 95.0,
    "donchian_10.prior_upper": 99.5,
    "donchian_10.prior_lower": 97.0,
    "realized_volatility_12": 0.02,
    "realized_volatility_96": 0.01,
    "volume_ratio_20": 2.0,
    "atr_14": 1.0,
}
CASES: list[tuple[BaseStrategy[Any], dict[str, float]]] = [
    (TrendFollowing(TREND_PARAMS), TREND),
    (MeanReversion(REVERSION_PARAMS), REVERSION),
    (Breakout(BREAKOUT_PARAMS), BREAKOUT),
]
by_strategy = pytest.mark.parametrize(
    ("strategy", "values"), CASES, ids=lambda case: getattr(case, "name", None)
)


def mirrored(values: dict[str, float]) -> dict[str, float]:
    """The same row with all prices reflected at 100, so that a long case becomes a short one."""
    swaps = {
        "upper": "lower",
        "lower": "upper",
        "plus": "minus",
        "minus": "plus",
        "low": "high",
        "high": "low",
    }
    prices = ("ema", "bollinger", "donchian", "open", "low", "high")
    out = {}
    for name, value in values.items():
        reflected = 200.0 - value if name.startswith(prices) else 100.0 - value if name == "rsi_14" else value
        out[re.sub("upper|lower|plus|minus|low|high", lambda side: swaps[side[0]], name)] = reflected
    return out


@by_strategy
def test_a_long_entry_explains_itself_and_is_protected(
    strategy: Any, values: Any, context: Any, row: Any
) -> None:
    """Flat, with everything confirmed: long, stop two ATR below the close, numbers as reasons."""
    signal = strategy.on_candle(context(FLAT), *row(values))
    assert signal.direction is LONG
    assert signal.stop == 98.0
    assert len(signal.reasons) >= 5
    assert all(isinstance(value, float) for value in signal.reasons.values())


@by_strategy
def test_a_short_entry_is_the_mirror_image(strategy: Any, values: Any, context: Any, row: Any) -> None:
    """The reflected row gives a short with its stop above; on spot, which cannot be short, nothing."""
    signal = strategy.on_candle(context(FLAT), *row(mirrored(values)))
    assert (signal.direction, signal.stop) == (SHORT, 102.0)
    assert strategy.on_candle(context(FLAT, market=Market.SPOT), *row(mirrored(values))) is None


@by_strategy
@pytest.mark.parametrize("direction", [LONG, SHORT])
def test_a_position_is_never_turned_or_increased(
    strategy: Any, values: Any, direction: Direction, context: Any, row: Any
) -> None:
    """In a position the only answer is to leave it: a gate that stops entries can never stop an exit."""
    for case in (values, mirrored(values)):
        signal = strategy.on_candle(context(direction), *row(case))
        assert signal is None or signal.direction is FLAT


@by_strategy
@pytest.mark.parametrize("direction", [LONG, SHORT, FLAT])
def test_nothing_happens_while_features_are_missing(
    strategy: Any, values: Any, direction: Direction, context: Any, row: Any
) -> None:
    """Features that are not warm (NaN) lead to no entry and to no exit: the stop at the venue stays."""
    holes = {name: float("nan") if "_" in name else value for name, value in values.items()}
    assert strategy.on_candle(context(direction), *row({**mirrored(holes), **holes})) is None


@pytest.mark.parametrize(
    ("strategy", "values", "change"),
    [
        (CASES[0][0], TREND, {"adx_14": 19.9}),
        (CASES[0][0], TREND, {"volume_ratio_20": 1.1}),
        (CASES[0][0], TREND, {"ema_26": 99.2}),
        (CASES[0][0], TREND, {"ema_12": 100.1, "ema_26": 100.0}),
        (CASES[0][0], TREND, {"adx_14.minus_di": 31.0}),
        (CASES[1][0], REVERSION, {"rsi_14": 36.0}),
        (CASES[1][0], REVERSION, {"low": 99.1}),
        (CASES[1][0], REVERSION, {"close": 98.9}),
        (CASES[1][0], REVERSION, {"bollinger_20_2.middle": 100.3}),
        (CASES[2][0], BREAKOUT, {"volume_ratio_20": 1.4}),
        (CASES[2][0], BREAKOUT, {"realized_volatility_12": 0.0105}),
        (CASES[2][0], BREAKOUT, {"open": 99.6}),
        (CASES[2][0], BREAKOUT, {"donchian_20.prior_upper": 100.5}),
    ],
)
def test_every_confirmation_is_needed(
    strategy: Any, values: Any, change: Any, context: Any, row: Any
) -> None:
    """Take one confirmation away and there is no entry."""
    assert strategy.on_candle(context(FLAT), *row({**values, **change})) is None


@pytest.mark.parametrize(
    ("strategy", "stays", "leaves"),
    [
        (CASES[0][0], {**TREND, "ema_12": 99.6}, {**TREND, "ema_12": 99.4}),
        (CASES[1][0], {**REVERSION, "close": 100.9}, {**REVERSION, "close": 101.0}),
        (CASES[2][0], {**BREAKOUT, "close": 97.0}, {**BREAKOUT, "close": 96.9}),
    ],
)
def test_a_position_is_left_when_its_reason_is_gone(
    strategy: Any, stays: Any, leaves: Any, context: Any, row: Any
) -> None:
    """A long is held up to the exit level and left beyond it; a short at the reflected level."""
    assert strategy.on_candle(context(LONG), *row(stays)) is None
    assert strategy.on_candle(context(LONG), *row(leaves)).direction is FLAT
    reflected = {**mirrored(leaves), "close": 200.0 - leaves.get("close", 100.0)}
    assert strategy.on_candle(context(SHORT), *row(reflected)).direction is FLAT


def test_a_dust_position_is_a_position(context: Any, row: Any) -> None:
    """Any quantity counts as held, so that a remainder is closed and not added to."""
    dust = context(LONG)
    dust.position = type(dust.position)(Decimal("0.00000001"), Decimal(100))
    assert CASES[0][0].on_candle(dust, *row(TREND)) is None


@pytest.mark.parametrize(
    ("strategy", "params", "words"),
    [
        (TrendFollowing, {"fast": 30, "slow": 30}, "fast must be smaller than slow"),
        (MeanReversion, {"oversold": 70.0}, "oversold must be below overbought"),
        (Breakout, {"exit_window": 100}, "exit_window must not exceed entry_window"),
        (Breakout, {"volatility_window": 96}, "volatility_window must be below usual_window"),
        (Breakout, {"stop_atr": 0.0}, "'stop_atr'.*greater than 0"),
    ],
)
def test_impossible_parameters_are_refused(strategy: Any, params: Any, words: str) -> None:
    """Parameters that contradict each other are a ConfigError in one sentence."""
    with pytest.raises(ConfigError, match=words):
        strategy(params)
