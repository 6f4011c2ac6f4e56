"""The gate: a strategy opens positions only in the regimes it was allowed."""

from collections.abc import Callable, Mapping

import msgspec

from agentic_trading.core.enums import Direction, Posture, Regime
from agentic_trading.core.events import Signal, SignalAdmitted, SignalGated
from agentic_trading.core.interfaces import SettledView

FLAT = Posture.FLAT  # a name of its own: enums look their members up slowly
REGIME_NOT_ALLOWED = "regime_not_allowed"
"""The code in `SignalGated`."""


class Gate:
    """Agent between strategies and sizing; keeps nothing, reads the regime stamped on the signal.

    ``allowed`` gives each strategy's regimes for entries; None, or a strategy that is not listed,
    means no gating. An unknown regime is in no set, so a gated strategy does not enter in it. What
    opens nothing always passes: a flat signal, a stop that moves. Of a gated signal the flat half
    passes, unless the strategy is flat and has nothing under way: it closes what is held the other way
    and calls back an entry under way.
    """

    name = "gate"
    reads = ("ledger", "sizing")
    emits = (SignalAdmitted, SignalGated)

    def __init__(
        self,
        allowed: Mapping[str, frozenset[Regime] | None],
        settled: SettledView,
        posture: Callable[[str, str], Posture],
    ) -> None:
        """``posture`` tells where a strategy stands on a symbol."""
        self._settled = settled
        self._posture = posture
        self._allowed = {
            strategy: None if regimes is None else regimes - {Regime.UNKNOWN}
            for strategy, regimes in allowed.items()
        }

    def lets_open(self, strategy: str, regime: Regime) -> bool:
        """Whether a strategy may open a position in a regime."""
        regimes = self._allowed.get(strategy)
        return regimes is None or regime in regimes

    def react(self, event: Signal) -> tuple[SignalAdmitted | SignalGated, ...]:
        """Admit the signal, or say that its regime does not allow it."""
        if self.lets_open(event.strategy, event.regime) or not self._opens(event):
            return (SignalAdmitted(event),)
        gated = SignalGated(
            at_ns=event.at_ns,
            signal=event.id,
            strategy=event.strategy,
            symbol=event.symbol,
            direction=event.direction,
            code=REGIME_NOT_ALLOWED,
            regime=event.regime,
        )
        if self._posture(event.strategy, event.symbol) is FLAT:
            return (gated,)
        flat = msgspec.structs.replace(event, direction=Direction.FLAT, stop=None)
        return (gated, SignalAdmitted(flat))

    def _opens(self, signal: Signal) -> bool:
        held = self._settled.position(signal.strategy, signal.symbol).direction
        return signal.direction not in (Direction.FLAT, held)
