"""What an exchange refuses to take: the filters on a new order."""

from decimal import Decimal

from agentic_trading.core.events import OrderTerms
from agentic_trading.core.models import Instrument


def objection(terms: OrderTerms, rules: Instrument, shown: Decimal, most: Decimal | None) -> str | None:
    """Why the venue does not take an order; None if it does.

    ``shown`` is the price the market shows, by which an order without a price of its own is valued;
    ``most`` the largest quantity the account allows, None if it does not matter. Getting out stays
    possible: closing orders need no minimum, and what a stop may reduce is asked when it triggers.
    """
    if terms.quantity <= 0 or terms.quantity % rules.lot:
        return "quantity_off_lot"
    for price in (terms.price, terms.stop_price, terms.protective_stop):
        if price is not None and (price <= 0 or price % rules.tick):
            return "price_off_tick"
    if not terms.closing:
        if terms.quantity < rules.min_quantity:
            return "below_min_quantity"
        if terms.quantity * (terms.price or terms.stop_price or shown) < rules.min_notional:
            return "below_min_notional"
    if terms.stop_price is None and most is not None and most < rules.lot:
        return "reduce_only_without_position" if terms.reduce_only else "insufficient_holdings"
    return None
