"""The market of a random world: choices read from bytes, rules, assumptions and candles."""

from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from agentic_trading.core.enums import MINUTE_NS, SECOND_NS, Market, Timeframe
from agentic_trading.core.models import Candle, Halt, Instrument, MarginTier, PriceBand
from agentic_trading.simulation.costs import CostModel
from agentic_trading.simulation.resting import FeeAsset, MarketModel

START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
SPOT, PERPETUAL, OTHER = "BTC/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"
TIERS = (
    MarginTier(Decimal(0), Decimal(150), Decimal("0.01"), Decimal(0), Decimal(50)),
    MarginTier(Decimal(150), Decimal(500), Decimal("0.025"), Decimal("2.25"), Decimal(20)),
    MarginTier(Decimal(500), Decimal(900), Decimal("0.1"), Decimal("39.75"), Decimal(5)),
)
T = TypeVar("T")


class Choices:
    """Choices read from bytes, one each: quick to draw, and smaller bytes are simpler choices."""

    def __init__(self, source: bytes) -> None:
        self._source = iter(source)
        self.wild = False
        """Whether prices go far enough to liquidate."""

    def number(self, below: int) -> int:
        """A number from 0 on; zero once the bytes have run out."""
        return next(self._source, 0) % below

    def of(self, *options: T) -> T:
        """One of these; the first is the simplest."""
        return options[self.number(len(options))]

    def one_in(self, count: int) -> bool:
        """True now and then."""
        return self.number(count) == count - 1

    def decimal(self, *options: str) -> Decimal:
        """One of these numbers."""
        return Decimal(self.of(*options))

    def price(self, toward: int = 0, odd: int = 24) -> Decimal:
        """One of few, so that levels, limits and candles meet; all but the odd one lie on every tick.

        ``toward`` is 1 for one that mostly lies above the middle, -1 for one below.
        """
        if self.one_in(odd):
            return self.decimal("99.97", "100.03")
        steps = self.number(13) - 6
        if toward and not self.one_in(4):
            steps = abs(steps) * toward
        return Decimal(100 + steps) if self.wild else Decimal(200 + steps) / 2

    def time_ns(self, minutes: int) -> int:
        """A minute or a quarter of one, since the start."""
        return START_NS + (self.number(minutes) * 4 + self.of(0, 0, 1, 2)) * 15 * SECOND_NS


def model(choose: Choices, hedged: bool) -> MarketModel:
    """Assumptions without chance: only delays that are the same every time."""
    costs = CostModel(
        choose.decimal("0", "3", "60"),
        choose.decimal("0", "0", "0.1"),
        choose.of(False, True),
        choose.decimal("0", "0", "1"),
    )
    delays = (0, 250_000_000, MINUTE_NS // 2, MINUTE_NS, 2 * MINUTE_NS + 1)
    discount = FeeAsset("BNB", choose.decimal("300", "7"), choose.decimal("0.25", "0", "0.1"))
    return MarketModel(
        choose.decimal("0", "0.000213"),
        choose.decimal("0", "0.00055719"),
        costs,
        choose.of(0, *delays),
        choose.decimal("1", "0.5", "0.1"),
        amend_latency_ns=choose.of(None, None, *delays),
        cancel_latency_ns=choose.of(None, None, *delays),
        report_latency_ns=choose.of(0, 0, 0, 20 * SECOND_NS, 90 * SECOND_NS),
        optimistic=choose.of(False, True),
        touch_fills=choose.of(False, True),
        hedged=hedged,
        fee_asset=choose.of(None, None, discount),
    )


def instrument(choose: Choices, symbol: str) -> Instrument:
    """Rules that bite now and then."""
    rare = choose.number(20)
    third = START_NS + (2 + choose.number(3)) * MINUTE_NS
    return Instrument(
        "binance",
        symbol,
        Market.SPOT if symbol == SPOT else Market.LINEAR,
        symbol[:3],
        "USDT",
        choose.decimal("0.1", "0.5", "0.25"),
        choose.decimal("0.001", "0.5", "0.01"),
        choose.decimal("0", "0", "0", "0.01", "1"),
        choose.decimal("0", "0", "0", "5", "60"),
        max_quantity=Decimal("2.5") if rare in (14, 15) else None,
        max_market_quantity=Decimal("1.5") if rare in (15, 16) else None,
        price_band=PriceBand(Decimal("0.99"), Decimal("1.01")) if rare == 17 else None,
        delisted_ns=third if rare == 18 else None,
        halts=(Halt(third - MINUTE_NS, third + MINUTE_NS),) if rare == 19 else (),
    )


def candle(
    choose: Choices,
    symbol: str,
    minute: int,
    volume: float,
    *,
    filled: bool = False,
    opens: float | None = None,
) -> Candle:
    """A minute around 100, now and then off the tick; it opens anywhere if not told where."""
    first, last, *others = (float(choose.price()) for _ in range(4))
    first = first if opens is None else opens
    low, high = min(first, last, *others), max(first, last, *others)
    opened = START_NS + minute * MINUTE_NS
    return Candle(
        symbol, Timeframe.M1, opened, opened + MINUTE_NS, first, high, low, last, volume, filled
    )  # fmt: skip


def candles(choose: Choices, symbol: str, minutes: int, rules: Instrument) -> list[Candle]:
    """Consecutive minutes; some are missing, flat stand-ins, without volume, or open with a gap."""
    found: list[Candle] = []
    for minute in range(minutes):
        kind = choose.of(*["traded"] * 10, "filled", "missing")
        volume = choose.of(1000.0, 12.5, 3.3, 2.0, 1000.0, 0.0)
        opens = choose.of(found[-1].close, found[-1].close, None) if found else None
        made = candle(choose, symbol, minute, volume, filled=kind == "filled", opens=opens)
        gone = rules.delisted_ns is not None and made.open_ns >= rules.delisted_ns
        found += [made] if kind != "missing" and not gone else []
    return found


def margined(choose: Choices, rules: Instrument, assumed: MarketModel) -> tuple[Instrument, MarketModel]:
    """With a margin table and a leverage at which the prices of these worlds are a danger."""
    table = choose.of(TIERS, TIERS, TIERS, ())
    leverage = (
        choose.decimal("20", "20", "10", "20", "5", "50", "1") if table else choose.decimal("10", "5", "1")
    )
    rules = replace(
        rules,
        tiers=table,
        venue=choose.of("binance", "bybit"),
        liquidation_fee_ratio=choose.of(None, None, Decimal("0.005")),
    )
    return rules, replace(assumed, leverage=leverage, isolated=assumed.isolated and rules.can_short)
