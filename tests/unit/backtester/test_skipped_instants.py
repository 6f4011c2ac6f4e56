"""An instant that only the venue needs: its reports are told, and the core need not look at the candles."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentic_trading.backtester.replay import Replay
from agentic_trading.backtester.skipping import Skipper
from agentic_trading.backtester.timeline import MarketRows, Timeline, build_timeline
from agentic_trading.backtester.wake import Watch
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import HOUR_NS, Direction, OrderType, Posture, Side, Timeframe
from agentic_trading.core.equity import NO_LIMITS
from agentic_trading.core.events import CandlesClosed, DayStarted, Event, Fill, OrderTerms, SubmitOrder
from agentic_trading.core.interfaces import direction_of
from agentic_trading.core.models import CandleColumns, FloatArray
from agentic_trading.core.money import exact
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.simulation.venue import SimulatedVenue
from venue_market import PERPETUAL, START_NS, instrument, model

POSTURE = {Direction.FLAT: Posture.FLAT, Direction.LONG: Posture.LONG, Direction.SHORT: Posture.SHORT}
ROWS = 30


def market(closes: Sequence[float]) -> Timeline:
    """Hourly candles that open at the last close and reach one beyond open and close."""
    close: FloatArray = np.array(closes, dtype=np.float64)
    opened = np.concatenate(([close[0]], close[:-1]))
    high, low = np.maximum(opened, close) + 1, np.minimum(opened, close) - 1
    bars = np.vstack([opened, high, low, close, close * 0 + 1000])
    open_ns = START_NS + np.arange(len(close), dtype=np.int64) * HOUR_NS
    flags = np.zeros(len(close), dtype=np.bool_)
    return build_timeline([CandleColumns(PERPETUAL, Timeframe.H1, open_ns, bars, flags, np.array([0]))])


class Core:
    """Ledger, equity curve, a strategy that sends given orders at given rows, and the bus that tells them.

    The strategy may act on row ``r`` while it stands as ``plan[r]`` says, and then sends the order there.
    """

    waits_for_day = False

    def __init__(self, timeline: Timeline, plan: dict[int, tuple[Posture, OrderTerms]]) -> None:
        rules = {PERPETUAL: instrument()}
        self.timeline, self.plan = timeline, plan
        self.venue = SimulatedVenue(rules, {PERPETUAL: model()}, {"USDT": Decimal(10**6)})
        self.ledger = Ledger(rules, {"USDT": Decimal(10**6)})
        self.equity = EquityCurve(self.ledger, [PERPETUAL], "USDT")
        self.told: list[Event] = []
        self.looked_at: dict[int, tuple[float, float]] = {}
        """Equity and the day's loss as whoever looks at a row finds them."""
        self.skipper: Skipper | None = None

    def run(self, step: str) -> "Core":
        rows: list[list[int]] = [[], [], []]
        for row, (posture, _) in sorted(self.plan.items()):
            rows[posture].append(row)
        if step == "auto":
            masks = [np.isin(np.arange(len(self.timeline)), each) for each in rows]
            watch = Watch("s", PERPETUAL, None, *masks)
            self.skipper = Skipper(self.timeline, [watch], self, self.venue)
        Replay(self.timeline, ReplayClock(), self.venue, (), self.skipper).run(self, 0)
        return self

    # --- the bus --------------------------------------------------------------------------

    def step(self, event: Event) -> list[Event]:
        if isinstance(event, CandlesClosed | DayStarted):
            self.equity.react(event)
            return self._act(event) if isinstance(event, CandlesClosed) else []
        self.told.append(event)
        if isinstance(event, Fill):
            with exact():
                self.ledger.react(event)
            if self.skipper is not None:
                self.skipper.hear(event)
        return []

    def _act(self, event: CandlesClosed) -> list[Event]:
        row = (event.at_ns - START_NS) // HOUR_NS - 1
        self.looked_at[row] = self.equity.equity, self.equity.day_loss_ratio
        posture, terms = self.plan.get(row, (None, None))
        if terms is None or posture is not self.posture("s", PERPETUAL):
            return []
        return [SubmitOrder(f"order-{row}", event.at_ns, terms)]

    # --- what skipping asks ---------------------------------------------------------------

    def posture(self, strategy: str, symbol: str) -> Posture:
        return POSTURE[direction_of(self.ledger.position(strategy, symbol).quantity)]

    def skip(self, rows: MarketRows, start: int, stop: int) -> int:
        return self.equity.skip(rows, NO_LIMITS, start, stop)

    def look(self, rows: MarketRows, row: int) -> None:
        self.equity.look(rows, row)

    def audience(self, pairs: Sequence[tuple[str, str]]) -> None:
        pass

    def attend(self, audience: None) -> None:
        pass


def order(lots: int, kind: OrderType = OrderType.MARKET, at: int = 100) -> OrderTerms:
    """An order for so many lots bought; limit and stop orders at a price."""
    prices = {OrderType.LIMIT: {"price": Decimal(at)}, OrderType.STOP_MARKET: {"stop_price": Decimal(at)}}
    side = Side.BUY if lots > 0 else Side.SELL
    return OrderTerms("s", PERPETUAL, side, Decimal(abs(lots)), kind, **prices.get(kind, {}))


ORDERS = st.builds(
    order, st.sampled_from([-2, -1, 1, 2]), st.sampled_from(list(OrderType)), st.integers(90, 110)
)
PLANS = st.dictionaries(
    st.integers(0, ROWS - 1), st.tuples(st.sampled_from(list(Posture)[:3]), ORDERS), max_size=8
)


@example(
    closes=[100.0] * 23 + [95.0] * 7, plan={1: (Posture.FLAT, order(1)), 23: (Posture.LONG, order(-1))}
)  # the close of row 23 ends the day: whoever looks at it still sees the loss of that day
@given(closes=st.lists(st.integers(92, 108).map(float), min_size=ROWS, max_size=ROWS), plan=PLANS)
@pytest.mark.property
def test_skipping_a_candle_that_passed_the_venue_is_looking_at_it(
    closes: list[float], plan: dict[int, tuple[Posture, OrderTerms]]
) -> None:
    """The venue passes rows that nobody looks at: same reports, same books, same marks as with every look."""
    timeline = market(closes)
    auto, every = Core(timeline, plan).run("auto"), Core(timeline, plan).run("every")
    assert auto.told == every.told
    assert auto.ledger.balances == every.ledger.balances
    assert auto.venue.account.balances == every.venue.account.balances
    assert auto.venue.account.position(PERPETUAL) == every.venue.account.position(PERPETUAL)
    assert [part.tobytes() for part in auto.equity.rows()] == [part.tobytes() for part in every.equity.rows()]
    assert auto.equity.day_loss_ratio == every.equity.day_loss_ratio
    assert list(every.looked_at) == list(range(ROWS))
    assert auto.looked_at == {row: every.looked_at[row] for row in sorted(plan) if row in auto.looked_at}


def test_an_order_that_only_fills_needs_no_look() -> None:
    """Sent at row 1 it fills in row 2; nobody looks before row 5, where a long could act."""
    plan = {1: (Posture.FLAT, order(1)), 2: (Posture.FLAT, order(1)), 5: (Posture.LONG, order(-1))}
    core = Core(market([100.0] * 8), plan).run("auto")
    assert list(core.looked_at) == [1, 5]
    assert [(fill.order_id, fill.at_ns) for fill in core.told if isinstance(fill, Fill)] == [
        ("order-1", START_NS + 2 * HOUR_NS), ("order-5", START_NS + 6 * HOUR_NS),
    ]  # fmt: skip


def test_a_fill_may_make_its_own_candle_worth_a_look() -> None:
    """A long that came to be inside row 2 can act on the close of row 2, not only on the next one."""
    plan = {1: (Posture.FLAT, order(1)), 2: (Posture.LONG, order(-1))}
    core = Core(market([100.0] * 8), plan).run("auto")
    assert list(core.looked_at) == [1, 2]
    assert [fill.order_id for fill in core.told if isinstance(fill, Fill)] == ["order-1", "order-2"]
