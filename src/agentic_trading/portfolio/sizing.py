"""How large: from a wanted direction to a quantity, rounded down, as pure functions of the account."""

from decimal import Decimal

from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of, quantity_down
from agentic_trading.core.sizing import FixedFraction, FixedQuantity, SizingSettings

INF = float("inf")


def wanted_quantity(
    sizing: SizingSettings,
    instrument: Instrument,
    *,
    strength: float,
    equity: float,
    price: float,
    volatility: float | None,
    max_fraction: float,
    multiplier: float,
) -> Decimal | None:
    """Quantity of a full position in whole lots; None if an input it needs is missing.

    ``max_fraction`` caps the notional as a fraction of equity (``max_position_pct`` of the strategy),
    ``multiplier`` is the safe-mode factor, applied before rounding. Volatility targeting holds
    ``equity * target / volatility`` of notional (inverse-volatility sizing, annualised ratios), at
    most its own ``max_fraction``. Never rounds up.
    """
    if not (0.0 < price < INF and 0.0 < equity < INF):
        return None
    cap = equity * max_fraction / price
    if isinstance(sizing, FixedFraction):
        quantity = equity * sizing.fraction * strength / price
    elif isinstance(sizing, FixedQuantity):
        quantity = float(sizing.quantity) * strength
        if quantity <= cap and strength == 1.0 and multiplier == 1.0:
            return quantity_down(Decimal(sizing.quantity), instrument.lot)
    else:
        if volatility is None or not volatility > 0.0:
            return None
        fraction = min(sizing.target_volatility_pct / volatility, sizing.max_fraction)
        quantity = equity * fraction * strength / price
    return quantity_down(decimal_of(min(quantity, cap) * multiplier), instrument.lot)
