"""Orders at the simulated venue and the assumptions under which one market is simulated."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Liquidity, OrderType, Side
from agentic_trading.core.events import OrderTerms
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import ZERO
from agentic_trading.simulation.costs import CostModel

MARKET, LIMIT, STOP_MARKET = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET
SELL, MAKER = Side.SELL, Liquidity.MAKER


class MarketModel(msgspec.Struct, frozen=True):
    """Assumptions for one symbol: fee ratios, costs, latency, and our largest share of a candle's volume."""

    maker_fee: Decimal
    taker_fee: Decimal
    costs: CostModel
    latency_ns: int
    participation: Decimal

    def fee_rate(self, liquidity: Liquidity) -> Decimal:
        """The fee ratio for a fill that made or took liquidity."""
        return self.maker_fee if liquidity is MAKER else self.taker_fee


class RestingOrder:
    """An order the venue has taken.

    ``wanted`` is the ordered quantity, ``executed`` what was filled; ``remaining`` may still be filled
    and is less than the difference when an order that this one replaced had executed a part.
    """

    __slots__ = (
        "_trigger",
        "arrived_ns",
        "at_market",
        "entry_id",
        "executed",
        "instrument",
        "is_stop",
        "order_id",
        "remaining",
        "rests_as_limit",
        "side",
        "terms",
        "triggered",
        "wanted",
    )

    def __init__(
        self,
        order_id: str,
        terms: OrderTerms,
        instrument: Instrument,
        arrived_ns: int,
        entry_id: str | None = None,
    ) -> None:
        """``entry_id`` names the entry whose fills this order protects, if it is an attached stop.

        One of three is true: ``at_market`` (executes at once: a market order, or a stop that was
        touched), ``is_stop`` (waits for its trigger), ``rests_as_limit``.
        """
        self.order_id = order_id
        self.terms = terms
        self.side = terms.side
        self.instrument = instrument
        self.arrived_ns = arrived_ns
        self.wanted = terms.quantity
        self.remaining = terms.quantity
        self.executed = ZERO
        self.triggered = False
        self.entry_id = entry_id
        kind = terms.type
        self.at_market = kind is MARKET
        self.is_stop = kind is STOP_MARKET
        self.rests_as_limit = kind is LIMIT
        self._trigger = 0.0 if terms.stop_price is None else float(terms.stop_price)

    def trigger(self) -> None:
        """A stop was touched: it executes at the market from now on."""
        self.triggered = self.at_market = True
        self.is_stop = False

    @property
    def reached_at(self) -> tuple[float, bool]:
        """The price that would execute it, and whether the market comes from above; -inf for none."""
        level = self.terms.price if self.terms.stop_price is None else self.terms.stop_price
        if level is None:
            return float("-inf"), True
        return float(level), self.is_stop == (self.side is SELL)

    def out_of_reach(self, candle: Candle) -> bool:
        """Whether a candle surely did not touch the stop: in floats, which order like their decimals."""
        if self.side is SELL:
            return candle.low > self._trigger
        return candle.high < self._trigger

    @property
    def limit(self) -> Decimal:
        """The limit price; only limit orders have one."""
        assert self.terms.price is not None
        return self.terms.price

    @property
    def stop_price(self) -> Decimal:
        """The trigger price; only stop orders have one."""
        assert self.terms.stop_price is not None
        return self.terms.stop_price


class Waits(msgspec.Struct, frozen=True):
    """What the venue waits for: the next arrival, the next candle of a market, or a price.

    ``levels`` are (down, up) by symbol: a low at or below ``down``, or a high at or above ``up``, may
    execute something. ``holding`` says whether funding would be settled.
    """

    arrival_ns: int | None
    at_market: bool
    levels: Mapping[str, tuple[float, float]]
    holding: bool
