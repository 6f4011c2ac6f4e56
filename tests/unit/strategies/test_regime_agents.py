"""The gate and the detector."""

from decimal import Decimal

import pytest

from agentic_trading.core.enums import POSTURES, Direction, Posture, Regime, Timeframe
from agentic_trading.core.events import FeatureVector, RegimeChanged, Signal, SignalAdmitted, SignalGated
from agentic_trading.core.interfaces import direction_of
from agentic_trading.core.models import Candle
from agentic_trading.strategies.regime.detector import RegimeDetector
from agentic_trading.strategies.regime.gate import Gate


class Holding:
    """A ledger in which every strategy holds the same quantity of everything."""

    def __init__(self, quantity: int) -> None:
        self.quantity = Decimal(quantity)
        self.direction = direction_of(self.quantity)
        self.cost = Decimal(0)

    def position(self, strategy: str, symbol: str) -> "Holding":
        return self


def gate_of(allowed: frozenset[Regime] | None, held: int = 0, posture: Posture | None = None) -> Gate:
    """A gate of the strategy ``trend``, which stands where what it holds says, unless told otherwise."""
    holding = Holding(held)
    stands = POSTURES[holding.direction] if posture is None else posture
    return Gate({"trend": allowed}, holding, lambda strategy, symbol: stands)


def signal(direction: Direction, regime: Regime, strategy: str = "trend") -> Signal:
    return Signal(strategy, "BTC/USDT", direction, id="signal-1", at_ns=5, regime=regime)


def vector(regime: Regime, symbol: str = "BTC/USDT", timeframe: Timeframe = Timeframe.M5) -> FeatureVector:
    candle = Candle(symbol, timeframe, 0, timeframe.ns, 1.0, 1.0, 1.0, 1.0, 1.0)
    return FeatureVector(symbol, timeframe, timeframe.ns, candle, {}, (), regime)


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
def test_an_entry_needs_an_allowed_regime(direction: Direction) -> None:
    """An entry passes in an allowed regime and is gated, with the regime named, in any other."""
    gate = gate_of(frozenset({Regime.TRENDING}))
    allowed = signal(direction, Regime.TRENDING)
    assert gate.react(allowed) == (SignalAdmitted(allowed),)
    (gated,) = gate.react(signal(direction, Regime.VOLATILE))
    assert gated == SignalGated(
        5, "signal-1", "trend", "BTC/USDT", direction, "regime_not_allowed", Regime.VOLATILE
    )


def test_unknown_means_no() -> None:
    """A gated strategy does not enter in an unknown regime, even if somebody listed it as allowed."""
    gate = gate_of(frozenset({Regime.TRENDING, Regime.UNKNOWN}))
    assert isinstance(gate.react(signal(Direction.LONG, Regime.UNKNOWN))[0], SignalGated)


@pytest.mark.parametrize("regime", list(Regime))
def test_getting_out_is_never_forbidden(regime: Regime) -> None:
    """A flat signal passes in every regime, whatever is allowed."""
    for allowed in (frozenset[Regime](), None):
        out = signal(Direction.FLAT, regime)
        assert gate_of(allowed).react(out) == (SignalAdmitted(out),)


@pytest.mark.parametrize("regime", list(Regime))
def test_a_strategy_without_gating_always_passes(regime: Regime) -> None:
    """None, or not being listed, means that the regime does not matter."""
    gate = gate_of(None)
    for strategy in ("trend", "other"):
        entry = signal(Direction.LONG, regime, strategy)
        assert gate.react(entry) == (SignalAdmitted(entry),)


@pytest.mark.parametrize(("held", "direction"), [(1, Direction.LONG), (-1, Direction.SHORT)])
def test_what_opens_nothing_passes(held: int, direction: Direction) -> None:
    """A signal in the direction that is held (a stop that moves) passes in a forbidden regime."""
    again = signal(direction, Regime.VOLATILE)
    assert gate_of(frozenset({Regime.TRENDING}), held).react(again) == (SignalAdmitted(again),)


@pytest.mark.parametrize(("held", "direction"), [(1, Direction.SHORT), (-1, Direction.LONG)])
def test_a_gated_reversal_still_closes(held: int, direction: Direction) -> None:
    """Of a reversal in a forbidden regime only the opening is gated: the position is closed."""
    gated, closing = gate_of(frozenset({Regime.TRENDING}), held).react(signal(direction, Regime.VOLATILE))
    assert isinstance(gated, SignalGated)
    assert isinstance(closing, SignalAdmitted)
    assert closing.signal.direction is Direction.FLAT


def test_a_gated_entry_calls_back_what_is_under_way() -> None:
    """While something is under way, the flat half of a gated entry passes, though nothing is held yet."""
    gate = gate_of(frozenset({Regime.TRENDING}), posture=Posture.BETWEEN)
    _, back = gate.react(signal(Direction.LONG, Regime.VOLATILE))
    assert isinstance(back, SignalAdmitted)
    assert back.signal.direction is Direction.FLAT


def test_the_detector_reports_changes_only() -> None:
    """One event per change of a (symbol, timeframe), none for a repetition, none before anything is known."""
    detector = RegimeDetector()
    seen = [
        vector(Regime.UNKNOWN),
        vector(Regime.RANGING),
        vector(Regime.RANGING),
        vector(Regime.TRENDING, "ETH/USDT"),
        vector(Regime.RANGING, timeframe=Timeframe.H1),
        vector(Regime.VOLATILE),
    ]
    changes = [change for event in seen for change in detector.react(event)]
    m5, h1 = Timeframe.M5, Timeframe.H1
    assert changes == [
        RegimeChanged(m5.ns, "BTC/USDT", m5, Regime.UNKNOWN, Regime.RANGING),
        RegimeChanged(m5.ns, "ETH/USDT", m5, Regime.UNKNOWN, Regime.TRENDING),
        RegimeChanged(h1.ns, "BTC/USDT", h1, Regime.UNKNOWN, Regime.RANGING),
        RegimeChanged(m5.ns, "BTC/USDT", m5, Regime.RANGING, Regime.VOLATILE),
    ]
