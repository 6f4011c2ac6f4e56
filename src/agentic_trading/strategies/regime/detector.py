"""The regime detector: tells listeners when the regime column of a symbol moved."""

from agentic_trading.core.enums import Regime, Timeframe
from agentic_trading.core.events import Event, FeatureVector, RegimeChanged


class RegimeDetector:
    """Agent that turns a change between two feature vectors of a (symbol, timeframe) into an event.

    It decides nothing: the regime is a column made by the model, and the gate reads it from there.
    """

    name = "regime"
    reads: tuple[str, ...] = ()
    emits: tuple[type[Event], ...] = (RegimeChanged,)

    def __init__(self) -> None:
        self._last: dict[tuple[str, Timeframe], Regime] = {}

    def react(self, event: FeatureVector) -> tuple[RegimeChanged, ...]:
        """The change, if there was one; before the first vector the regime is unknown."""
        key = (event.symbol, event.timeframe)
        previous = self._last.get(key, Regime.UNKNOWN)
        if event.regime is previous:
            return ()
        self._last[key] = event.regime
        return (RegimeChanged(event.at_ns, event.symbol, event.timeframe, previous, event.regime),)
