"""What the naive venue refuses: the list of docs/fill-rules.md, in its order."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import MarketStatus, OrderType, PositionSide, Side, TimeInForce
from agentic_trading.core.events import AmendOrder
from agentic_trading.core.orders import OrderTerms

STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
TAKE_PROFITS = (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT)
LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
WITH_TRIGGER = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, *TAKE_PROFITS)
AT_ONCE = (OrderType.MARKET, OrderType.LIMIT)
RESTING = (TimeInForce.GTC, TimeInForce.GTD)


def exact(number: float | Decimal | None) -> Any:
    """The number as it is written; None stays None."""
    return None if number is None else Fraction(str(number))


def down(number: Fraction, step: Fraction) -> Fraction:
    """The multiple of the step at or below the number."""
    return number // step * step


def up(number: Fraction, step: Fraction) -> Fraction:
    """The multiple of the step at or above the number."""
    return -down(-number, step)


def closes_a_leg(terms: OrderTerms) -> bool:
    """Sales of the long leg and purchases of the short leg are reduce-only by nature."""
    return (terms.position_side, terms.side) in (
        (PositionSide.LONG, Side.SELL),
        (PositionSide.SHORT, Side.BUY),
    )


def refusal(venue: Any, terms: OrderTerms, old: dict[str, Any] | None) -> str:
    """Why the venue rejects an order, or nothing."""
    now, rule = venue.now, venue.rule
    quantity, price, level = exact(terms.quantity), exact(terms.price), exact(terms.stop_price)
    notional_at = price if price is not None else level if level is not None else venue.open
    reference = level if level is not None else venue.open
    market = terms.type not in LIMITED
    exempt = terms.closing or terms.close_position
    reasons = {
        "replaced_order_is_done": terms.replaces is not None
        and (old is None or (old["triggered"] and terms.type not in AT_ONCE)),
        "oco_group_is_done": (terms.symbol, terms.oco_group) in venue.groups_done,
        "not_trading": rule.status_at(now) is not MarketStatus.TRADING,
        "terms_contradict": contradiction(terms),
        "expired": terms.expires_ns is not None and terms.expires_ns <= now,
        "position_side_mismatch": (terms.position_side is PositionSide.NET) == venue.model.hedged,
        "quantity_off_lot": not terms.close_position and off(quantity, venue.lot),
        "price_off_tick": any(
            off(exact(each), venue.tick)
            for each in (terms.price, terms.stop_price, terms.protective_stop, terms.activation_price)
            if each is not None
        ),
        "targets_invalid": any(
            off(exact(each.price), venue.tick) or each.share_ratio <= 0 for each in terms.targets
        )
        or sum(each.share_ratio for each in terms.targets) > 1,
        "below_min_quantity": not exempt and quantity < exact(rule.min_quantity),
        "below_min_notional": not exempt and quantity * notional_at < exact(rule.min_notional),
    }
    if terms.type in AT_ONCE:
        for held, reason in venue.bounds(terms):
            name = "reduce_only_without_position" if reason == "reduce_only" else reason
            reasons[name] = held < venue.lot
    most = [rule.max_quantity, rule.max_market_quantity if market else None]
    reasons["above_max_quantity"] = not exempt and any(
        quantity > exact(each) for each in most if each is not None
    )
    reasons["price_outside_band"] = (
        not exempt and rule.price_band is not None and price is not None
    ) and outside(terms.side, price, reference, rule.price_band)
    reasons["post_only_would_take"] = (
        terms.post_only and price is not None and would_take(venue, terms.side.sign, price)
    )
    valued = quantity, notional_at
    reasons["above_position_limit"] = venue.beyond_limit(terms, *valued)
    reasons["insufficient_margin"] = venue.lacks_margin(terms, *valued)
    return next((reason for reason, holds in reasons.items() if holds), "")


def contradiction(terms: OrderTerms) -> bool:
    """A price, trigger, distance or time that the type lacks or cannot use."""
    trails = terms.type is OrderType.TRAILING_STOP
    ratio, amount = exact(terms.trail_ratio), exact(terms.trail_amount)
    return (
        (terms.price is not None) != (terms.type in LIMITED)
        or (terms.stop_price is not None) != (terms.type in WITH_TRIGGER)
        or ((ratio is None) == (amount is None) if trails else (ratio, amount) != (None, None))
        or (ratio is not None and not 0 < ratio < 1)
        or (amount is not None and amount <= 0)
        or (terms.activation_price is not None and not trails)
        or (terms.expires_ns is not None) != (terms.time_in_force is TimeInForce.GTD)
        or (terms.post_only and (terms.type is not OrderType.LIMIT or terms.time_in_force not in RESTING))
        or (terms.close_position and (terms.quantity != 0 or terms.type in LIMITED))
    )


def bad_amend(venue: Any, command: AmendOrder, order: dict[str, Any] | None) -> str:
    """Why the venue does not amend an order, or nothing."""
    if order is None:
        return "order_is_done"
    if order["state"] == "market":
        return "order_is_executing"
    terms, prices = order["terms"], (command.price, command.stop_price)
    if (
        (command.price is not None and terms.type not in LIMITED)
        or (command.stop_price is not None and (terms.type not in WITH_TRIGGER or order["triggered"]))
        or (command.quantity is not None and terms.close_position)
    ):
        return "terms_contradict"
    if command.quantity is not None and command.quantity != 0 and off(exact(command.quantity), venue.lot):
        return "quantity_off_lot"
    if any(off(exact(price), venue.tick) for price in prices if price is not None):
        return "price_off_tick"
    price = exact(command.price)
    if terms.post_only and would_take(venue, order["sign"], price):
        return "post_only_would_take"
    return ""


def off(number: Fraction, step: Fraction) -> bool:
    """Not a positive multiple of the step."""
    return number <= 0 or number % step != 0


def would_take(venue: Any, sign: int, price: Fraction | None) -> bool:
    """The open is at the limit or better."""
    return price is not None and (price - venue.open) * sign >= 0


def outside(side: Side, price: Fraction, reference: Fraction, band: Any) -> bool:
    """A buy may not be above reference x up, a sell not below reference x down."""
    if side is Side.BUY:
        return price > reference * exact(band.up)
    return price < reference * exact(band.down)
