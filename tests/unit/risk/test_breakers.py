"""Breakers latch at a candle close and let go only when they are meant to."""

import pytest

from agentic_trading.core.enums import TradingState
from agentic_trading.core.events import CandlesClosed, DayStarted, Event, TradingStateSet
from agentic_trading.risk.breakers import DAILY_LOSS, DRAWDOWN, Breakers
from agentic_trading.risk.limits import RiskSettings
from order_desk import Hands

CLOSE, DAY = CandlesClosed(1, ()), DayStarted(1)


class Bench:
    """Breakers at 20 % drawdown and 5 % daily loss."""

    def __init__(self) -> None:
        self.losses = [0.0, 0.0]
        limits = RiskSettings(max_drawdown_pct=0.2, max_daily_loss_pct=0.05)
        self.breakers = Breakers(limits, self, Hands(7))

    def close(self, drawdown: float = 0.0, day_loss: float = 0.0) -> list[Event]:
        self.losses[:] = drawdown, day_loss
        return list(self.breakers.react(CLOSE))


@pytest.mark.parametrize(
    ("loss", "breaker"), [({"drawdown": 0.21}, DRAWDOWN), ({"day_loss": 0.051}, DAILY_LOSS)]
)
def test_a_breaker_trips_once_and_stays(loss: dict[str, float], breaker: str) -> None:
    """Beyond its limit a breaker reduces and says so once; a recovery does not release it."""
    bench = Bench()
    assert bench.close(**loss) == [TradingStateSet(7, TradingState.REDUCING, breaker)]
    assert bench.close(**loss) == []
    assert bench.close() == []
    assert bench.breakers.tripped(breaker)
    assert bench.breakers.state is TradingState.REDUCING


def test_exactly_the_limit_trips_nothing() -> None:
    """A loss of exactly the limit, and one that is not known, trip nothing."""
    bench = Bench()
    assert bench.close(0.2, 0.05) == []
    assert bench.close(float("nan"), float("nan")) == []
    assert bench.breakers.state is TradingState.ACTIVE


def test_the_daily_breaker_lets_go_with_the_day() -> None:
    """A new day releases the daily breaker, says so once, and it can trip again."""
    bench = Bench()
    bench.close(day_loss=0.1)
    assert list(bench.breakers.react(DAY)) == [
        TradingStateSet(7, TradingState.ACTIVE, "max_daily_loss released")
    ]
    assert list(bench.breakers.react(DAY)) == []
    assert bench.breakers.state is TradingState.ACTIVE
    assert len(bench.close(day_loss=0.1)) == 1


def test_the_drawdown_breaker_never_lets_go() -> None:
    """A new day releases only the daily breaker: the state stays reducing while the other holds."""
    bench = Bench()
    assert len(bench.close(0.3, 0.1)) == 2
    assert list(bench.breakers.react(DAY)) == [
        TradingStateSet(7, TradingState.REDUCING, "max_daily_loss released")
    ]
    assert bench.breakers.tripped(DRAWDOWN)
    assert not bench.breakers.tripped(DAILY_LOSS)


def test_skipped_rows_are_searched_for_what_can_still_trip() -> None:
    """A breaker that holds need not be looked for; the daily one is again from the next day on."""
    bench = Bench()
    assert bench.breakers.limits.tolist() == [0.2, 0.05, 0.0]
    assert not bench.breakers.waits_for_day
    bench.close(0.3, 0.1)
    assert bench.breakers.limits.tolist() == [float("inf"), float("inf"), 0.0]
    assert bench.breakers.waits_for_day
    bench.breakers.react(DAY)
    assert bench.breakers.limits.tolist() == [float("inf"), 0.05, 0.0]
    assert not bench.breakers.waits_for_day
