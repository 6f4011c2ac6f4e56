"""A market order that is executed at once is reported and booked as one that goes the way of all orders."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import OrderType, Side, TimeInForce
from agentic_trading.core.events import CancelOrder, Event, OrderTerms, SubmitOrder
from agentic_trading.core.models import Candle
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.matching.at_once import AtOnce
from agentic_trading.simulation.resting import FeeAsset, MarketModel
from agentic_trading.simulation.venue import SimulatedVenue
from venue_market import MINUTE, PERPETUAL, SPOT, START_NS, candle, instrument, model

pytestmark = pytest.mark.property
REALISTIC = CostModel(Decimal(3), Decimal("0.1"), impact_factor=Decimal("0.5"))
STOCK = FeeAsset("BNB", Decimal(300), Decimal("0.25"))
PLACES = st.integers(-12, 12).map(lambda tenths: Decimal(1000 + tenths) / 10)
FAR = st.sampled_from(["90", "96.5", "103", "110"]).map(Decimal)
QUANTITIES = st.sampled_from(["1", "1", "1", "2", "0.01", "5.0", "40", "0.0005"]).map(Decimal)


@st.composite
def models(draw: st.DrawFn) -> MarketModel:
    return model(
        draw(st.sampled_from([FREE, CostModel(Decimal(2)), REALISTIC])),
        draw(st.sampled_from([0, 20_000_000_000])),
        draw(st.sampled_from(["1", "0.1"])),
        "0.0002",
        "0.0005",
        reject_ratio=draw(st.sampled_from([0.0, 0.0, 0.2])),
        fee_asset=draw(st.sampled_from([None, STOCK])),
        leverage=draw(st.sampled_from([Decimal(1), Decimal(5)])),
        isolated=draw(st.booleans()),
        optimistic=draw(st.booleans()),
    )


@st.composite
def orders(draw: st.DrawFn, symbol: str, number: int) -> OrderTerms:
    """Mostly market orders; many carry a stop, replace one or only reduce."""
    kind = draw(st.sampled_from([OrderType.MARKET] * 4 + [OrderType.STOP_MARKET, OrderType.LIMIT]))
    wanted: dict[str, Any] = {"type": kind}
    if kind is OrderType.STOP_MARKET:
        wanted["stop_price"] = draw(PLACES)
    elif kind is OrderType.LIMIT:
        wanted["price"] = draw(PLACES)
    side = Side.SELL if number % 2 else Side.BUY
    if draw(st.integers(0, 3)) == 0:
        side = side.opposite
    if number and draw(st.booleans()):
        wanted["replaces"] = f"{number - draw(st.sampled_from([1, 1, 1, 2]))}s"
        wanted["closing"], wanted["reduce_only"] = True, draw(st.booleans()) and symbol == PERPETUAL
    if draw(st.integers(0, 3)) > number % 2:
        wanted["protective_stop"] = draw(st.one_of(FAR, FAR, PLACES))
    wanted["time_in_force"] = draw(
        st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC, TimeInForce.FOK])
    )
    return OrderTerms("tester", symbol, side, draw(QUANTITIES), **wanted)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[str, MarketModel, list[list[Event]], list[Candle]]:
    symbol = draw(st.sampled_from([SPOT, PERPETUAL]))
    sent: list[list[Event]] = []
    candles: list[Candle] = []
    number = 0
    for minute in range(draw(st.integers(2, 8))):
        at_ns, commands = START_NS + minute * MINUTE, list[Event]()
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
            commands.append(SubmitOrder(str(number), at_ns, draw(orders(symbol, number))))
            number += 1
        if number and draw(st.integers(0, 5)) == 0:
            commands.append(
                CancelOrder(f"{draw(st.integers(0, number - 1))}s", at_ns, symbol, "changed_mind")
            )
        sent.append(commands)
        prices = sorted(draw(st.lists(PLACES, min_size=4, max_size=4)))
        opened, closed = draw(st.permutations(prices[1:3]))
        volume = draw(st.sampled_from([1000.0, 1000.0, 30.0, 5.0]))
        filled = draw(st.integers(0, 9)) == 0
        bars = f"{opened} {prices[3]} {prices[0]} {closed}"
        candles.append(candle(minute, bars, volume, symbol, filled=filled))
    return symbol, draw(models()), sent, candles


def told(symbol: str, assumptions: MarketModel, sent: list[list[Event]], candles: list[Candle]) -> list[str]:
    """Everything that can be seen of a venue, digit by digit."""
    money = {"USDT": Decimal(4000), "BNB": Decimal("0.01"), "BTC": Decimal(3)}
    venue = SimulatedVenue({symbol: instrument(symbol)}, {symbol: assumptions}, money)
    seen: list[str] = []
    for commands, each in zip(sent, candles, strict=True):
        for command in commands:
            venue.send(command)
        seen.append(f"{venue.busy} {venue.waits()}")
        seen += [msgspec.json.encode(report).decode() for report in venue.pass_candles([each])]
        seen.append(f"{venue.account.balances} {venue.account.margins} {venue.account.position(symbol)}")
    return [*seen, f"{venue.busy} {venue.waits()}"]


@given(worlds())
def test_at_once_is_no_other_way(world: tuple[str, MarketModel, list[list[Event]], list[Candle]]) -> None:
    """Reports, balances, margins and what is waited for are the same, digit by digit."""
    at_once = told(*world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AtOnce, "carry_out", lambda *_: False)
        assert told(*world) == at_once
