"""The simulated venue and the naive one tell the same story of every random world."""

from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings

from agentic_trading.core.enums import Market, PositionSide
from agentic_trading.core.events import Event
from agentic_trading.simulation.venue import SimulatedVenue
from oracle.naive_venue import NaiveVenue
from oracle.worlds import World, worlds


def plain(report: Event) -> dict[str, Any]:
    """A report as the naive venue writes it: a dictionary with exact numbers."""
    fields = {"type": type(report).__name__} | msgspec.structs.asdict(report)
    return {name: as_exact(value) for name, value in fields.items()}


def as_exact(value: Any) -> Any:
    from decimal import Decimal

    return Fraction(value) if isinstance(value, Decimal) else value


def compare(found: Any, expected: Any) -> None:
    assert found == expected


def differ(world: World) -> None:
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
        if world.rules.market is Market.LINEAR:
            for leg in (PositionSide.LONG, PositionSide.SHORT) if world.model.hedged else (PositionSide.NET,):
                held = (
                    venue.account.position(symbol, leg)
                    if world.model.hedged
                    else venue.account.position(symbol)
                )
                compare(Fraction(held), naive.held.get((symbol, leg), 0))


@given(worlds)
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_both_venues_tell_the_same_story(world: World) -> None:
    """Same reports in the same order, same balances and positions after every candle, to the last digit."""
    differ(world)
