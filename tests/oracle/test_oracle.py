"""The simulated venue and the naive one tell the same story of every random world."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from agentic_trading.core.enums import Market, PositionSide
from agentic_trading.core.events import Event
from agentic_trading.simulation.venue import SimulatedVenue
from oracle.naive_venue import NaiveVenue
from oracle.worlds import World, worlds

pytestmark = pytest.mark.property
LEGS = {True: (PositionSide.LONG, PositionSide.SHORT), False: (PositionSide.NET,)}


def plain(report: Event) -> dict[str, Any]:
    """A report as the naive venue writes it: a dictionary with exact numbers."""
    fields = {"type": type(report).__name__} | msgspec.structs.asdict(report)
    return {name: Fraction(value) if isinstance(value, Decimal) else value for name, value in fields.items()}


def compare(found: Any, expected: Any) -> None:
    """Fail with both."""
    assert found == expected


def differ(world: World) -> None:
    """Drive both venues through a world and compare them after every candle."""
    symbol, rules = world.rules.symbol, {world.rules.symbol: world.rules}
    venue = SimulatedVenue(rules, {symbol: world.model}, dict(world.balances))
    naive = NaiveVenue(rules, {symbol: world.model}, world.balances)
    left = list(world.commands)
    for candle, stamp in zip(world.candles, world.funding, strict=True):
        while left and left[0].at_ns <= candle.open_ns:
            command = left.pop(0)
            venue.send(command)
            naive.send(command)
        told = [plain(report) for report in venue.pass_candles([candle])]
        compare(told, naive.pass_candle(candle))
        if stamp is not None:
            paid = venue.fund(symbol, candle.close_ns, *stamp)
            compare(paid and Fraction(paid.payment), naive.fund(symbol, *stamp))
        books = {asset: Fraction(amount) for asset, amount in venue.account.balances.items() if amount}
        compare(books, {asset: amount for asset, amount in naive.balances.items() if amount})
        for leg in LEGS[world.model.hedged] if world.rules.market is Market.LINEAR else ():
            compare(Fraction(venue.account.position(symbol, leg)), naive.held.get((symbol, leg), 0))


@given(worlds)
@settings(max_examples=300, derandomize=True)
def test_both_venues_tell_the_same_story(world: World) -> None:
    """Same reports in the same order, same balances and positions after every candle, to the last digit."""
    differ(world)
