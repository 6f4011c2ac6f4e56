"""How large: from a wanted direction to a quantity, rounded down, a pure function of the account."""

from decimal import Decimal

from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of, quantity_down
from agentic_trading.core.sizing import FixedFraction, FixedQuantity, SizingSettings, VolatilityTarget

INF = float("inf")


class Size:
    """How large a full position of one strategy on one instrument is; what never changes is worked out once.

    ``max_fraction`` caps the notional as a fraction of equity (``max_position_pct`` of the strategy),
    ``multiplier`` is the safe-mode factor, applied before rounding. Volatility targeting holds
    ``equity * target / volatility`` of notional (inverse-volatility sizing, annualised ratios), at
    most its own ``max_fraction``. Never rounds up.
    """

    __slots__ = ("_fixed", "_fraction", "_lot", "_max_fraction", "_multiplier", "_target", "_whole")

    def __init__(
        self, sizing: SizingSettings, instrument: Instrument, max_fraction: float, multiplier: float
    ) -> None:
        self._lot = instrument.lot
        self._max_fraction = max_fraction
        self._multiplier = multiplier
        self._fixed = float(sizing.quantity) if isinstance(sizing, FixedQuantity) else None
        self._fraction = sizing.fraction if isinstance(sizing, FixedFraction) else None
        self._target = sizing if isinstance(sizing, VolatilityTarget) else None
        self._whole: Decimal | None = None
        if isinstance(sizing, FixedQuantity) and multiplier == 1.0:
            self._whole = quantity_down(Decimal(sizing.quantity), instrument.lot)

    def wanted(
        self, strength: float, equity: float, price: float, volatility: float | None
    ) -> Decimal | None:
        """Quantity of a position in whole lots; None if an input it needs is missing."""
        if not (0.0 < price < INF and 0.0 < equity < INF):
            return None
        cap = equity * self._max_fraction / price
        if self._fixed is not None:
            quantity = self._fixed * strength
            if quantity <= cap and strength == 1.0 and self._whole is not None:
                return self._whole
        elif self._fraction is not None:
            quantity = equity * self._fraction * strength / price
        elif self._target is None or volatility is None or not volatility > 0.0:
            return None
        else:
            target = self._target
            fraction = min(target.target_volatility_pct / volatility, target.max_fraction)
            quantity = equity * fraction * strength / price
        return quantity_down(decimal_of(min(quantity, cap) * self._multiplier), self._lot)
