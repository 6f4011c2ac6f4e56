"""The closed sets of the trading language: sides, order types, states, timeframes."""

from enum import IntEnum, StrEnum


class Side(StrEnum):
    """Which way an order moves the position."""

    BUY = "buy"
    SELL = "sell"

    sign: int
    opposite: "Side"

    def __init__(self, name: str) -> None:
        self.sign = 1 if name == "buy" else -1


Side.BUY.opposite, Side.SELL.opposite = Side.SELL, Side.BUY


class Direction(StrEnum):
    """The wanted position of a strategy on a symbol."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"

    sign: int

    def __init__(self, name: str) -> None:
        self.sign = {"long": 1, "short": -1, "flat": 0}[name]


class Posture(IntEnum):
    """Where a strategy stands on a symbol; it decides which of its triggers can matter.

    Between means that an own order is on its way or works, that an entry goes on, or a signal waits.
    """

    FLAT = 0
    LONG = 1
    SHORT = 2
    BETWEEN = 3


POSTURES = {Direction.FLAT: Posture.FLAT, Direction.LONG: Posture.LONG, Direction.SHORT: Posture.SHORT}
"""Where a strategy stands that has nothing under way, by the direction of its position."""


class Market(StrEnum):
    """Spot holdings or a USDT-margined linear perpetual."""

    SPOT = "spot"
    LINEAR = "linear"


class MarketStatus(StrEnum):
    """Whether a venue takes orders for an instrument at some time."""

    TRADING = "trading"
    HALTED = "halted"
    DELISTED = "delisted"


class MarginMode(StrEnum):
    """What stands behind a perpetual: its own margin only, or the whole account."""

    ISOLATED = "isolated"
    CROSS = "cross"


class OrderType(StrEnum):
    """What makes an order executable."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT_MARKET = "take_profit_market"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order may work; FOK is all at once or nothing, GTD ends at a time."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class ExecutionStyle(StrEnum):
    """How an entry is brought to the market: at once, as a waiting limit first, or in slices over time."""

    MARKET = "market"
    PASSIVE = "passive"
    TWAP = "twap"


class PositionSide(StrEnum):
    """Which position of a perpetual an order moves: the only one, or in hedge mode the long or the short."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


class Liquidity(StrEnum):
    """Whether a fill made or took liquidity; it decides the fee rate."""

    MAKER = "maker"
    TAKER = "taker"


class OrderStatus(StrEnum):
    """Life of an order as far as we know it; only the venue's word moves it."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"

    @property
    def is_open(self) -> bool:
        return self in _OPEN


_OPEN = frozenset(
    {
        OrderStatus.PENDING,
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.UNKNOWN,
    }
)


class TradingState(IntEnum):
    """How much the platform may do; the larger value is the safer one."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


class Regime(StrEnum):
    """What kind of market the regime model sees; ``unknown`` until it is warm."""

    UNKNOWN = "unknown"
    TRENDING = "trending"
    RANGING = "ranging"
    VOLATILE = "volatile"


REGIMES: tuple[Regime, ...] = (Regime.UNKNOWN, Regime.TRENDING, Regime.RANGING, Regime.VOLATILE)
"""Regimes by the integer code used in feature columns: ``REGIMES[code]``."""

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS


_UNIT_NS = {"m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}


class Timeframe(StrEnum):
    """Candle intervals in the notation of ccxt; buckets are aligned to the UTC epoch."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"

    ns: int
    """Length in nanoseconds."""

    def __init__(self, name: str) -> None:
        self.ns = int(name[:-1]) * _UNIT_NS[name[-1]]
