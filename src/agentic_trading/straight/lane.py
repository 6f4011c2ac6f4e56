"""What goes straight through: a strategy's lane on a symbol, and its plain orders."""

from functools import partial

import msgspec

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import CandleReader
from agentic_trading.backtester.wake import Watch
from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.models import Candle, plain
from agentic_trading.core.money import ZERO
from agentic_trading.inputs import Inputs
from agentic_trading.simulation.matching.at_once import Quote
from agentic_trading.simulation.venue import SimulatedVenue

FLAT, LONG = Direction.FLAT, Direction.LONG  # names of their own: enums look their members up slowly


class Lane:
    """One strategy on one symbol: whom to ask, and where it stands."""

    __slots__ = (
        "alone", "answer", "candle", "column", "entry_terms", "exit_terms", "following", "heading", "held",
        "is_plain", "key", "lets_open", "number", "own_rows", "pair", "stamped", "symbol", "vector",
        "volatility",
    )  # fmt: skip

    def __init__(
        self, number: int, agents: Agents, venue: SimulatedVenue, inputs: Inputs, candles: CandleReader,
        watch: Watch,
    ) -> None:  # fmt: skip
        """``number`` is its place among all lanes."""
        agent, sizing = agents.strategy(watch.strategy), agents.sizing
        self.number = number
        self.key = key = watch.strategy, watch.symbol
        self.symbol = watch.symbol
        self.column = inputs.timeline.symbols.index(watch.symbol)
        rows = inputs.timeline.rows[self.column]
        self.own_rows = None if rows is None else plain(rows)
        self.candle = candles.reader(watch.symbol)
        self.alone = venue.alone(watch.symbol)
        self.following = watch.following
        self.answer, self.stamped, self.volatility = agent.answer, agent.stamped, agent.volatility
        self.vector = agents.features.reader((agent.timeframe, watch.symbol))
        self.pair = sizing.pairs[key]
        self.entry_terms = partial(sizing.opening.at_market, key, self.pair.instrument, LONG)
        self.exit_terms = partial(sizing.closing.whole, key)
        self.lets_open = partial(agents.gate.lets_open, watch.strategy)
        self.is_plain = True
        """Until it wishes for what is not: most likely it will again, and need not be asked twice."""
        self.held = ZERO
        """What it holds by the books."""
        self.heading = FLAT
        """Which way it will stand when all that was asked for is booked."""


class PlainOrder(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A plain order as it was asked for: whose, at which row, on which wish, and what it gets.

    ``mark`` is the last close, ``candle`` the one it meets, ``volatility`` what sizing may need (NaN if there
    is none).
    """

    lane: Lane
    row: int
    signal: Signal
    vector: FeatureVector
    opens: bool
    mark: float
    quote: Quote
    candle: Candle
    volatility: float
