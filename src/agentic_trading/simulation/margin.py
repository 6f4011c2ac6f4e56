"""The margin arithmetic of linear (USDT) perpetuals, isolated and cross: exact, pure, one rule per question.

Every function is to be called inside `money.exact()`. Sources, for all of it: Binance's help pages "How to
Calculate Liquidation Price of USDⓈ-M Futures Contracts", "Leverage and Margin of USDⓈ-M Futures" and
"Liquidation Protocols"; Bybit's "Liquidation Price Calculation under Isolated Mode (Unified Trading
Account)", "Margin Parameters" and "Bankruptcy Price (USDT Contract)". docs/margin.md derives them.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from agentic_trading.core.models import Instrument, MarginTier
from agentic_trading.core.money import ZERO, average, fee_up, margin_up, payment_down, ratio_on_grid

Tiers = Sequence[MarginTier]

STAND_IN_TIERS = (MarginTier(ZERO, None, Decimal("0.05"), ZERO, Decimal(10)),)
"""For a perpetual whose table is not known: five percent, stricter than any first step of a major market."""


class MarginRules(msgspec.Struct, frozen=True):
    """Where the venues differ.

    ``maintenance_on`` is the price that maintenance is reckoned on. ``keeps_remainder`` says that what is
    left of the collateral after a liquidation goes to the insurance fund, not back to the account.
    ``liquidation_fee_ratio`` holds where the instrument does not say.
    """

    maintenance_on: Literal["mark", "entry"]
    keeps_remainder: bool
    liquidation_fee_ratio: Decimal


BINANCE = MarginRules("mark", keeps_remainder=False, liquidation_fee_ratio=Decimal("0.0125"))
BYBIT = MarginRules("mark", keeps_remainder=True, liquidation_fee_ratio=ZERO)
BYBIT_ON_ENTRY = MarginRules("entry", keeps_remainder=True, liquidation_fee_ratio=ZERO)
"""As Bybit reckoned before it moved maintenance to the mark price; its older examples are of this kind."""


def margin_rules(venue: str) -> MarginRules:
    """The rules of a venue; the sample market and venues not known follow Binance's."""
    return BYBIT if venue == "bybit" else BINANCE


def tiers_of(instrument: Instrument) -> Tiers:
    """The margin table to reckon by; an instrument without one gets `STAND_IN_TIERS`."""
    return instrument.tiers or STAND_IN_TIERS


class MarginPosition(msgspec.Struct, frozen=True, gc=False):
    """A signed position in base currency and its signed cost (quantity times average entry price)."""

    quantity: Decimal
    cost: Decimal


class Marked(NamedTuple):
    """A position with the mark price and the margin table that hold for it."""

    position: MarginPosition
    mark: Decimal
    tiers: Tiers


class Fraction(NamedTuple):
    """An exact price before it is rounded to the tick; the denominator is not zero."""

    numerator: Decimal
    denominator: Decimal


# --- what a position is worth, and what it must keep ---------------------------------------------


def unrealised(position: MarginPosition, mark: Decimal) -> Decimal:
    """Profit or loss at the mark price: quantity * mark - cost."""
    return position.quantity * mark - position.cost


def tier_for(notional: Decimal, tiers: Tiers) -> MarginTier:
    """The step a notional falls into; beyond the last cap the last step goes on."""
    for tier in tiers:
        if tier.cap is None or notional <= tier.cap:
            return tier
    return tiers[-1]


def maintenance(position: MarginPosition, mark: Decimal, tiers: Tiers, rules: MarginRules) -> Decimal:
    """Margin the position must keep: notional * rate - deduction of its step."""
    value = position.quantity * mark if rules.maintenance_on == "mark" else position.cost
    tier = tier_for(abs(value), tiers)
    return abs(value) * tier.maintenance_ratio - tier.deduction


def initial_margin(notional: Decimal, leverage: Decimal) -> Decimal:
    """Margin that opening takes: notional / leverage, rounded up to eight decimals."""
    return margin_up(notional, leverage)


def max_leverage(notional: Decimal, tiers: Tiers) -> Decimal:
    """The highest leverage a position of this size may have; zero beyond the last cap."""
    last = tiers[-1].cap
    return ZERO if last is not None and notional > last else tier_for(notional, tiers).max_leverage


def max_notional(leverage: Decimal, tiers: Tiers) -> Decimal | None:
    """The largest position this leverage may hold; None without a limit, zero if it is not allowed."""
    largest = ZERO
    for tier in tiers:
        if tier.max_leverage >= leverage:
            if tier.cap is None:
                return None
            largest = max(largest, tier.cap)
    return largest


# --- liquidation ---------------------------------------------------------------------------------


def margin_balance(collateral: Decimal, held: Iterable[Marked]) -> Decimal:
    """Collateral and unrealised profit: what stands behind the positions."""
    return collateral + sum((unrealised(each.position, each.mark) for each in held), ZERO)


def total_maintenance(held: Iterable[Marked], rules: MarginRules) -> Decimal:
    """What all positions together must keep."""
    return sum((maintenance(each.position, each.mark, each.tiers, rules) for each in held), ZERO)


def must_liquidate(collateral: Decimal, held: Sequence[Marked], rules: MarginRules) -> bool:
    """Whether the margin balance no longer exceeds the maintenance margin (a margin ratio of 100 %).

    Isolated: the position's own margin and the one position. Cross: the wallet and all cross positions.
    """
    if not any(each.position.quantity for each in held):
        return False
    return margin_balance(collateral, held) <= total_maintenance(held, rules)


def margin_ratio(collateral: Decimal, held: Sequence[Marked], rules: MarginRules) -> Decimal | None:
    """Maintenance margin over margin balance, for display: 1 means liquidation; None if nothing is left."""
    balance = margin_balance(collateral, held)
    return average(total_maintenance(held, rules), balance) if balance > 0 else None


def cross_collateral(wallet: Decimal, others: Sequence[Marked], rules: MarginRules) -> Decimal:
    """What stands behind one position in cross margin: the wallet, and what the other ones leave of it."""
    return margin_balance(wallet, others) - total_maintenance(others, rules)


def liquidation_point(
    position: MarginPosition, collateral: Decimal, tiers: Tiers, rules: MarginRules
) -> Fraction | None:
    """The mark price at which margin balance equals maintenance margin, exactly.

    Balance less maintenance is continuous and monotone in the price, so exactly one step of the table
    contains its own root. None if no price above zero is one: a long that cannot lose its collateral,
    or a short that has lost it at any price.
    """
    quantity, cost = position.quantity, position.cost
    if not quantity:
        return None
    if rules.maintenance_on == "entry":
        found = Fraction(cost - collateral + maintenance(position, ZERO, tiers, rules), quantity)
        return found if (found.numerator > 0) == (quantity > 0) and found.numerator else None
    for tier in tiers:
        top = cost - collateral - tier.deduction
        below = quantity - abs(quantity) * tier.maintenance_ratio
        if below < 0:  # a positive denominator makes the comparison below plain
            top, below = -top, -below
        if top <= 0:
            return None
        # Rates rise, so a step below the right one has its root beyond its own cap.
        if tier.cap is None or tier is tiers[-1] or abs(quantity) * top <= tier.cap * below:
            return Fraction(top, below)
    return None


def liquidation_price(
    position: MarginPosition, collateral: Decimal, tiers: Tiers, tick: Decimal, rules: MarginRules
) -> Decimal | None:
    """`liquidation_point` on the tick grid, rounded against us: a long's up, a short's down."""
    point = liquidation_point(position, collateral, tiers, rules)
    return None if point is None else _toward_entry(point, position, tick)


def bankruptcy_point(position: MarginPosition, collateral: Decimal) -> Fraction | None:
    """The price at which the loss equals the collateral, exactly; None if no price above zero does."""
    top, below = position.cost - collateral, position.quantity
    if not below or not top or (top > 0) != (below > 0):
        return None
    return Fraction(top, below)


def bankruptcy_price(position: MarginPosition, collateral: Decimal, tick: Decimal) -> Decimal | None:
    """`bankruptcy_point` on the tick grid, rounded so that the loss there is not above the collateral."""
    point = bankruptcy_point(position, collateral)
    return None if point is None else _toward_entry(point, position, tick)


def _toward_entry(point: Fraction, position: MarginPosition, tick: Decimal) -> Decimal:
    return ratio_on_grid(point.numerator, point.denominator, tick, up=position.quantity > 0)


class Clearance(msgspec.Struct, frozen=True):
    """What a liquidation did to the collateral: collateral + realised + insured = fee + kept + left.

    ``fee`` is the liquidation fee, ``kept`` what the insurance fund takes of the rest, ``insured`` the
    loss beyond the collateral that it bears, ``left`` what the account gets back.
    """

    realised: Decimal
    fee: Decimal
    kept: Decimal
    insured: Decimal
    left: Decimal


def clear(
    position: MarginPosition, collateral: Decimal, price: Decimal, fee_ratio: Decimal, rules: MarginRules
) -> Clearance:
    """Close a whole position at ``price`` in liquidation; the account loses at most its collateral.

    The fee is ``fee_ratio`` of the notional, as far as something is left to pay it.
    """
    realised = unrealised(position, price)
    rest = collateral + realised
    if rest <= 0:
        return Clearance(realised, ZERO, ZERO, -rest, ZERO)
    fee = min(rest, fee_up(abs(position.quantity) * price, fee_ratio))
    kept = rest - fee if rules.keeps_remainder else ZERO
    return Clearance(realised, fee, kept, ZERO, rest - fee - kept)


def liquidation_fee_ratio(instrument: Instrument, rules: MarginRules) -> Decimal:
    """The instrument's own liquidation fee, else the venue's."""
    known = instrument.liquidation_fee_ratio
    return rules.liquidation_fee_ratio if known is None else known


# --- funding ------------------------------------------------------------------------------------


def funding_payment(quantity: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Signed payment to us at a funding stamp: -quantity * mark * rate, rounded down to eight decimals.

    Longs pay a positive rate. Sources: "Introduction to Binance Futures Funding Rates"; Bybit's "Funding
    Fee Calculation".
    """
    return payment_down(-quantity * mark * rate)
