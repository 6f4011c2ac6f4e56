"""How large: from a wanted direction to a quantity, rounded down, a pure function of the account."""

import math
from decimal import Decimal

import numpy as np

from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of, quantity_down
from agentic_trading.core.numerics import compiled
from agentic_trading.core.sizing import FixedFraction, FixedQuantity, SizingSettings

NAN = float("nan")
QUANTITY, FRACTION, VOLATILITY = range(3)
"""Ways of sizing, for `wanted_quantity`: always so much, a fraction of equity, a volatility to be held."""


@compiled
def wanted_quantity(
    way: int,
    amount: float,
    largest: float,
    max_fraction: float,
    multiplier: float,
    strength: float,
    equity: float,
    price: float,
    volatility: float,
) -> float:
    """Quantity of a position before it is rounded down to lots; NaN if an input it needs is missing.

    ``amount`` is the quantity, the fraction, or the volatility that is wanted; the latter holds at most
    the fraction ``largest``. The rest as in `Size`.
    """
    if not (0.0 < price < np.inf and 0.0 < equity < np.inf):
        return np.nan
    if way == QUANTITY:
        quantity = amount * strength
    elif way == FRACTION:
        quantity = equity * amount * strength / price
    elif not volatility > 0.0:
        return np.nan
    else:
        quantity = equity * min(amount / volatility, largest) * strength / price
    return min(quantity, equity * max_fraction / price) * multiplier


class Size:
    """How large a full position of one strategy on one instrument is; what never changes is worked out once.

    ``max_fraction`` caps the notional as a fraction of equity (``max_position_pct`` of the strategy),
    ``multiplier`` is the safe-mode factor, applied before rounding. Volatility targeting holds
    ``equity * target / volatility`` of notional (inverse-volatility sizing, annualised ratios), at
    most its own ``max_fraction``. Never rounds up.
    """

    __slots__ = ("_lot", "_whole", "_whole_float", "way")

    def __init__(
        self, sizing: SizingSettings, instrument: Instrument, max_fraction: float, multiplier: float
    ) -> None:
        self._lot = instrument.lot
        largest, self._whole_float = 1.0, NAN
        if isinstance(sizing, FixedQuantity):
            way, amount = QUANTITY, float(sizing.quantity)
            if multiplier == 1.0:  # mostly it is just that, rounded once
                self._whole_float = amount
                self._whole = quantity_down(Decimal(sizing.quantity), instrument.lot)
        elif isinstance(sizing, FixedFraction):
            way, amount = FRACTION, sizing.fraction
        else:
            way, amount, largest = VOLATILITY, sizing.target_volatility_pct, sizing.max_fraction
        self.way = way, amount, largest, max_fraction, multiplier
        """The first arguments of `wanted_quantity`."""

    def wanted(
        self, strength: float, equity: float, price: float, volatility: float | None
    ) -> Decimal | None:
        """Quantity of a position in whole lots; None if an input it needs is missing."""
        known = NAN if volatility is None else volatility
        quantity = wanted_quantity(*self.way, float(strength), equity, price, known)
        return None if math.isnan(quantity) else self.in_lots(quantity)

    def in_lots(self, quantity: float) -> Decimal:
        """What `wanted_quantity` gives, rounded down to whole lots."""
        if quantity == self._whole_float:
            return self._whole
        return quantity_down(decimal_of(quantity), self._lot)
