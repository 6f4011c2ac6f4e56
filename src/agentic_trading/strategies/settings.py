"""Settings every strategy has; its own parameters are checked by its own model."""

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import Many, OneOf, Percent
from agentic_trading.core.enums import ExecutionStyle, Regime, Timeframe
from agentic_trading.core.sizing import SizingSettings


class StrategySettings(Section):
    """One ``[[strategies]]`` block."""

    strategy_id: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", description="name under which the strategy is registered"
    )
    enabled: bool = Field(True, description="whether it trades")
    timeframes: Many[OneOf[Timeframe]] = Field(
        min_length=1,
        description="candle intervals, the finest first: it is called at every close of that one",
    )
    max_position_pct: Percent = Field(
        0.1, description="largest position of this strategy in one symbol, fraction of equity"
    )
    sizing: SizingSettings | None = Field(None, description="how it is sized; absent: portfolio.sizing")
    style: OneOf[ExecutionStyle] | None = Field(
        None, description="how its entries are executed; absent: execution.style"
    )
    symbols: Many[str] | None = Field(None, description="symbols it trades; absent: all")
    regimes: Many[OneOf[Regime]] | None = Field(
        None, description="regimes in which it may enter; absent: all"
    )
    on_gap: Literal["hold", "close"] = Field(
        "hold", description="what happens to a position when candles are missing"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="the strategy's own parameters")

    @field_validator("timeframes")
    @classmethod
    def _finest_first(cls, value: tuple[Timeframe, ...]) -> tuple[Timeframe, ...]:
        ordered = tuple(sorted(dict.fromkeys(value), key=lambda frame: frame.ns))
        if len(ordered) != len(value) or value[0] is not ordered[0]:
            right = ", ".join(f'"{frame}"' for frame in ordered)
            raise PydanticCustomError(
                "timeframes",
                "must begin with the finest and name each once: write [{right}]",
                {"right": right},
            )
        return value
