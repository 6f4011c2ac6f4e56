"""What a strategy author can rely on, and what is refused."""

from typing import Any

import msgspec
import pytest

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy, StrategyChanged, StrategyParams, has_triggers
from agentic_trading.strategies.registry import register_strategy


class Params(StrategyParams):
    fast: int = 12
    width: float = 2.0
    timeframe: Timeframe = Timeframe.H1
    levels: tuple[float, ...] = (1.0, 2.0)


@register_strategy("typed")
class Typed(BaseStrategy[Params]):
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        return None


@register_strategy("my_strategy")
class MyStrategy(BaseStrategy):
    def on_candle(
        self,
        ctx: TradingContext,
        candle: Candle,
        features: FeatureVector,
    ) -> Signal | None:
        # Your logic here. Return a Signal to trade, or None to pass.
        ...


def test_the_manuals_example_works_with_the_manuals_settings(context: Any, row: Any) -> None:
    """The shortest strategy of the manual runs, takes its ``my_param = 42`` and needs no feature."""
    strategy = MyStrategy({"my_param": 42})
    assert strategy.params.my_param == 42
    assert strategy.features() == []
    assert strategy.triggers(None) is None  # type: ignore[arg-type]
    assert strategy.on_candle(context(), *row({})) is None
    assert MyStrategy.name == "my_strategy"


def test_parameters_are_typed_and_default() -> None:
    """Without settings the declared defaults hold; with them, TOML values become the declared types."""
    assert Typed().params == Params()
    given = {"fast": 5, "width": 3, "timeframe": "4h", "levels": [1, 2.5]}
    params = Typed(given).params
    assert params == Params(fast=5, width=3.0, timeframe=Timeframe.H4, levels=(1.0, 2.5))
    assert isinstance(params.width, float)
    assert Typed(Params(fast=7)).params.fast == 7


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"fats": 5}, ["'typed'", "'fats'", "did you mean 'fast'?", "width"]),
        ({"fast": "5"}, ["'typed'", "'fast'", "valid integer", "'5'"]),
        ({"fast": 5.5}, ["'fast'", "integer"]),
        ({"fast": True}, ["'fast'", "integer"]),
        ({"width": float("nan")}, ["'width'", "finite"]),
        ({"timeframe": "7m"}, ["'timeframe'", "'1m'"]),
        ({"fast": object()}, ["'typed'", "plain value"]),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(values: dict[str, Any], expected: list[str]) -> None:
    """A wrong key or value is a ConfigError that names strategy, key and what would be right."""
    with pytest.raises(ConfigError) as caught:
        Typed(values)
    for part in expected:
        assert part in str(caught.value)


def test_parameters_of_another_strategy_are_refused() -> None:
    """Typed parameters of another class are a ConfigError that names both."""

    class Other(StrategyParams):
        pass

    with pytest.raises(ConfigError, match=r"takes Params, not .*Other"):
        Typed(Other())  # type: ignore[arg-type]


def test_a_strategy_cannot_change_after_init() -> None:
    """An assignment or deletion after ``__init__`` is an error that points to ``ctx.memory``."""

    class Counting(Typed):
        def __init__(self, params: Params | None = None) -> None:
            super().__init__(params)
            self.constant = 3

    strategy = Counting()
    assert strategy.constant == 3
    with pytest.raises(StrategyChanged, match=r"'typed' changed self\.constant.*ctx\.memory"):
        strategy.constant = 4
    with pytest.raises(StrategyChanged, match=r"self\.seen"):
        strategy.seen = 1  # type: ignore[attr-defined]
    with pytest.raises(StrategyChanged):
        del strategy.constant
    assert strategy.constant == 3


def test_a_strategy_cannot_keep_a_container_to_fill_later() -> None:
    """A list on the strategy would be hidden state, so it is refused when the strategy is made."""

    class Hoarding(Typed):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[float] = []

    with pytest.raises(StrategyChanged, match=r"list in self\.seen"):
        Hoarding()


def test_parameters_cannot_change() -> None:
    """Parameters are frozen."""
    with pytest.raises(ValueError, match="frozen"):
        Typed().params.fast = 3  # type: ignore[misc]


def test_a_memory_that_cannot_work_is_refused_at_once() -> None:
    """Memory must be a mutable struct whose fields all have defaults; else the class statement fails."""

    class NeedsArgument(msgspec.Struct):
        count: int

    class Frozen(msgspec.Struct, frozen=True):
        count: int = 0

    for memory, words in ((NeedsArgument, "default"), (Frozen, "frozen"), (dict, "msgspec.Struct")):
        with pytest.raises(TypeError, match=words):
            type("Bad", (Typed,), {"Memory": memory})


def test_a_strategy_without_on_candle_cannot_be_made() -> None:
    """``on_candle`` is the one thing a strategy must have."""
    with pytest.raises(TypeError, match="on_candle"):
        type("Empty", (BaseStrategy,), {})()


def test_triggers_are_seen_only_where_they_are_defined() -> None:
    """A strategy that inherits the default ``triggers`` runs on every row."""
    assert not has_triggers(Typed)
    assert has_triggers(type("Masked", (Typed,), {"triggers": lambda self, table: None}))
