"""Orders asked for ahead, sized, judged and executed by one compiled call that marks the rows around them.

Exact money is kept as whole numbers here (`straight.scaled`), and only until the books have it. What might be
refused, rounded otherwise or executed in parts is not judged at all: that is for the agents.
"""

from array import array
from collections.abc import Sequence

import numpy as np

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.equity import DAY_LOSS, DROP, LAST, ByteArray, mark_rows
from agentic_trading.core.models import FloatArray, Instrument, IntArray, plain
from agentic_trading.core.numerics import compiled
from agentic_trading.portfolio.sizing import wanted_quantity
from agentic_trading.risk.headroom import plenty_beside
from agentic_trading.simulation.matching.book import surely_grants
from agentic_trading.straight.lane import Lane, PlainOrder
from agentic_trading.straight.scaled import EXACT, digits_of, units_of, units_within, whole

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
_DIGITS = 8
"""Decimals of a fee; cash has as many or more."""
_SURELY = 1.0 + 1e-9
"""More than rounding can move the notional of an order at the price that the venue shows."""


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
        at, row, end = upto, upto - 1, done
        on_all = 0.0
        for column in range(quantities.shape[0]):
            if quantities[column] != 0.0:
                on_all += quantities[column] * prices[column, row]
        while end < count and orders[ROW, end] == row:
            lane = orders[LANE, end]
            column = whole_of[lane, COLUMN]
            if orders[OPENS, end]:
                wanted[end] = wanted_quantity(
                    ways[lane], rest_of[lane, AMOUNT], rest_of[lane, LARGEST], rest_of[lane, FRACTION],
                    rest_of[lane, MULTIPLIER], wishes[STRENGTH, end], levels[LAST], prices[column, row],
                    wishes[VOLATILITY, end],
                )  # fmt: skip
                lots[end] = units_within(wanted[end], whole_of[lane, PER_QUANTITY])
                if not whole_of[lane, LEAST] <= lots[end] <= whole_of[lane, MOST]:
                    return at
                quantity = lots[end] / whole_of[lane, PER_QUANTITY]
                on_symbol = 0.0
                if quantities[column] != 0.0:
                    on_symbol = quantities[column] * prices[column, row]
                notional = quantity * prices[column, row]
                if min(notional, quantity * wishes[SHOWN, end]) < rest_of[lane, LEAST_NOTIONAL]:
                    return at
                if not plenty_beside(
                    margins, levels[LAST], levels[DROP], levels[DAY_LOSS], notional, on_symbol, on_all
                ):
                    return at
                on_all += notional
            else:
                lots[end] = held[lane]
                quantity = lots[end] / whole_of[lane, PER_QUANTITY]
            volume, share = wishes[VOLUME, end], rest_of[lane, PARTICIPATION]
            if not surely_grants(quantity, volume, share, rest_of[lane, LOT]):
                return at
            due[end] = _price_of(lots[end], wishes[PRICE, end], orders[OPENS, end], whole_of, lane)
            if due[end] >= EXACT:
                return at
            end += 1
        left = account[CASH]
        for column in range(quantities.shape[0]):  # as the venue executes what comes in one candle
            for number in range(done, end):
                if whole_of[orders[LANE, number], COLUMN] == column:
                    left -= due[number]
                    if (orders[OPENS, number] and left < 0) or left >= EXACT:
                        return at
        for number in range(done, end):
            lane = orders[LANE, number]
            held[lane] = lots[number] if orders[OPENS, number] else 0
        for number in range(done, end):
            column, net = whole_of[orders[LANE, number], COLUMN], 0
            for lane in range(held.shape[0]):
                if whole_of[lane, COLUMN] == column:
                    net += held[lane]
            quantities[column] = net / whole_of[orders[LANE, number], PER_QUANTITY]
        account[CASH] = left
        account[CARRIED] = done = end


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


def is_whole(rules: Instrument) -> bool:
    """Whether prices and quantities of an instrument are whole numbers of a power of ten."""
    return digits_of(rules.tick) is not None and digits_of(rules.lot) is not None


class Carrier:
    """Carries plain orders, and says how far it came."""

    def __init__(self, agents: Agents, market: MarketRows, lanes: Sequence[Lane], most: int) -> None:
        """``most`` orders can be carried at once."""
        self._balances, self._quote = agents.ledger.balances, agents.quote
        self._skip, self._breakers = agents.equity.skip, agents.breakers
        self._market = market
        self._lanes = lanes
        self._digits = max([_DIGITS, *(sum(_digits(lane)) for lane in lanes)])
        self._account = np.array([0, 10**self._digits, 0])
        self._held = np.zeros(len(lanes), dtype=np.int64)
        self._orders = np.zeros((3, most), dtype=np.int64)
        self._wishes = np.zeros((5, most))
        self.wanted = np.zeros(most)
        """The unrounded quantity of each order that opens and was carried."""
        self._account_of = plain(self._account)
        self._known = (
            np.array([lane.pair.size.way[0] for lane in lanes]),
            np.array([self._whole_of(lane) for lane in lanes]),
            np.array([_rest_of(lane) for lane in lanes]),
            agents.risk.margins,
            self._orders,
            self._wishes,
        )
        self._scratch = self.wanted, np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)

    def take_up(self) -> bool:
        """Read from the books where everything stands; False if that is more than whole numbers can say."""
        cash = whole(self._balances[self._quote], self._digits)
        if cash is None:
            return False
        self._account[CASH] = cash
        for lane in self._lanes:
            held = whole(lane.held, _digits(lane)[1])
            if held is None:
                return False
            self._held[lane.number] = held
        return True

    def carry(self, orders: Sequence[PlainOrder], start: int, stop: int) -> tuple[int, int]:
        """Carry orders and mark the rows before ``stop``: how far it came, and with how many."""
        count, whole_of, rest_of = len(orders), self._orders, self._wishes
        if not count:
            return self._skip(self._market, self._breakers.limits, start, stop), 0
        whole_of[LANE, :count] = array("q", [order.lane.number for order in orders])
        whole_of[ROW, :count] = array("q", [order.row for order in orders])
        whole_of[OPENS, :count] = array("q", [order.opens for order in orders])
        rest_of[STRENGTH, :count] = array("d", [order.signal.strength for order in orders])
        rest_of[VOLATILITY, :count] = array("d", [order.volatility for order in orders])
        rest_of[PRICE, :count] = array("d", [float(order.quote.price) for order in orders])
        rest_of[SHOWN, :count] = array("d", [order.candle.open for order in orders])
        rest_of[VOLUME, :count] = array("d", [order.candle.volume for order in orders])
        more = self._account, self._held, *self._known, count, *self._scratch
        reached = self._skip(self._market, self._breakers.limits, start, stop, marking=carry, more=more)
        return reached, self._account_of[CARRIED]

    @property
    def cash(self) -> float:
        """What the books must say now."""
        return float(self._account_of[CASH] / self._account_of[PER_CASH])

    def _whole_of(self, lane: Lane) -> list[int]:
        rules, (prices, quantities) = lane.pair.instrument, _digits(lane)
        rate = lane.alone.taker_fee
        rates = max(0, -int(rate.as_tuple().exponent))
        beyond = prices + quantities + rates - _DIGITS
        most = rules.max_quantity if rules.max_market_quantity is None else rules.max_market_quantity
        return [
            lane.column,
            10**prices,
            10**quantities,
            max(1, int(rules.min_quantity.scaleb(quantities).to_integral_value("ROUND_CEILING"))),
            EXACT if most is None else int(most.scaleb(quantities)),
            int(rate.scaleb(rates)),
            10 ** max(0, beyond),
            10 ** (self._digits - _DIGITS + max(0, -beyond)),
            10 ** (self._digits - prices - quantities),
        ]


def _digits(lane: Lane) -> tuple[int, int]:
    prices, quantities = digits_of(lane.pair.instrument.tick), digits_of(lane.pair.instrument.lot)
    assert prices is not None
    assert quantities is not None
    return prices, quantities


def _rest_of(lane: Lane) -> list[float]:
    rules = lane.pair.instrument
    _, amount, largest, fraction, multiplier = lane.pair.size.way
    least, participation = float(rules.min_notional), float(lane.alone.participation)
    return [amount, largest, fraction, multiplier, least * _SURELY, participation, float(rules.lot)]
