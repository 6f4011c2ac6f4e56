"""Orders at the simulated venue and the assumptions under which one market is simulated."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import OrderType, PositionSide, Side
from agentic_trading.core.events import OrderTerms
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ONE, ZERO, price_to_tick
from agentic_trading.simulation.costs import CostModel

BUY = Side.BUY
MARKET, LIMIT, TRAILING_STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP
TAKES_PROFIT = (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT)


NO_LEVELS: Mapping[str, tuple[float, float]] = {}
NOWHERE = float("-inf")


class FeeAsset(msgspec.Struct, frozen=True):
    """A third asset in which fees are paid while there is enough of it: at a discount, at a stated price."""

    asset: str
    price: Decimal
    discount_ratio: Decimal


class MarketModel(msgspec.Struct, frozen=True):
    """Assumptions for one symbol: fees, costs, delays, and our largest share of a candle's volume.

    Fees are ratios of the notional. ``latency_ns`` is how long an order travels; amends and cancels
    travel as long unless said otherwise. ``jitter_ns`` is the mean of an exponential delay on top of
    each. A report is known ``report_latency_ns`` after it happened, not before the candle closed.
    ``reject_ratio`` of the orders are rejected by chance. ``optimistic`` and ``touch_fills`` are the
    kinder readings of a candle, ``hedged`` keeps long and short apart. All draws come from ``seed``.
    A perpetual is held at ``leverage``, with a margin of its own if ``isolated``.
    """

    maker_fee: Decimal
    taker_fee: Decimal
    costs: CostModel
    latency_ns: int
    participation: Decimal
    amend_latency_ns: int | None = None
    cancel_latency_ns: int | None = None
    report_latency_ns: int = 0
    jitter_ns: int = 0
    reject_ratio: float = 0.0
    seed: int = 0
    optimistic: bool = False
    touch_fills: bool = False
    hedged: bool = False
    fee_asset: FeeAsset | None = None
    leverage: Decimal = ONE
    isolated: bool = False


class RestingOrder:
    """An order the venue has taken.

    ``wanted`` is the ordered quantity, ``executed`` what was filled of it, ``remaining`` the rest. One of
    three is true: ``at_market`` (executes at once), ``waiting`` (for the market to reach ``level``),
    ``rests_as_limit`` (at ``limit``). ``since_ns`` is the time from which on prices count for it.
    """

    __slots__ = (
        "allotted", "arrived_ns", "at_market", "entry_id", "executed", "instrument", "is_target", "leg",
        "level", "limit", "near", "order_id", "peak", "reduces", "remaining", "rests_as_limit", "rising",
        "side", "since_ns", "takes_profit", "terms", "trails", "triggered", "waiting", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        order_id: str,
        terms: OrderTerms,
        instrument: Instrument,
        arrived_ns: int,
        entry_id: str | None = None,
        *,
        is_target: bool = False,
    ) -> None:
        """``entry_id`` names the entry whose fills this order protects, if it is part of a bracket."""
        self.order_id = order_id
        self.terms = terms
        self.side = terms.side
        self.leg: PositionSide = terms.position_side
        self.instrument = instrument
        self.arrived_ns = self.since_ns = arrived_ns
        self.wanted = self.remaining = terms.quantity
        self.executed = ZERO
        self.entry_id = entry_id
        self.is_target = is_target
        self.allotted: list[Decimal] | None = None
        self.reduces = terms.reduce_only or terms.close_position
        self.limit = terms.price
        kind = terms.type
        self.triggered = False
        self.at_market = kind is MARKET
        self.rests_as_limit = kind is LIMIT
        self.waiting = not (self.at_market or self.rests_as_limit)
        if self.waiting:
            self.wait_for(terms.stop_price)
            self.takes_profit = kind in TAKES_PROFIT
            self.trails = kind is TRAILING_STOP
            self.rising = (terms.side is BUY) is not self.takes_profit
            self.peak: Decimal | None = None
        else:
            self.wait_for(None)
            self.takes_profit = self.trails = False

    def wait_for(self, level: Decimal | None) -> None:
        """Have this level from now on; ``near`` is the same as a float, which decides all but close cases."""
        self.level = level
        self.near = NOWHERE if level is None else float(level)

    def trigger(self, at_ns: int) -> None:
        """Its level was reached: from now on it executes at the market, or rests as a limit."""
        self.triggered, self.waiting, self.since_ns = True, False, at_ns
        self.at_market = self.limit is None
        self.rests_as_limit = not self.at_market

    def follow(self, seen: Decimal) -> bool:
        """Let a trailing stop see a price; whether its level came to be or moved (it never loosens).

        It follows the best price since it was activated, at its distance, rounded to the tick away
        from the market.
        """
        selling = self.side is not BUY
        if self.peak is None:
            start = self.terms.activation_price
            if start is not None and (seen < start if selling else seen > start):
                return False
        elif seen <= self.peak if selling else seen >= self.peak:
            return False
        self.peak = seen
        distance = self.terms.trail_amount
        if distance is None:
            distance = seen * (self.terms.trail_ratio or ZERO)
        away = seen - distance if selling else seen + distance
        self.wait_for(price_to_tick(away, self.instrument.tick, up=not selling))
        return True

    def reached_at(self) -> tuple[float, bool]:
        """The price that may do something to it, and whether the market comes from above; -inf for none."""
        buying = self.side is BUY
        if self.waiting:
            if self.level is not None:
                return self.near, not self.rising
            assert self.terms.activation_price is not None  # a trailing stop that is not active yet
            return float(self.terms.activation_price), buying
        if self.limit is not None and self.rests_as_limit:
            return float(self.limit), buying
        return NOWHERE, True

    def out_of_reach(self, low: float, high: float) -> bool:
        """Whether prices between these surely did not reach the level; floats order like their decimals."""
        return self.level is None or (high < self.near if self.rising else low > self.near)


class Waits(msgspec.Struct, frozen=True, gc=False):
    """What the venue waits for: the next arrival, the next candle of a market, or a price.

    ``levels`` are (down, up) by symbol: a low at or below ``down``, or a high at or above ``up``, may
    execute something. ``marks`` are the same for mark prices, which may liquidate. ``every_row`` are the
    symbols of which every candle matters (``at_market`` says whether there are any). ``arrival_ns`` is also
    when a held-back report is due, or a market ends. ``holding`` says whether funding would be settled.
    """

    arrival_ns: int | None
    at_market: bool
    levels: Mapping[str, tuple[float, float]]
    holding: bool
    every_row: tuple[str, ...] = ()
    marks: Mapping[str, tuple[float, float]] = NO_LEVELS


NO_WAITS = Waits(None, at_market=False, levels=NO_LEVELS, holding=False)
"""Nothing travels, rests or is held."""
