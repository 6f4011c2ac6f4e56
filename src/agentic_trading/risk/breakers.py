"""Circuit breakers: what the account did, not what it wants to do, may end the opening of positions."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from agentic_trading.core.enums import TradingState
from agentic_trading.core.events import CandlesClosed, DayStarted, Event, TradingStateSet
from agentic_trading.core.interfaces import Clock
from agentic_trading.core.models import FloatArray
from agentic_trading.risk.limits import RiskSettings

DRAWDOWN = "max_drawdown"
DAILY_LOSS = "max_daily_loss"


class LossesView(Protocol):
    """What the account has lost."""

    @property
    def losses(self) -> Sequence[float]:
        """Drawdown and the day's loss as ratios (NaN: unknown): one sequence, kept up to date."""
        ...


class Breakers:
    """Agent ``breakers``: latches ``reducing`` when a loss limit is hit at a candle close.

    The drawdown breaker holds to the end of the run, the daily-loss breaker until the next UTC day.
    """

    name = "breakers"
    reads = ("equity",)
    emits = (TradingStateSet,)

    def __init__(self, limits: RiskSettings, marks: LossesView, clock: Clock) -> None:
        self._max_drawdown = limits.max_drawdown_pct
        self._max_daily_loss = limits.max_daily_loss_pct
        self._losses = marks.losses
        self._clock = clock
        self._tripped: dict[str, None] = {}
        self._take_stock()

    def tripped(self, breaker: str) -> bool:
        """Whether a breaker holds."""
        return breaker in self._tripped

    def react(self, event: CandlesClosed | DayStarted) -> Iterable[Event]:
        if type(event) is DayStarted:
            return self._release(DAILY_LOSS)
        drawdown, day_loss = self._losses
        tripped: tuple[Event, ...] = ()
        if drawdown > self._max_drawdown:
            tripped += self._trip(DRAWDOWN)
        if day_loss > self._max_daily_loss:
            tripped += self._trip(DAILY_LOSS)
        return tripped

    def _trip(self, breaker: str) -> tuple[Event, ...]:
        if breaker in self._tripped:
            return ()
        self._tripped[breaker] = None
        self._take_stock()
        return (TradingStateSet(self._clock.now_ns, TradingState.REDUCING, breaker),)

    def _release(self, breaker: str) -> tuple[Event, ...]:
        if breaker not in self._tripped:
            return ()
        del self._tripped[breaker]
        self._take_stock()
        return (TradingStateSet(self._clock.now_ns, self.state, f"{breaker} released"),)

    def _take_stock(self) -> None:
        """Work out what follows from the breakers that hold; what has tripped need not be looked for."""
        self.state = TradingState.REDUCING if self._tripped else TradingState.ACTIVE
        """Reducing while any breaker holds."""
        self.waits_for_day = DAILY_LOSS in self._tripped
        """Whether the next UTC day will release something."""
        self.limits: FloatArray = np.array(
            [
                np.inf if DRAWDOWN in self._tripped else self._max_drawdown,
                np.inf if DAILY_LOSS in self._tripped else self._max_daily_loss,
                0.0,
            ]
        )
        """Limits of `core.equity.mark_rows` beyond which this agent must look; shape (3,)."""
