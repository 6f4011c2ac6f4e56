"""Masks are supersets: a row on which a strategy would act is never skipped."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentic_trading.core.enums import Direction, Market
from agentic_trading.core.models import FloatArray
from agentic_trading.strategies.base import has_triggers
from agentic_trading.strategies.registry import create, discover
from strategy_platform import ColumnTable, make_context

NAMES = ["breakout", "mean_reversion", "trend_following"]
GRID = np.array([98.0, 99.0, 99.5, 100.0, 100.5, 101.0, 102.0, np.nan])
"""Prices so near to each other that every comparison goes both ways and ties happen."""
SCALES = {
    "adx": [10.0, 22.0, 30.0],
    "volume_ratio": [1.0, 1.5, 2.0],
    "realized_volatility": [0.01, 0.011, 0.02],
    "rsi": [20.0, 35.0, 50.0, 65.0, 80.0],
    "atr": [0.5, 1.0, 4.0, 50.0],
}


def random_table(seed: int, columns: list[str], rows: int = 60) -> ColumnTable:
    """Candles that obey high >= open, close >= low, and features of any value, some missing."""
    random = np.random.default_rng(seed)
    prices = np.sort(random.choice(GRID[:-1], size=(4, rows)), axis=0)
    swap = random.random(rows) < 0.5
    bars: dict[str, FloatArray] = {
        "open": np.where(swap, prices[1], prices[2]),
        "high": prices[3],
        "low": prices[0],
        "close": np.where(swap, prices[2], prices[1]),
        "volume": random.random(rows),
    }
    for name in columns:
        levels = next((np.array([*SCALES[key], np.nan]) for key in SCALES if name.startswith(key)), GRID)
        bars[name] = random.choice(levels, size=rows)
    return ColumnTable(bars)


def test_every_built_in_strategy_is_covered_here() -> None:
    """Each discovered strategy that defines triggers is under the law below."""
    assert sorted(name for name, strategy in discover().items() if has_triggers(strategy)) == NAMES


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=min(60, settings().max_examples))
@given(seed=st.integers(0, 2**32 - 1))
def test_no_row_that_matters_is_outside_the_mask(name: str, seed: int) -> None:
    """What ``on_candle`` answers while flat, long or short lies in the mask of that state."""
    strategy: Any = create(name)
    columns = [column for spec in strategy.features() for column in spec.columns]
    table = random_table(seed, columns)
    masks = strategy.triggers(table)
    assert masks.entry.shape == masks.exit.shape == masks.exit_short.shape == (len(table),)
    for index in range(len(table)):
        candle, features = table.row(index)
        for direction, mask in (
            (Direction.FLAT, masks.entry),
            (Direction.LONG, masks.exit),
            (Direction.SHORT, masks.exit_short),
        ):
            if strategy.on_candle(make_context(direction), candle, features) is not None:
                assert mask[index], f"row {index} of seed {seed}: acts while {direction}, but is masked out"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
def test_the_exit_masks_are_exact(name: str, direction: Direction) -> None:
    """The exit mask of each side names exactly the rows on which a position of that side is left."""
    strategy: Any = create(name)
    columns = [column for spec in strategy.features() for column in spec.columns]
    table = random_table(7, columns, rows=5_000)
    context = make_context(direction)
    acts = [strategy.on_candle(context, *table.row(index)) is not None for index in range(len(table))]
    masks = strategy.triggers(table)
    mask = masks.exit if direction is Direction.LONG else masks.exit_short
    assert acts == mask.tolist()
    assert 0 < sum(acts) < len(acts)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("market", Market)
def test_the_entry_mask_is_exact(name: str, market: Market) -> None:
    """The entry mask names exactly the rows of entries: in both directions where shorting is possible."""
    strategy: Any = create(name)
    columns = [column for spec in strategy.features() for column in spec.columns]
    table, context = random_table(7, columns, rows=20_000), make_context(market=market)
    table.can_short = context.instrument.can_short
    answers = [strategy.on_candle(context, *table.row(index)) for index in range(len(table))]
    acts = np.array([answer is not None for answer in answers])
    assert np.array_equal(acts, strategy.triggers(table).entry)
    ways = {Direction.LONG, Direction.SHORT} if market is Market.LINEAR else {Direction.LONG}
    assert {answer.direction for answer in answers if answer} == ways
