"""What goes straight through: a strategy's lane on a symbol, and its plain orders."""

from decimal import Decimal
from functools import partial

import msgspec

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import CandleReader
from agentic_trading.backtester.wake import Watch
from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector, OrderTerms, Signal
from agentic_trading.core.models import plain
from agentic_trading.core.money import ZERO
from agentic_trading.inputs import Inputs
from agentic_trading.simulation.venue import SimulatedVenue

FLAT = Direction.FLAT  # a name of its own: enums look their members up slowly


class Lane:
    """One strategy on one symbol: whom to ask, and where it stands."""

    __slots__ = (
        "alone", "answer", "candle", "column", "direction", "entry_terms", "exit_terms", "following", "held",
        "is_plain", "key", "lets_open", "own_rows", "stamped", "symbol", "units",
        "vector", "volatility",
    )  # fmt: skip

    def __init__(
        self, agents: Agents, venue: SimulatedVenue, inputs: Inputs, candles: CandleReader, watch: Watch
    ) -> None:
        agent = agents.strategy(watch.strategy)
        self.key = watch.strategy, watch.symbol
        self.symbol = watch.symbol
        self.column = inputs.timeline.symbols.index(watch.symbol)
        rows = inputs.timeline.rows[self.column]
        self.own_rows = None if rows is None else plain(rows)
        self.candle = candles.reader(watch.symbol)
        self.alone = venue.alone(watch.symbol)
        self.following = watch.following
        self.answer, self.stamped, self.volatility = agent.answer, agent.stamped, agent.volatility
        self.vector = agents.features.reader((agent.timeframe, watch.symbol))
        sizing = agents.sizing
        self.entry_terms = partial(sizing.opening.terms, self.key, sizing.pairs[self.key])
        self.exit_terms = partial(sizing.closing.whole, self.key)
        self.lets_open = partial(agents.gate.lets_open, watch.strategy)
        self.is_plain = True
        """Until it wishes for what is not: most likely it will again, and need not be asked twice."""
        self.stand(ZERO, FLAT)

    def stand(self, held: Decimal, direction: Direction) -> None:
        """From now on so much is held."""
        self.held, self.units, self.direction = held, float(held), direction


class PlainOrder(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A plain order as it was decided: whose, on which wish, at which mark."""

    lane: Lane
    signal: Signal
    vector: FeatureVector
    terms: OrderTerms
    price: float
