"""The pre-trade checks: pure functions of a snapshot and the limits; all of them run, none stops another."""

from collections.abc import Callable

from agentic_trading.core.events import Refusal
from agentic_trading.risk.checks import closing, exposure, losses, prices
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings

Check = Callable[[RiskView, RiskSettings], Refusal | None]

OPENING: tuple[Check, ...] = (
    prices.known,
    prices.fresh,
    prices.collar,
    exposure.order_size,
    exposure.position,
    exposure.gross_exposure,
    exposure.leverage,
    losses.drawdown,
    losses.daily_loss,
)
"""Checks of an order that may add risk."""

CLOSING: tuple[Check, ...] = (closing.only_reduces,)
"""Checks of an order that only takes down the strategy's own position: getting out stays possible."""
