"""When to stop opening positions: after too large a drawdown or a day's loss."""

from agentic_trading.core.events import Refusal
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings


def drawdown(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Equity is, or was at a candle close of this run, more than ``max_drawdown_pct`` below its peak."""
    return _above(view, "max_drawdown", view.drawdown_ratio, limits.max_drawdown_pct, view.drawdown_tripped)


def daily_loss(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Equity is, or was today, more than ``max_daily_loss_pct`` below the start of the UTC day."""
    return _above(
        view, "max_daily_loss", view.day_loss_ratio, limits.max_daily_loss_pct, view.daily_loss_tripped
    )


def _above(view: RiskView, code: str, value: float, limit: float, tripped: bool) -> Refusal | None:
    if value - value != 0.0:
        return view.unknown(code, "the account's value")
    if value <= limit and not tripped:
        return None
    return view.refuse(code, value, limit, "breaker holds" if tripped else "")
