"""Small random worlds for two venues: rules, assumptions, candles, and what a trader sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st
from msgspec.structs import replace

from agentic_trading.core.enums import (
    MINUTE_NS,
    SECOND_NS,
    Market,
    OrderType,
    PositionSide,
    Side,
    Timeframe,
    TimeInForce,
)
from agentic_trading.core.events import AmendOrder, CancelOrder, Command, SubmitOrder
from agentic_trading.core.models import Candle, Halt, Instrument, MarginTier, PriceBand
from agentic_trading.core.orders import OrderTerms, Target
from agentic_trading.simulation.costs import CostModel
from agentic_trading.simulation.resting import FeeAsset, MarketModel
from oracle.naive_refusals import AT_ONCE, LIMITED, STOPS, WITH_TRIGGER, closes_a_leg

START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
TRAILS: list[dict[str, Decimal]] = [
    {"trail_amount": Decimal("1.5")},
    {"trail_amount": Decimal("0.53")},
    {"trail_ratio": Decimal("0.0101")},
    {"trail_ratio": Decimal("0.02")},
]
TIERS = (
    MarginTier(Decimal(0), Decimal(150), Decimal("0.01"), Decimal(0), Decimal(50)),
    MarginTier(Decimal(150), Decimal(500), Decimal("0.025"), Decimal("2.25"), Decimal(20)),
    MarginTier(Decimal(500), Decimal(900), Decimal("0.1"), Decimal("39.75"), Decimal(5)),
)
SHARES = (("1",), ("0.5", "0.5"), ("0.3", "0.3"), ("0.25", "0.5", "0.25"))
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """All that a venue is given, in the order in which it comes."""

    rules: Instrument
    model: MarketModel
    balances: Mapping[str, Decimal]
    commands: Sequence[Command]
    candles: Sequence[Candle]
    funding: Sequence[tuple[float, float] | None]
    """Rate and mark at the close of each candle, if there is a stamp."""


class Choices:
    """Choices read from bytes, one each: quick to draw, and smaller bytes are simpler choices."""

    def __init__(self, source: bytes) -> None:
        self._source = iter(source)

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

    def price(self, odd: int = 24) -> Decimal:
        """One of few, so that levels, limits and candles meet; all but the odd one lie on every tick."""
        if self.one_in(odd):
            return self.decimal("99.97", "100.03")
        return Decimal(194 + self.number(13)) / 2

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
        choose.of(*delays),
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
    rare = choose.number(16)
    third = START_NS + 2 * MINUTE_NS
    return Instrument(
        "binance",
        symbol,
        Market.SPOT if symbol == SPOT else Market.LINEAR,
        "BTC",
        "USDT",
        choose.decimal("0.1", "0.5", "0.25"),
        choose.decimal("0.001", "0.001", "0.01", "0.5"),
        choose.decimal("0", "0", "0.01", "1"),
        choose.decimal("0", "0", "5", "60"),
        max_quantity=Decimal("2.5") if rare in (10, 11) else None,
        max_market_quantity=Decimal("1.5") if rare in (11, 12) else None,
        price_band=PriceBand(Decimal("0.99"), Decimal("1.01")) if rare == 13 else None,
        delisted_ns=third if rare == 14 else None,
        halts=(Halt(START_NS, START_NS + 2 * MINUTE_NS),) if rare == 15 else (),
    )


def candles(choose: Choices, symbol: str, minutes: int, rules: Instrument) -> list[Candle]:
    """Consecutive minutes around 100; some are missing, flat stand-ins, off the tick or without volume."""
    found = []
    for minute in range(minutes):
        kind = choose.of(*["traded"] * 10, "filled", "missing") if not rules.halts else "traded"
        low, first, last, high = sorted(choose.price() for _ in range(4))
        if choose.of(False, True):
            first, last = last, first
        volume = choose.of(1000.0, 12.5, 3.3, 2.0, 1000.0, 0.0)
        opened = START_NS + minute * MINUTE_NS
        bars = [float(price) for price in (first, high, low, last)]
        gone = rules.delisted_ns is not None and opened >= rules.delisted_ns
        if kind != "missing" and not gone:
            closed, filled = opened + MINUTE_NS, kind == "filled"
            found.append(Candle(symbol, Timeframe.M1, opened, closed, *bars, volume, filled))
    return found


def terms(
    choose: Choices, symbol: str, hedged: bool, others: Sequence[str], entries: Mapping[str, Side]
) -> OrderTerms:
    """An order of any kind; now and then one that contradicts itself or breaks a rule."""
    kind = choose.of(OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, *OrderType)
    side = choose.of(*Side)
    wanted: dict[str, Any] = {"type": kind}
    if kind in LIMITED:
        wanted["price"] = choose.price()
    if kind in WITH_TRIGGER:
        wanted["stop_price"] = choose.price()
    if kind is OrderType.TRAILING_STOP:
        wanted |= choose.of(*TRAILS)
        wanted["activation_price"] = choose.of(None, None, choose.price())
    lasting = choose.of(*[TimeInForce.GTC] * 5, *TimeInForce)
    wanted["time_in_force"] = lasting
    if lasting is TimeInForce.GTD:
        wanted["expires_ns"] = choose.time_ns(20) + choose.of(0, SECOND_NS)
    wanted["post_only"] = kind is OrderType.LIMIT and choose.one_in(5)
    wanted["oco_group"] = "gh"[choose.number(2)] if choose.one_in(5) else None
    wanted["reduce_only"] = choose.one_in(4)
    wanted["closing"] = wanted["reduce_only"] and choose.of(True, False)
    quantity = choose.decimal("1", "2", "3", "0.5", "1.5", "7", "0.013", "1.234")
    if kind not in LIMITED and choose.one_in(5):
        wanted["close_position"], quantity = True, Decimal(0)
    elif not wanted["reduce_only"]:
        wanted["protective_stop"] = choose.of(None, choose.price())
        shares = choose.of((), (), *SHARES)
        wanted["targets"] = tuple(Target(choose.price(99), Decimal(share)) for share in shares)
    if others and choose.one_in(5):
        wanted["replaces"] = choose.of(*others)
    if hedged:
        wanted["position_side"] = choose.of(PositionSide.LONG, PositionSide.SHORT)
    wanted |= wrong(choose) if choose.one_in(40) else {}
    found = OrderTerms("tester", symbol, side, quantity, **wanted)
    return mended(found, entries)


def wrong(choose: Choices) -> dict[str, Any]:
    """Something that most orders cannot have."""
    return choose.of(
        {"price": choose.price()},
        {"stop_price": choose.price()},
        {"activation_price": choose.price()},
        {"trail_ratio": Decimal(1)},
        {"position_side": PositionSide.LONG},
        {"expires_ns": START_NS + 7 * MINUTE_NS},
        {"post_only": True},
        {"targets": (Target(choose.price(), Decimal("0.7")), Target(choose.price(), Decimal("0.6")))},
    )


def mended(found: OrderTerms, entries: Mapping[str, Side]) -> OrderTerms:
    """Without what the venue is known to get wrong: that has tests of its own."""
    named = found.replaces or ""
    fitting = {"s": (OrderType.MARKET, OrderType.STOP_MARKET, OrderType.STOP_LIMIT), "t": AT_ONCE}
    if found.type is OrderType.TRAILING_STOP or found.type not in fitting.get(named[1:2], list(OrderType)):
        found = replace(found, replaces=None)
    elif named[1:]:
        side = entries[named[0]].opposite
        bare = {"protective_stop": None, "targets": (), "reduce_only": True, "oco_group": None}
        found = replace(found, side=side, **bare)
    found = replace(found, targets=() if found.type in STOPS else found.targets)
    if found.symbol == SPOT:
        if found.side is Side.BUY:
            quantity = found.quantity or Decimal(1)
            changes = {"reduce_only": False, "close_position": False, "closing": False}
            return replace(found, quantity=quantity, **changes)
        return replace(found, protective_stop=None, targets=())
    return replace(found, reduce_only=found.reduce_only or closes_a_leg(found))


def commands(choose: Choices, symbol: str, hedged: bool, minutes: int) -> list[Command]:
    """Orders, and amends and cancels of earlier ones, of attached ones and of strangers."""
    found: list[Command] = []
    known: list[str] = []
    fixed: list[str] = []
    entries: dict[str, Side] = {}
    stuck: list[str] = []
    for number, at_ns in enumerate(sorted(choose.time_ns(minutes) for _ in range(1 + choose.number(10)))):
        act = choose.of("submit", "submit", "submit", "cancel") if known else "submit"
        if act == "submit":
            order_id = chr(ord("A") + number)
            others = [name for name in known if name not in fixed]
            wanted = terms(choose, symbol, hedged, others, entries)
            entries[order_id] = wanted.side
            found.append(SubmitOrder(order_id, at_ns, wanted))
            known.append(order_id)
            fixed += [order_id] * wanted.close_position
            stuck += [order_id] * (wanted.time_in_force is TimeInForce.GTD)
            known += [f"{order_id}s"] * (wanted.protective_stop is not None)
            known += [f"{order_id}t{place + 1}" for place in range(len(wanted.targets))]
        elif (name := choose.of(*known)) in stuck:
            continue
        elif act == "cancel":
            found.append(CancelOrder(name, at_ns, symbol, "changed_mind"))
        else:
            quantity = choose.of(None, None, choose.decimal("1", "2", "0.5", "5", "0.0137", "0"))
            price, level = choose.of(None, choose.price()), choose.of(None, None, choose.price())
            if name in fixed or "t" in name:
                quantity = None
            found.append(AmendOrder(name, at_ns, symbol, quantity, price, level))
    return found


def world(source: bytes) -> World:
    """Everything together."""
    choose = Choices(source)
    symbol = choose.of(PERPETUAL, PERPETUAL, SPOT)
    hedged = symbol == PERPETUAL and choose.one_in(3)
    minutes = 2 + choose.number(7)
    rules = instrument(choose, symbol)
    sent = commands(choose, symbol, hedged, minutes)
    if rules.halts:
        sent = [replace(each, at_ns=each.at_ns // MINUTE_NS * MINUTE_NS) for each in sent]
    passing = candles(choose, symbol, minutes, rules)
    stamps = [(choose.of(0.0001, -0.00075), 99.123456789) if choose.one_in(4) else None for _ in passing]
    cash = {
        "USDT": choose.decimal("1000000", "250.7" if symbol == SPOT else "1000000"),
        "BNB": choose.decimal("0", "0.002", "9"),
    }
    coins = {"BTC": choose.decimal("2", "0", "1.2345678")} if symbol == SPOT else {}
    assumed = model(choose, hedged)
    if symbol == PERPETUAL and not hedged and choose.one_in(2):
        leverage = choose.decimal("10", "1", "3", "20", "50")
        assumed = replace(assumed, leverage=leverage, isolated=choose.of(True, False))
        rules = replace(rules, tiers=choose.of((), TIERS), venue=choose.of("binance", "bybit"))
        cash["USDT"] = choose.decimal("60", "30", "130", "400")
    return World(rules, assumed, cash | coins, sent, passing, stamps)


worlds = st.binary(min_size=700, max_size=700).map(world)
