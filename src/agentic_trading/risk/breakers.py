"""Circuit breakers: what the account did, not what it wants to do, may end the opening of positions."""

from collections.abc import Iterable

import numpy as np

from agentic_trading.core.enums import TradingState
from agentic_trading.core.events import CandlesClosed, DayStarted, Event, TradingStateSet
from agentic_trading.core.interfaces import Clock, MarksView
from agentic_trading.core.models import FloatArray
from agentic_trading.risk.limits import RiskSettings

DRAWDOWN = "max_drawdown"
DAILY_LOSS = "max_daily_loss"


class Breakers:
    """Agent ``breakers``: latches ``reducing`` when a loss limit is hit at a candle close.

    The drawdown breaker holds to the end of the run, the daily-loss breaker until the next UTC day.
    """

    name = "breakers"
    reads = ("equity",)
    emits = (TradingStateSet,)

    def __init__(self, limits: RiskSettings, marks: MarksView, clock: Clock) -> None:
        self._limits = limits
        self._marks = marks
        self._clock = clock
        self._tripped: dict[str, None] = {}
        self.limits = self._sweep_limits()
        """Limits of `core.equity.mark_rows` beyond which this agent must look; shape (3,)."""

    @property
    def state(self) -> TradingState:
        """Reducing while any breaker holds."""
        return TradingState.REDUCING if self._tripped else TradingState.ACTIVE

    def tripped(self, breaker: str) -> bool:
        """Whether a breaker holds."""
        return breaker in self._tripped

    @property
    def waits_for_day(self) -> bool:
        """Whether the next UTC day will release something."""
        return DAILY_LOSS in self._tripped

    def react(self, event: CandlesClosed | DayStarted) -> Iterable[Event]:
        if isinstance(event, DayStarted):
            return self._release(DAILY_LOSS)
        return self._look()

    def _look(self) -> list[Event]:
        tripped: list[Event] = []
        if self._marks.drawdown_ratio > self._limits.max_drawdown_pct:
            tripped += self._trip(DRAWDOWN)
        if self._marks.day_loss_ratio > self._limits.max_daily_loss_pct:
            tripped += self._trip(DAILY_LOSS)
        return tripped

    def _trip(self, breaker: str) -> list[Event]:
        if breaker in self._tripped:
            return []
        self._tripped[breaker] = None
        self.limits = self._sweep_limits()
        return [TradingStateSet(self._clock.now_ns, TradingState.REDUCING, breaker)]

    def _release(self, breaker: str) -> list[Event]:
        if breaker not in self._tripped:
            return []
        del self._tripped[breaker]
        self.limits = self._sweep_limits()
        return [TradingStateSet(self._clock.now_ns, self.state, f"{breaker} released")]

    def _sweep_limits(self) -> FloatArray:
        """What has tripped already need not be looked for."""
        return np.array(
            [
                np.inf if DRAWDOWN in self._tripped else self._limits.max_drawdown_pct,
                np.inf if DAILY_LOSS in self._tripped else self._limits.max_daily_loss_pct,
                0.0,
            ]
        )
