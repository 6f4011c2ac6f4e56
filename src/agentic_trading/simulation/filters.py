"""What an exchange refuses to take: the filters on a new order."""

from decimal import Decimal

from agentic_trading.core.events import OrderTerms
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of


def objection(terms: OrderTerms, rules: Instrument, shown: float, most: Decimal | None) -> str | None:
    """Why the venue does not take an order; None if it does.

    ``shown`` is the price the market shows, by which an order without a price of its own is valued;
    ``most`` the largest quantity the account allows, None if it does not matter. Getting out stays
    possible: closing orders need no minimum, and what a stop may reduce is asked when it triggers.
    """
    quantity, price, stop = terms.quantity, terms.price, terms.stop_price
    if quantity <= 0 or quantity % rules.lot:
        return "quantity_off_lot"
    for level in (price, stop, terms.protective_stop):
        if level is not None and (level <= 0 or level % rules.tick):
            return "price_off_tick"
    if not terms.closing:
        if quantity < rules.min_quantity:
            return "below_min_quantity"
        valued = price or stop
        # Surely above, judged in floats with room to spare; only a close case needs exact numbers.
        if (valued is not None or float(quantity) * shown < float(rules.min_notional) * 1.000001) and (
            quantity * (valued or decimal_of(shown)) < rules.min_notional
        ):
            return "below_min_notional"
    if stop is None and most is not None and most < rules.lot:
        return "reduce_only_without_position" if terms.reduce_only else "insufficient_holdings"
    return None
