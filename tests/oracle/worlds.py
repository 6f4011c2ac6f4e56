"""Small random worlds for two venues: a market, and what a trader sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from agentic_trading.core.enums import MINUTE_NS, SECOND_NS, OrderType, PositionSide, Side, TimeInForce
from agentic_trading.core.events import AmendOrder, CancelOrder, Command, SubmitOrder
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.orders import OrderTerms, Target
from agentic_trading.simulation.resting import MarketModel
from oracle.markets import (
    OTHER,
    PERPETUAL,
    SPOT,
    START_NS,
    Choices,
    candle,
    candles,
    instrument,
    margined,
    model,
)
from oracle.naive_refusals import LIMITED, RESTING, TAKE_PROFITS, WITH_TRIGGER

TRAILS: list[dict[str, Decimal]] = [
    {"trail_amount": Decimal("1.5")},
    {"trail_amount": Decimal("0.53")},
    {"trail_ratio": Decimal("0.0101")},
    {"trail_ratio": Decimal("0.02")},
]
SHARES = (("1",), ("0.5", "0.5"), ("0.3", "0.3"), ("0.25", "0.5", "0.25"))
LEG_OF = {Side.BUY: PositionSide.LONG, Side.SELL: PositionSide.SHORT}
SIZES = ("2", "1", "4", "3", "0.5", "1.5", "2", "5")


@dataclass(frozen=True)
class Instant:
    """The end of a minute: the candles that close, and what is paid for perpetuals then."""

    at_ns: int
    candles: Sequence[Candle]
    funding: Sequence[tuple[str, float, float]]
    """Symbol, rate and mark."""


@dataclass(frozen=True)
class World:
    """All that a venue is given; commands in the order of sending."""

    rules: Mapping[str, Instrument]
    models: Mapping[str, MarketModel]
    balances: Mapping[str, Decimal]
    commands: Sequence[Command]
    instants: Sequence[Instant]
    marks: Mapping[str, Sequence[Candle]]
    """The mark candles of the perpetuals that have their own."""


def terms(
    choose: Choices, symbol: str, hedged: bool, others: Sequence[str], entered: Side | None
) -> OrderTerms:
    """An order of any kind; now and then one that contradicts itself or breaks a rule.

    Mostly such as make sense: beside the market, and closing what the last entry may have opened.
    """
    kind = choose.of(OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, *OrderType)
    closes = choose.of(False, False, entered is not None) or choose.one_in(12)
    side = entered.opposite if closes and entered is not None and not choose.one_in(6) else choose.of(*Side)
    quantity = choose.decimal("0.013", "1.234", "7") if choose.one_in(12) else choose.decimal(*SIZES)
    wanted: dict[str, Any] = {"type": kind}
    if kind in LIMITED:
        wanted["price"] = choose.price(-side.sign)
    if kind in WITH_TRIGGER:
        wanted["stop_price"] = choose.price(-side.sign if kind in TAKE_PROFITS else side.sign)
    if kind is OrderType.TRAILING_STOP:
        wanted |= choose.of(*TRAILS)
        wanted["activation_price"] = choose.of(None, None, choose.price())
    lasting = choose.of(*[TimeInForce.GTC] * 6, *TimeInForce)
    wanted["time_in_force"] = lasting
    if lasting is TimeInForce.GTD:
        wanted["expires_ns"] = choose.time_ns(7) + choose.of(0, SECOND_NS)
    wanted["post_only"] = kind is OrderType.LIMIT and lasting in RESTING and choose.one_in(3)
    if closes and kind not in LIMITED and choose.of(False, True):
        wanted["close_position"], quantity = True, Decimal(0)
    elif closes:
        wanted["reduce_only"], wanted["closing"] = True, choose.of(True, False)
    else:
        wanted["protective_stop"] = choose.of(None, choose.price(-side.sign), None)
        shares = choose.of((), (), (), *SHARES)
        wanted["targets"] = tuple(Target(choose.price(side.sign, 99), Decimal(share)) for share in shares)
    if others and choose.one_in(7):
        wanted["replaces"] = choose.of(*others)
    if hedged:
        wanted["position_side"] = LEG_OF[side.opposite if closes ^ choose.one_in(9) else side]
    wanted |= wrong(choose) if choose.one_in(40) else {}
    return OrderTerms("tester", symbol, side, quantity, **wanted)


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


def commands(choose: Choices, symbols: Sequence[str], hedged: bool, minutes: int) -> list[Command]:
    """Orders, alone and in groups, and amends and cancels of earlier ones, also of attached ones."""
    found: list[Command] = []
    sent: dict[str, list[str]] = {symbol: [] for symbol in symbols}
    attached: dict[str, list[str]] = {symbol: [] for symbol in symbols}
    entered: dict[str, Side] = {}
    groups: list[str] = []
    for place, symbol in enumerate(symbols * (1 + hedged) if choose.wild else ()):
        entered[symbol] = entered[symbol].opposite if symbol in entered else choose.of(*Side)
        leg = LEG_OF[entered[symbol]] if hedged else PositionSide.NET
        quantity = choose.decimal("3", "2", "1", "0")  # who holds nothing is not liquidated
        wanted = OrderTerms("tester", symbol, entered[symbol], quantity, position_side=leg)
        found.append(SubmitOrder(f"O{place}", START_NS, wanted))
    count = len(symbols) + 2 + choose.number(9)
    for number, at_ns in enumerate(sorted(choose.time_ns(minutes) for _ in range(count))):
        symbol = choose.of(*symbols)
        known = choose.of(sent, sent, attached)[symbol][-3:] or sent[symbol]
        act = choose.of("submit", "submit", "submit", "cancel", "amend", "amend") if known else "submit"
        if act == "cancel":
            found.append(CancelOrder(choose.of(*known), at_ns, symbol, "changed_mind"))
            continue
        if act == "amend":
            quantity = choose.of(None, None, choose.decimal("1", "2", "0.5", "5", "0.0137", "0"))
            price, level = choose.of(None, choose.price()), choose.of(None, None, choose.price())
            found.append(AmendOrder(choose.of(*known), at_ns, symbol, quantity, price, level))
            continue
        group = choose.of(*groups[-1:], f"g{number}") if choose.one_in(4) else None
        groups += [] if group is None else [group]
        for order_id in [f"A{number}"] if group is None else [f"A{number}", f"B{number}"]:
            wanted = terms(choose, symbol, hedged, known, entered.get(symbol))
            found.append(SubmitOrder(order_id, at_ns, replace(wanted, oco_group=group)))
            sent[symbol].append(order_id)
            attached[symbol] += [f"{order_id}t{place + 1}" for place in range(len(wanted.targets))]
            attached[symbol] += [f"{order_id}s"] * (wanted.protective_stop is not None)
            if not (wanted.reduce_only or wanted.close_position):
                entered[symbol] = wanted.side
    return found


def world(source: bytes) -> World:
    """Everything together."""
    choose = Choices(source)
    symbols = choose.of(
        (PERPETUAL,), (PERPETUAL,), (PERPETUAL,), (SPOT,), (PERPETUAL, OTHER), (PERPETUAL, OTHER, SPOT)
    )
    choose.wild = symbols != (SPOT,) and choose.of(True, False, True)
    hedged = SPOT not in symbols and choose.one_in(4)
    minutes = 3 + choose.number(8)
    rules = {symbol: instrument(choose, symbol) for symbol in symbols}
    assumed = model(choose, hedged)
    models = dict.fromkeys(symbols, assumed)
    cash = {"USDT": choose.decimal("1000000", "250.7"), "BNB": choose.decimal("0", "0.002", "9")}
    if choose.wild:
        assumed = replace(assumed, isolated=choose.of(True, False, False))
        for symbol in symbols:
            rules[symbol], models[symbol] = margined(choose, rules[symbol], assumed)
        amounts = ("60", "30", "130", "400") if assumed.isolated else ("16", "20", "12", "30")
        cash["USDT"] = choose.decimal(*amounts) * len(symbols) * (1 + hedged)
    coins = {"BTC": choose.decimal("2", "0", "1.2345678")} if SPOT in symbols else {}
    sent = commands(choose, symbols, hedged, minutes)
    passing = [bar for symbol in symbols for bar in candles(choose, symbol, minutes, rules[symbol])]
    marks = {
        symbol: [candle(choose, symbol, at, 0.0, filled=choose.one_in(6)) for at in range(choose.number(9))]
        for symbol in symbols
        if symbol != SPOT and choose.wild and choose.of(False, True)
    }
    instants = []
    for minute in range(minutes):
        end_ns = START_NS + (minute + 1) * MINUTE_NS
        stamps = [
            (symbol, choose.of(0.0001, -0.00075), 99.123456789) for symbol in symbols if choose.one_in(6)
        ]
        closing = [bar for bar in passing if bar.close_ns == end_ns]
        instants.append(Instant(end_ns, closing, [stamp for stamp in stamps if stamp[0] != SPOT]))
    return World(rules, models, cash | coins, sent, instants, marks)


worlds = st.binary(min_size=900, max_size=900).map(world)
