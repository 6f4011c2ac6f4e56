"""What each trade of a run made, for those who want no more of it: a search asks each of its many runs."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from agentic_trading.backtester.trades.round_trips import NO_PRICES, Key, Prices, assets_of, fold
from agentic_trading.core.enums import Side
from agentic_trading.core.events import Fill, FundingPosted
from agentic_trading.core.money import ZERO, exact

BUY = Side.BUY  # a name of its own: enums look their members up slowly


def closed_nets(
    events: Iterable[Fill | FundingPosted], lots: Mapping[str, Decimal], prices: Prices = NO_PRICES
) -> list[Decimal]:
    """The ``net`` of each trade of `round_trips.fold_round_trips`, in its order; arguments as there."""
    events = list(events)
    with exact():
        nets = _sums(events, lots)
        return nets if nets is not None else [trip.net for trip in fold(events, {}, {}, lots, prices).closed]


def _sums(events: Iterable[Fill | FundingPosted], lots: Mapping[str, Decimal]) -> list[Decimal] | None:
    """What came in between flat and flat; None where a trade is more than that.

    That is the net whatever the averaging of costs, unless a fill crosses zero, less than a lot is left, a
    fee is in another asset, or there is funding.
    """
    running: dict[Key, tuple[Decimal, Decimal]] = {}
    nets: list[Decimal] = []
    for fill in events:
        if type(fill) is not Fill:
            return None
        symbol, moved, key = fill.symbol, fill.quantity, (fill.strategy, fill.symbol)
        if fill.fee_asset != assets_of(symbol)[1]:
            return None
        if fill.side is BUY:
            came = -moved * fill.price - fill.fee
        else:
            came, moved = moved * fill.price - fill.fee, -moved
        held = running.get(key)
        if held is None:
            running[key] = moved, came
            continue
        quantity, before = held
        left = quantity + moved
        if not left:
            nets.append(before + came)
            del running[key]
        elif (left > ZERO) is not (quantity > ZERO) or abs(left) < lots.get(symbol, ZERO):
            return None
        else:
            running[key] = left, before + came
    return nets
