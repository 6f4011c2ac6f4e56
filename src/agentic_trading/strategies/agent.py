"""One strategy at work: calls it, drops what changes nothing, stamps what does."""

import math
import numbers
import traceback
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec.structs import asdict, astuple

from agentic_trading.core.clock import iso
from agentic_trading.core.enums import DAY_NS, Direction, ExecutionStyle, Timeframe
from agentic_trading.core.errors import TradingError
from agentic_trading.core.events import Event, FeatureVector, GapFound, MemoryChanged, Signal
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import Reacting, Reactions, Strategy
from agentic_trading.core.money import decimal_of
from agentic_trading.strategies.context import Context

_NUMBERS: Any = (float, numbers.Real, Decimal, np.bool_)
"""Whole or not, also as a bool, a Decimal or what comes out of an array."""


class StrategyFailed(TradingError):
    """A strategy raised or answered nonsense; names the strategy, the moment and the line."""


class NewsView(Protocol):
    """Tells whether a signal wants anything that is not already so (the allocator)."""

    def changes(self, strategy: str, signal: Signal) -> bool: ...


class StrategyAgent(Reacting):
    """Agent ``strategy:<id>``: runs one immutable strategy on all its symbols."""

    reads = ("ledger", "orders", "equity", "entries", "sizing", "features")
    emits = (Signal, MemoryChanged)

    def __init__(
        self,
        strategy_id: str,
        strategy: Strategy,
        timeframe: Timeframe,
        contexts: Mapping[str, Context],
        news: NewsView,
        ids: IdSequence,
        volatility: str | None = None,
        close_on_gap: bool = False,
    ) -> None:
        """``volatility`` names the feature that sizing wants stamped on entries, if any.

        It is a volatility per candle and is stamped per year (square root of time, 365 days).
        """
        self.name = f"strategy:{strategy_id}"
        self._id = strategy_id
        self._ask = strategy.on_candle
        self._timeframe = self.timeframe = timeframe
        self._contexts = dict(contexts)
        self.attended: Mapping[str, Context] = self._contexts
        """On the candles of other symbols it could do nothing: it does not look at them."""
        self._memories = {symbol: context.memory for symbol, context in contexts.items()}
        self._is_news = news.changes
        self._ids = ids
        self._volatility = volatility
        self._close_on_gap = close_on_gap
        self._per_year = math.sqrt(365 * DAY_NS / timeframe.ns)

    def contexts(self, symbols: Iterable[str]) -> Mapping[str, Context]:
        """What it sees of the platform on these symbols, for ``attended``."""
        return {symbol: self._contexts[symbol] for symbol in symbols}

    @property
    def reactions(self) -> Reactions:
        return {FeatureVector: self._look, GapFound: self._after_gap}

    def _look(self, vector: FeatureVector) -> Iterable[Event]:
        symbol = vector.symbol
        if symbol not in self.attended or vector.timeframe is not self._timeframe:
            return ()
        memory = self._memories[symbol]
        if memory is None:
            signal = self.answer(vector)
            if signal is None or not self._is_news(self._id, signal):
                return ()
            return (self.stamped(signal, vector),)
        before = astuple(memory)
        signal = self.answer(vector)
        said: tuple[Event, ...] = ()
        if astuple(memory) != before:
            said = (MemoryChanged(vector.at_ns, self._id, symbol, asdict(memory)),)
        if signal is None or not self._is_news(self._id, signal):
            return said
        return (*said, self.stamped(signal, vector))

    def answer(self, vector: FeatureVector) -> Signal | None:
        """What the strategy wants at a row, in its own words; raises StrategyFailed for nonsense."""
        context = self._contexts[vector.symbol]
        context.vector = vector
        try:
            signal: Signal | None = self._ask(context, vector.candle, vector)
        except Exception as error:
            raise self._failed(vector, error) from error
        problem = None if signal is None else _nonsense(signal, vector.symbol)
        if problem is not None:
            raise StrategyFailed(
                f"strategy {self._id} on {vector.symbol} at {iso(vector.at_ns)} answered {problem}"
            )
        return signal

    def _failed(self, vector: FeatureVector, error: Exception) -> StrategyFailed:
        frame = _frame_of(error)
        what = error.args[0] if isinstance(error, KeyError) and error.args else error
        return StrategyFailed(
            f"strategy {self._id} failed on {vector.symbol} at {iso(vector.at_ns)}: "
            f"{type(error).__name__}: {what} ({frame.filename}:{frame.lineno})"
        )

    def volatility(self, vector: FeatureVector) -> float | None:
        """The annualised volatility that sizing wants to know, if it wants any and there is one."""
        if self._volatility is None:
            return None
        volatility = vector[self._volatility] * self._per_year
        return volatility if isfinite(volatility) else None

    def stamped(self, signal: Any, vector: FeatureVector) -> Signal:
        """The signal with all that the platform knows, in plain numbers, and its number."""
        reasons: dict[str, float | None] = {}
        for name, value in signal.reasons.items():
            reasons[name] = float(value) if isfinite(value) else None
        return Signal(
            self._id,
            signal.symbol,
            signal.direction,
            float(signal.strength),
            None if signal.stop is None else float(signal.stop),
            tuple([_plain(target) for target in signal.targets]) if signal.targets else (),
            signal.valid_for,
            reasons,
            self._ids.next("signal"),
            vector.at_ns,
            vector.candle.close,
            vector.regime,
            None if self._volatility is None else self.volatility(vector),
            None if signal.style is None else ExecutionStyle(signal.style),
        )

    def _after_gap(self, gap: GapFound) -> Iterable[Event]:
        if not self._close_on_gap or gap.symbol not in self._contexts:
            return ()
        missing = {"missing_candles": float(gap.missing)}
        flat = Signal(self._id, gap.symbol, Direction.FLAT, reasons=missing, at_ns=gap.at_ns)
        if not self._is_news(self._id, flat):
            return ()
        return (msgspec.structs.replace(flat, id=self._ids.next("signal")),)


def _frame_of(error: Exception) -> traceback.FrameSummary:
    """Where the strategy's own file was when it failed, rather than the library that it called."""
    frames = traceback.extract_tb(error.__traceback__)
    called = frames[1:] or frames
    return [frame for frame in called if frame.filename == called[0].filename][-1]


def _nonsense(answer: Any, symbol: str) -> str | None:
    """What is wrong with a strategy's answer; None if nothing is."""
    if not isinstance(answer, Signal):
        return f"{type(answer).__name__} instead of a Signal or None"
    signal: Any = answer  # its fields are typed, but nobody checked the types when they were filled in
    if signal.symbol != symbol:
        return f"a signal for {signal.symbol}, but was asked about {symbol}"
    if not isinstance(signal.direction, Direction):
        return f"direction {signal.direction!r}, which is not a Direction"
    if not (isinstance(signal.strength, _NUMBERS) and 0.0 <= signal.strength <= 1.0):
        return f"strength {signal.strength!r}, which is not within 0..1"
    if signal.stop is not None and not (isinstance(signal.stop, _NUMBERS) and 0.0 < signal.stop < math.inf):
        return f"stop {signal.stop!r}, which is not a price"
    if type(signal.targets) is not tuple or signal.targets:
        wrong = _nonsense_targets(signal.targets)
        if wrong:
            return wrong
    if signal.style is not None and signal.style not in tuple(ExecutionStyle):
        return f"style {signal.style!r}, which is not one of {', '.join(ExecutionStyle)}"
    if not (isinstance(signal.valid_for, int) and signal.valid_for >= 0):
        return f"valid_for {signal.valid_for!r}, which is not a number of candles"
    for name, value in signal.reasons.items():
        if not (isinstance(name, str) and isinstance(value, _NUMBERS)):
            return f"the reason {name!r}: {value!r}, which is not a number with a name"
    return None


def _nonsense_targets(targets: Any) -> str | None:
    """Targets are prices, or pairs of a price and a share; the shares make no more than the whole."""
    if not isinstance(targets, tuple | list):
        return f"targets {targets!r}, which are not a tuple"
    pairs = [target for target in targets if isinstance(target, tuple | list) and len(target) == 2]
    if pairs and len(pairs) < len(targets):
        return f"targets {targets!r}: give a share with each or with none"
    whole = Decimal(0)
    for price, share in pairs or [(price, None) for price in targets]:
        if not (isinstance(price, _NUMBERS) and 0.0 < price < math.inf):
            return f"the target {price!r}, which is not a price"
        if share is None:
            continue
        if not (isinstance(share, _NUMBERS) and 0.0 < share <= 1.0):
            return f"the target share {share!r}, which is not within 0..1"
        whole += decimal_of(float(share))
    return f"target shares that make {whole}, more than the whole" if whole > 1 else None


def _plain(target: Any) -> float | tuple[float, float]:
    """A target in plain floats, for the record."""
    return (float(target[0]), float(target[1])) if isinstance(target, tuple | list) else float(target)
