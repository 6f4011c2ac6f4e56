"""The simulated venue and the naive one tell the same story of every random world."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings

from agentic_trading.core.enums import PositionSide, Timeframe
from agentic_trading.core.events import Event
from agentic_trading.core.models import Candle, CandleColumns
from agentic_trading.simulation.mark import Marks, MarkSeries
from agentic_trading.simulation.venue import SimulatedVenue
from oracle.naive_venue import NaiveVenue
from oracle.worlds import World, worlds

pytestmark = pytest.mark.property


def plain(report: Event) -> dict[str, Any]:
    """A report as the naive venue writes it: a dictionary with exact numbers."""
    fields = {"type": type(report).__name__} | msgspec.structs.asdict(report)
    return {name: Fraction(value) if isinstance(value, Decimal) else value for name, value in fields.items()}


def compare(found: Any, expected: Any) -> None:
    """Fail with both."""
    assert found == expected


def columns(candles: Sequence[Candle], symbol: str) -> CandleColumns:
    """The candles of a symbol as a history."""
    own = [candle for candle in candles if candle.symbol == symbol]
    bars = [[getattr(candle, name) for candle in own] for name in ("open", "high", "low", "close", "volume")]
    opens, filled = [candle.open_ns for candle in own], [candle.filled for candle in own]
    return CandleColumns(
        symbol, Timeframe.M1, np.array(opens, np.int64), np.array(bars), np.array(filled, np.bool_),
        np.zeros(1, np.int64),
    )  # fmt: skip


def differ(world: World) -> None:
    """Drive both venues through a world and compare them after every minute."""
    rules, models = dict(world.rules), dict(world.models)
    passing = [candle for instant in world.instants for candle in instant.candles]
    series = [
        MarkSeries(columns(passing, symbol), columns(marks, symbol)) for symbol, marks in world.marks.items()
    ]
    venue = SimulatedVenue(rules, models, dict(world.balances), Marks(*series) if series else None)
    naive = NaiveVenue(rules, models, world.balances, world.marks)
    left = list(world.commands)
    for instant in world.instants:
        while left and left[0].at_ns < instant.at_ns:
            command = left.pop(0)
            venue.send(command)
            naive.send(command)
        told = [plain(report) for report in venue.pass_candles(instant.candles, instant.at_ns)]
        compare(told, naive.pass_candles(instant.candles, instant.at_ns))
        for symbol, *stamp in instant.funding:
            paid = venue.fund(symbol, instant.at_ns, *stamp)
            compare(paid and plain(paid), naive.fund(symbol, instant.at_ns, *stamp))
        books = {asset: Fraction(amount) for asset, amount in venue.account.balances.items() if amount}
        compare(books, {asset: amount for asset, amount in naive.balances.items() if amount})
        for symbol, leg in product(rules, PositionSide):
            compare(Fraction(venue.account.position(symbol, leg)), naive.held.get((symbol, leg), 0))
            if models[symbol].isolated:
                margin = venue.account.margins.get((symbol, leg), Decimal(0))
                compare(Fraction(margin), naive.margins.get((symbol, leg), 0))


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 17))])
def test_both_venues_tell_the_same_story(part: int) -> None:
    """Same reports in the same order, same balances, positions and margins after every minute, exactly."""

    @seed(part)
    @settings(
        max_examples=300 if part else 100,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(worlds)
    def agree(world: World) -> None:
        differ(world)

    agree()
