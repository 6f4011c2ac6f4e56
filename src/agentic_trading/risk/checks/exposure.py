"""How much may be at stake: per symbol, over the account, and with borrowed money."""

from decimal import Decimal

from agentic_trading.core.events import Refusal
from agentic_trading.core.money import decimal_of
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings


def position(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Worst-case notional of the symbol, over all strategies, against ``max_position_pct`` of equity."""
    return _share_of_equity(view, "max_position", view.symbol_after, limits.max_position_pct)


def gross_exposure(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Worst-case notional of all symbols against ``max_gross_exposure`` times equity."""
    return _share_of_equity(view, "max_gross_exposure", view.gross_after, limits.max_gross_exposure)


def leverage(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Worst-case notional over equity against ``max_leverage``."""
    return _share_of_equity(view, "max_leverage", view.gross_after, limits.max_leverage)


def order_size(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """One order's worst-case notional against ``max_order_pct`` of equity."""
    return _share_of_equity(view, "max_order_size", view.order_notional, limits.max_order_pct)


def _share_of_equity(view: RiskView, code: str, notional: Decimal | None, ratio: float) -> Refusal | None:
    if notional is None:
        return view.unknown(code, "the notional at worst price")
    if view.equity is None or view.equity <= 0:
        return view.unknown(code, "equity")
    allowed = view.equity * decimal_of(ratio)
    if notional <= allowed:
        return None
    return view.refuse(code, float(notional), float(allowed), f"limit is {ratio:g} x equity")
