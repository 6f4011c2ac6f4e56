"""Orders asked for ahead, on their way through the compiled call that executes them."""

import math
from array import array
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.models import Instrument, plain
from agentic_trading.straight.kernel import (
    CARRIED,
    CASH,
    LANE,
    OPENS,
    PER_CASH,
    PRICE,
    ROW,
    SHOWN,
    STRENGTH,
    VOLATILITY,
    VOLUME,
    carry,
)
from agentic_trading.straight.lane import Lane, PlainOrder
from agentic_trading.straight.scaled import EXACT, digits_of, whole

_DIGITS = 8
"""Decimals of a fee; cash has as many or more."""
_MOST = 15
"""Powers of ten beyond that do not go together with a 64-bit number."""
_SURELY = 1.0 + 1e-9
"""More than rounding can move the notional of an order at the price that the venue shows."""


def is_whole(rules: Instrument, fee: Decimal) -> bool:
    """Whether prices, quantities and a fee rate have few decimals enough to be whole numbers here."""
    prices, quantities = digits_of(rules.tick), digits_of(rules.lot)
    if prices is None or quantities is None:
        return False
    return prices + quantities + _decimals(fee) - _DIGITS <= _MOST and prices + quantities <= _MOST


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
        rates = _decimals(rate)
        beyond = prices + quantities + rates - _DIGITS
        most = rules.max_quantity if rules.max_market_quantity is None else rules.max_market_quantity
        return [
            lane.column,
            10**prices,
            10**quantities,
            max(1, math.ceil(rules.min_quantity.scaleb(quantities))),
            EXACT if most is None else min(EXACT, int(most.scaleb(quantities))),
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


def _decimals(rate: Decimal) -> int:
    return max(0, -int(rate.as_tuple().exponent))


def _rest_of(lane: Lane) -> list[float]:
    rules = lane.pair.instrument
    _, amount, largest, fraction, multiplier = lane.pair.size.way
    least, participation = float(rules.min_notional), float(lane.alone.participation)
    return [amount, largest, fraction, multiplier, least * _SURELY, participation, float(rules.lot)]
