"""Whether the price behind a proposal can be trusted: known, fresh, and near the market."""

from agentic_trading.core.events import Refusal
from agentic_trading.core.money import decimal_of
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings


def known(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Instrument and price must be known."""
    if view.instrument is None:
        return view.unknown("unknown_instrument", "the instrument")
    return view.unknown("missing_price", "the price") if view.price is None else None


def fresh(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """The last candle may be at most ``max_data_age_candles`` candles old."""
    if not view.marked_ns:
        return view.unknown("stale_data", "the time of the price")
    age = (view.now_ns - view.marked_ns) / view.candle_ns
    if age <= limits.max_data_age_candles:
        return None
    return view.refuse("stale_data", age, limits.max_data_age_candles, "age of the price in candles")


def collar(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """A limit or trigger price may not lie further through the market than ``price_collar_bps``.

    Stops may wait at any distance on their own side of the market.
    """
    terms = view.proposal.terms
    if terms.price is None:
        return None
    if view.price is None:
        return view.unknown("price_collar", "the price")
    through = (terms.price - view.price) * terms.side.sign
    allowed = view.price * decimal_of(limits.price_collar_bps) / 10_000
    if through <= allowed:
        return None
    return view.refuse("price_collar", float(through), float(allowed), "distance through the market")
