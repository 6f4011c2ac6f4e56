"""What opening a perpetual takes: the cost of an order, the largest one, and the margin that moves with it.

Every function is to be called inside `money.exact()`. Sources: Binance's "How to Calculate Cost Required to
Open a Position in Perpetual Futures Contracts", Bybit's "Order Cost (USDT Contract)"; docs/margin.md.
"""

from decimal import Decimal

from agentic_trading.core.models import Instrument
from agentic_trading.core.money import CENT_OF_ASSET, ONE, ZERO, ratio_on_grid, share_of
from agentic_trading.simulation.margin import MarginPosition, initial_margin, max_notional, tiers_of


def order_cost(
    quantity: Decimal, price: Decimal, mark: Decimal, leverage: Decimal, fee_ratio: Decimal
) -> Decimal:
    """What a signed order must find available: initial margin, open loss, fees to open and to close.

    Binance asks for margin and open loss (the loss at once, where the price lies beyond the mark), Bybit
    for margin and both fees, the closing one at the bankruptcy price ("Order Cost (USDT Contract)").
    Asking for all of it is never less than either. Rounded up once, to eight decimals.
    """
    return initial_margin(
        abs(quantity) * _unit_cost(quantity > 0, price, mark, leverage, fee_ratio), leverage
    )


def payable(
    quantity: Decimal, price: Decimal, mark: Decimal, leverage: Decimal, fee_ratio: Decimal, free: Decimal
) -> bool:
    """Whether `order_cost` of a signed order is no more than what is free.

    Rounding up adds less than a cent of the asset: only a close case needs the division.
    """
    cost = abs(quantity) * _unit_cost(quantity > ZERO, price, mark, leverage, fee_ratio)
    if cost + leverage * CENT_OF_ASSET <= leverage * free:
        return True
    return order_cost(quantity, price, mark, leverage, fee_ratio) <= free


def max_open_quantity(
    available: Decimal, price: Decimal, mark: Decimal, leverage: Decimal, fee_ratio: Decimal,
    instrument: Instrument, *, buying: bool, held: Decimal = ZERO,
) -> Decimal:  # fmt: skip
    """The largest quantity that can be opened: what `order_cost` leaves payable and the table allows.

    ``held`` is the notional already open in the same direction. Rounded down to the lot.
    """
    unit = _unit_cost(buying, price, mark, leverage, fee_ratio)
    payable = ratio_on_grid(max(ZERO, available) * leverage, unit, instrument.lot, up=False)
    room = max_notional(leverage, tiers_of(instrument))
    if room is None:
        return payable
    return min(payable, ratio_on_grid(max(ZERO, room - held), price, instrument.lot, up=False))


def _unit_cost(buying: bool, price: Decimal, mark: Decimal, leverage: Decimal, fee_ratio: Decimal) -> Decimal:
    """Order cost of one unit times the leverage, which keeps it free of divisions.

    The closing fee is on the bankruptcy price, ``price * (1 -+ 1 / leverage)``.
    """
    loss = max(ZERO, price - mark if buying else mark - price)
    closing = leverage - ONE if buying else leverage + ONE
    return price + leverage * loss + price * fee_ratio * (leverage + closing)


def margin_after_trade(
    position: MarginPosition, margin: Decimal, traded: Decimal, price: Decimal, leverage: Decimal
) -> Decimal:
    """The isolated margin behind a position after a signed trade; the difference moves to or from the wallet.

    What is opened adds its initial margin, what is closed releases its share of the margin there is. A
    trade through zero releases all of it and opens the rest anew. Realised profit and fees are the wallet's.
    """
    held = abs(position.quantity)
    against = (position.quantity > 0) != (traded > 0)
    closed = min(abs(traded), held) if against else ZERO
    kept = margin - share_of(margin, closed, held) if closed else margin
    return kept + initial_margin((abs(traded) - closed) * price, leverage)
