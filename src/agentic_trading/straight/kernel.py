"""One compiled call that sizes, judges and executes plain orders, and marks the rows around them.

Exact money is kept as whole numbers here (`straight.scaled`), and only until the books have it. What might be
refused, rounded otherwise or executed in parts is not judged at all: that is for the agents.
"""

from agentic_trading.core.equity import DAY_LOSS, DROP, LAST, ByteArray, mark_rows
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.core.numerics import compiled
from agentic_trading.portfolio.sizing import wanted_quantity
from agentic_trading.risk.headroom import plenty_beside
from agentic_trading.simulation.matching.book import surely_grants
from agentic_trading.straight.scaled import EXACT, units_of, units_within

COLUMN, PER_PRICE, PER_QUANTITY, LEAST, MOST, RATE, ROUND, PER_FEE, PER_NOTIONAL = range(9)
"""What is whole of a lane: its symbol; units of price and quantity in one; the least and largest quantity;
the fee rate; by what its product is divided, rounded up; what that and a notional are in units of cash."""
AMOUNT, LARGEST, FRACTION, MULTIPLIER, LEAST_NOTIONAL, PARTICIPATION, LOT = range(7)
"""What is not: sizing as in `wanted_quantity`, and what the venue grants."""
LANE, ROW, OPENS = range(3)
"""What is whole of an order: whose, decided at which row, and whether it opens."""
STRENGTH, VOLATILITY, PRICE, SHOWN, VOLUME = range(5)
"""What is not: of its signal, and of the candle that it meets."""
CASH, PER_CASH, CARRIED = range(3)
"""The account: cash, its units in one, and how many orders the last call carried."""


@compiled
def carry(
    levels: FloatArray,
    quantities: FloatArray,
    _value: float,
    _cash: float,
    prices: FloatArray,
    day_edges: ByteArray,
    limits: FloatArray,
    out: FloatArray,
    out_row: int,
    start: int,
    stop: int,
    day_ends: bool,
    account: IntArray,
    held: IntArray,
    ways: IntArray,
    whole_of: IntArray,
    rest_of: FloatArray,
    margins: FloatArray,
    orders: IntArray,
    wishes: FloatArray,
    count: int,
    wanted: FloatArray,
    lots: IntArray,
    due: IntArray,
) -> int:
    """Mark rows as `core.equity.mark_rows` does, and execute ``count`` orders after the rows they belong to.

    ``orders`` (3, n) and ``wishes`` (5, n) are in order of their rows, ``whole_of`` and ``rest_of`` (lanes,
    ...) what each lane goes by, ``held`` (lanes,) quantities. ``wanted`` (n,) receives unrounded quantities;
    ``lots`` and ``due`` are for the way. Returns the first row that was not marked: before ``stop`` either a
    row that needs a look, or the row after that of an order that cannot be judged here.
    """
    at, done = start, 0
    account[CARRIED] = 0
    while True:
        cash = account[CASH] / account[PER_CASH]
        upto = stop if done == count else orders[ROW, done] + 1
        reached = mark_rows(
            levels, quantities, cash, cash, prices, day_edges, limits, out, out_row + at - start, at, upto,
            day_ends,
        )  # fmt: skip
        if reached < upto or done == count:
            return reached
        at, end = upto, _judged(
            levels, quantities, prices[:, upto - 1], held, ways, whole_of, rest_of, margins, orders, wishes,
            count, done, upto - 1, wanted, lots, due,
        )  # fmt: skip
        left = _paid(account[CASH], quantities.shape[0], whole_of, orders, done, end, due)
        if left < 0:
            return at
        _settle(quantities, held, whole_of, orders, done, end, lots)
        account[CASH] = left
        account[CARRIED] = done = end


@compiled
def _judged(
    levels: FloatArray,
    quantities: FloatArray,
    closes: FloatArray,
    held: IntArray,
    ways: IntArray,
    whole_of: IntArray,
    rest_of: FloatArray,
    margins: FloatArray,
    orders: IntArray,
    wishes: FloatArray,
    count: int,
    first: int,
    row: int,
    wanted: FloatArray,
    lots: IntArray,
    due: IntArray,
) -> int:
    """Size and judge the orders of one row, from ``first`` on; the number after the last, or -1 for no.

    What is not plainly harmless is a no for all of them: nothing has changed yet.
    """
    on_all = 0.0
    for column in range(quantities.shape[0]):
        if quantities[column] != 0.0:
            on_all += quantities[column] * closes[column]
    number = first
    while number < count and orders[ROW, number] == row:
        lane = orders[LANE, number]
        column = whole_of[lane, COLUMN]
        if orders[OPENS, number]:
            wanted[number] = wanted_quantity(
                ways[lane], rest_of[lane, AMOUNT], rest_of[lane, LARGEST], rest_of[lane, FRACTION],
                rest_of[lane, MULTIPLIER], wishes[STRENGTH, number], levels[LAST], closes[column],
                wishes[VOLATILITY, number],
            )  # fmt: skip
            lots[number] = units_within(wanted[number], whole_of[lane, PER_QUANTITY])
            if not whole_of[lane, LEAST] <= lots[number] <= whole_of[lane, MOST]:
                return -1
            quantity = lots[number] / whole_of[lane, PER_QUANTITY]
            on_symbol = quantities[column] * closes[column]
            notional = quantity * closes[column]
            if min(notional, quantity * wishes[SHOWN, number]) < rest_of[lane, LEAST_NOTIONAL]:
                return -1
            if not plenty_beside(
                margins, levels[LAST], levels[DROP], levels[DAY_LOSS], notional, on_symbol, on_all
            ):
                return -1
            on_all += notional
        else:
            lots[number] = held[lane]
            quantity = lots[number] / whole_of[lane, PER_QUANTITY]
        volume, share = wishes[VOLUME, number], rest_of[lane, PARTICIPATION]
        if not surely_grants(quantity, volume, share, rest_of[lane, LOT]):
            return -1
        due[number] = _price_of(lots[number], wishes[PRICE, number], orders[OPENS, number], whole_of, lane)
        if due[number] >= EXACT:
            return -1
        number += 1
    return number


@compiled
def _paid(
    cash: int, symbols: int, whole_of: IntArray, orders: IntArray, first: int, end: int, due: IntArray
) -> int:
    """Cash after the orders ``first..end`` of one row, as the venue takes them; -1 if one cannot be paid."""
    if end < 0:
        return -1
    for column in range(symbols):
        for number in range(first, end):
            if whole_of[orders[LANE, number], COLUMN] == column:
                cash -= due[number]
                if cash < 0 or cash >= EXACT:
                    return -1
    return cash


@compiled
def _settle(
    quantities: FloatArray,
    held: IntArray,
    whole_of: IntArray,
    orders: IntArray,
    first: int,
    end: int,
    lots: IntArray,
) -> None:
    """What is held after the orders ``first..end``, by lane and by symbol."""
    for number in range(first, end):
        held[orders[LANE, number]] = lots[number] if orders[OPENS, number] else 0
    for number in range(first, end):
        lane = orders[LANE, number]
        net = 0
        for other in range(held.shape[0]):
            if whole_of[other, COLUMN] == whole_of[lane, COLUMN]:
                net += held[other]
        quantities[whole_of[lane, COLUMN]] = net / whole_of[lane, PER_QUANTITY]


@compiled
def _price_of(lots: int, price: float, opens: int, whole_of: IntArray, lane: int) -> int:
    """What an order costs with its fee in units of cash, negative if it brings some; `EXACT` if unclear."""
    ticks = units_of(price, whole_of[lane, PER_PRICE])
    if ticks <= 0 or float(lots) * ticks * whole_of[lane, PER_NOTIONAL] >= EXACT:
        return EXACT
    notional = lots * ticks
    if float(notional) * whole_of[lane, RATE] >= 2.0**62:
        return EXACT
    fee = (notional * whole_of[lane, RATE] + whole_of[lane, ROUND] - 1) // whole_of[lane, ROUND]
    if float(fee) * whole_of[lane, PER_FEE] >= EXACT:
        return EXACT
    notional *= whole_of[lane, PER_NOTIONAL]
    due: int = (notional if opens else -notional) + fee * whole_of[lane, PER_FEE]
    return due
