"""How a wanted position becomes a size: the settings of the sizing methods that exist."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from agentic_trading.core.config.section import Amount, Percent, Section, Share

_BUILT = ("fixed_quantity", "fixed_fraction", "volatility_target")
_PLANNED = ("atr_risk", "stop_distance", "kelly", "liquidity_adjusted", "scaled_entry")


class FixedQuantity(Section):
    """Always the same quantity of the base asset."""

    method: Literal["fixed_quantity"] = "fixed_quantity"
    quantity: Amount = Field(description="quantity in base asset")


class FixedFraction(Section):
    """A fixed fraction of the account's equity."""

    method: Literal["fixed_fraction"] = "fixed_fraction"
    fraction: Share = Field(0.1, description="notional of a full-strength position as a fraction of equity")


class VolatilityTarget(Section):
    """So much that the position's own volatility is the target; less of what moves more."""

    method: Literal["volatility_target"] = "volatility_target"
    target_volatility_pct: Percent = Field(
        0.20, description="wanted annual volatility as a fraction of equity"
    )
    window: int = Field(60, ge=2, le=10_000, description="candles over which volatility is measured")
    max_fraction: Share = Field(0.25, description="largest notional as a fraction of equity")


def _only_built(value: Any) -> Any:
    method = value.get("method") if isinstance(value, dict) else None
    if isinstance(method, str) and method in _PLANNED:
        raise PydanticCustomError(
            "planned",
            "{method} is not built yet; built are: {built}",
            {"method": f'"{method}"', "built": ", ".join(_BUILT), "within": "method"},
        )
    return value


SizingSettings = Annotated[
    FixedQuantity | FixedFraction | VolatilityTarget,
    Field(discriminator="method"),
    BeforeValidator(_only_built),
]
"""One of the sizing methods, told apart by ``method``."""
