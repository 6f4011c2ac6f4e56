"""What an exchange refuses to take: the filters on a new order."""

from decimal import Decimal

from agentic_trading.core.enums import MarketStatus, OrderType, PositionSide, Side, TimeInForce
from agentic_trading.core.events import OrderTerms
from agentic_trading.core.models import Instrument, PriceBand
from agentic_trading.core.money import ONE, ZERO
from agentic_trading.core.orders import Target

MARKET, LIMIT, TRAILING_STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP
PRICED = {
    MARKET: (False, False),
    LIMIT: (True, False),
    OrderType.STOP_MARKET: (False, True),
    OrderType.STOP_LIMIT: (True, True),
    OrderType.TAKE_PROFIT_MARKET: (False, True),
    OrderType.TAKE_PROFIT_LIMIT: (True, True),
    TRAILING_STOP: (False, False),
}
"""Whether a type of order has a limit, and whether it has a trigger."""
AT_ONCE = (MARKET, LIMIT)
"""They execute or rest as they are; all others wait for their level first."""
BUY, NET, GTC, GTD = Side.BUY, PositionSide.NET, TimeInForce.GTC, TimeInForce.GTD


def objection(terms: OrderTerms, rules: Instrument, shown: Decimal, most: Decimal | None) -> str | None:
    """Why the venue does not take an order; None if it does.

    ``shown`` is the price the market shows, by which an order without a price of its own is valued;
    ``most`` the largest quantity the account allows, None if it does not matter. Getting out stays
    possible: closing orders know no minimum, maximum or band, and what a stop may reduce is asked when
    it triggers.
    """
    quantity, price, stop, kind = terms.quantity, terms.price, terms.stop_price, terms.type
    protective, activation = terms.protective_stop, terms.activation_price
    closing, whole = terms.closing, terms.close_position
    if not whole and (quantity <= ZERO or quantity % rules.lot):
        return "quantity_off_lot"
    if (
        (price is not None and off_tick(price, rules))
        or (stop is not None and off_tick(stop, rules))
        or (protective is not None and off_tick(protective, rules))
        or (activation is not None and off_tick(activation, rules))
    ):
        return "price_off_tick"
    if terms.targets and not fit(terms.targets, rules):
        return "targets_invalid"
    if not (closing or whole):
        if quantity < rules.min_quantity:
            return "below_min_quantity"
        if quantity * (price or stop or shown) < rules.min_notional:
            return "below_min_notional"
    if most is not None and (kind is MARKET or kind is LIMIT) and most < rules.lot:
        reducing = terms.reduce_only or whole or terms.position_side is not NET
        return "reduce_only_without_position" if reducing else "insufficient_holdings"
    if closing:
        return None
    largest = rules.max_quantity
    if price is None and rules.max_market_quantity is not None:
        largest = rules.max_market_quantity
    if largest is not None and quantity > largest:
        return "above_max_quantity"
    band = rules.price_band
    if price is not None and band is not None and outside(band, price, terms.side, stop or shown):
        return "price_outside_band"
    return None


def takes_orders(rules: Instrument, at_ns: int) -> bool:
    """Whether the market is open; mostly it has never been otherwise."""
    if not rules.halts and rules.delisted_ns is None:
        return True
    return rules.status_at(at_ns) is MarketStatus.TRADING


def off_tick(price: Decimal, rules: Instrument) -> bool:
    """Whether a price is not one at which the instrument can trade."""
    return price <= ZERO or bool(price % rules.tick)


def outside(band: PriceBand, price: Decimal, side: Side, reference: Decimal) -> bool:
    """Whether a limit is worse than the band around a reference price allows."""
    return price > reference * band.up if side is BUY else price < reference * band.down


def trails(terms: OrderTerms) -> bool:
    """Whether terms say how far a stop trails: in one of two ways, and sensibly."""
    ratio, amount = terms.trail_ratio, terms.trail_amount
    if ratio is None:
        return amount is not None and amount > ZERO
    return amount is None and ZERO < ratio < ONE


def fit(targets: tuple[Target, ...], rules: Instrument) -> bool:
    """Whether targets have prices on the tick, and shares that make no more than the whole."""
    total = ZERO
    for target in targets:
        if off_tick(target.price, rules) or target.share_ratio <= 0:
            return False
        total += target.share_ratio
    return total <= ONE


def misfit(terms: OrderTerms, rules: Instrument, at_ns: int, hedged: bool) -> str | None:
    """Why an order makes no sense at this venue now, whatever its numbers; None if it does.

    A plain market order on a one-way account has nothing that could contradict.
    """
    if not takes_orders(rules, at_ns):
        return "not_trading"
    kind, lasting = terms.type, terms.time_in_force
    limited, stopped = PRICED[kind]
    if limited is not (terms.price is not None) or stopped is not (terms.stop_price is not None):
        return "terms_contradict"
    if kind is TRAILING_STOP:
        if not trails(terms):
            return "terms_contradict"
    elif (
        terms.trail_ratio is not None or terms.trail_amount is not None or terms.activation_price is not None
    ):
        return "terms_contradict"
    if (lasting is GTD) is not (terms.expires_ns is not None):
        return "terms_contradict"
    if terms.post_only and (kind is not LIMIT or (lasting is not GTC and lasting is not GTD)):
        return "terms_contradict"
    if terms.close_position and (limited or terms.quantity):
        return "terms_contradict"
    if terms.expires_ns is not None and terms.expires_ns <= at_ns:
        return "expired"
    if (terms.position_side is not NET) is not (hedged and rules.can_short):
        return "position_side_mismatch"
    return None
