"""Several strategies, several markets, three candles of latency: the books hold at every step."""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agentic_trading.core.enums import Direction, ExecutionStyle
from agentic_trading.core.events import OrderClosed, Refusal
from books_drive import KEYS, LATENCY_CANDLES, SYMBOLS, Bar, Drive, Wish

WISHES = st.builds(
    Wish,
    direction=st.sampled_from(list(Direction)),
    stop_ratio=st.sampled_from([None, 0.003, 0.01, 0.03]),
    valid_for=st.sampled_from([0, 0, 1, 4]),
    target_ratio=st.sampled_from([None, 0.002, 0.008]),
    style=st.sampled_from([None, None, *ExecutionStyle]),
)
BARS = st.builds(
    Bar,
    gap=st.sampled_from([0.0, 0.0, 0.007, -0.007]),
    body=st.sampled_from([0.0, 0.002, -0.002, 0.008, -0.008]),
    wick=st.sampled_from([0.0, 0.004]),
    volume=st.sampled_from([0.0, 5.0, 30.0, 100.0, 1_000.0]),
    filled=st.sampled_from([False] * 9 + [True]),
)


class BooksMachine(RuleBasedStateMachine):
    """Wishes, candles, funding and days in any order; then the market calms down."""

    @initialize(latency=st.sampled_from([LATENCY_CANDLES, LATENCY_CANDLES, 1, 0]))
    def begin(self, latency: int) -> None:
        """A fresh account; mostly with three candles between a decision and the venue."""
        self.drive = Drive(latency)

    @rule(key=st.sampled_from(KEYS), wish=WISHES)
    def want(self, key: tuple[str, str], wish: Wish) -> None:
        """A strategy will say at its next candle what it wants."""
        self.drive.wish(key, wish)

    @rule(bars=st.fixed_dictionaries({}, optional=dict.fromkeys(SYMBOLS, BARS)))
    def move(self, bars: dict[str, Bar]) -> None:
        """One candle of some of the symbols."""
        self.drive.candle(bars)

    @rule(bar=BARS, count=st.integers(1, 4))
    def drift(self, bar: Bar, count: int) -> None:
        """Several candles alike, so that orders arrive and are filled piece by piece."""
        for _ in range(count):
            self.drive.candle(dict.fromkeys(SYMBOLS, bar))
            self.drive.books.check()

    @rule(rate=st.sampled_from([0.0001, -0.0003, 0.0000333]))
    def fund(self, rate: float) -> None:
        """A funding stamp on the perpetual."""
        self.drive.candle({symbol: Bar() for symbol in SYMBOLS}, rate)

    @rule()
    def pass_midnight(self) -> None:
        """The day boundary."""
        self.drive.new_day()

    @rule()
    def calm_down(self) -> None:
        """Everything under way comes to its end."""
        self.drive.settle()
        self.drive.books.check_at_rest()

    @invariant()
    def books_hold(self) -> None:
        """Sums, limits, conservation, authority and identity at every step."""
        if hasattr(self, "drive"):
            self.drive.books.check()

    def teardown(self) -> None:
        if hasattr(self, "drive"):
            self.drive.settle()
            self.drive.books.check()
            self.drive.books.check_at_rest()


TestBooksMachine = BooksMachine.TestCase
TestBooksMachine.settings = settings(
    max_examples=min(40, settings().max_examples),
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
    deadline=None,
)


def long_session(seed: int, candles: int, *, styled: bool) -> Drive:
    """A seeded session in which everybody changes their mind all the time."""
    draw, drive = random.Random(seed), Drive()
    for _ in range(candles):
        for key in KEYS:
            if draw.random() < 0.12:
                stop = draw.choice([None, 0.003, 0.01, 0.03])
                wish = Wish(draw.choice(list(Direction)), stop, draw.choice([0, 0, 1, 4]))
                if styled:
                    style, target = draw.choice([None, *ExecutionStyle]), draw.choice([None, 0.002, 0.008])
                    wish = wish._replace(style=style, target_ratio=target)
                drive.wish(key, wish)
        bars = {
            symbol: Bar(
                gap=draw.choice([0.0, 0.0, draw.uniform(-0.01, 0.01)]),
                body=draw.uniform(-0.008, 0.008),
                wick=draw.uniform(0, 0.005),
                volume=draw.choice([0.0, 5.0, 30.0, 100.0, 1_000.0]),
                filled=draw.random() < 0.05,
            )
            for symbol in SYMBOLS
            if draw.random() > 0.05
        }
        drive.candle(bars, draw.uniform(-0.001, 0.001) if draw.random() < 0.1 else None)
        drive.books.check()
        if draw.random() < 0.05:
            drive.settle()
            drive.books.check_at_rest()
    drive.settle()
    drive.books.check()
    drive.books.check_at_rest()
    return drive


@pytest.mark.parametrize(
    ("first", "styled"),
    [
        (0, False),
        pytest.param(10, False, marks=pytest.mark.slow),
        pytest.param(20, True, marks=pytest.mark.slow),
        (30, True),
    ],
)
def test_long_sessions_keep_the_books(first: int, styled: bool) -> None:
    """In sessions with every kind of accident, all laws hold at every candle and at rest."""
    seen: Counter[str] = Counter()
    for seed in range(first, first + 10):
        for event in long_session(seed, 150, styled=styled).books.events:
            if isinstance(event, Refusal):
                seen[event.code] += 1
            elif isinstance(event, OrderClosed):
                seen[event.reason] += 1
                seen["taken_for_less"] += event.reason == "filled" and event.filled < event.terms.quantity
    # The accidents really happened; otherwise the laws were not tried.
    for accident in (
        "filled", "replaced", "stopped_out", "signal_changed", "reduce_only", "taken_for_less",
        "reduce_only_without_position", "replaced_order_is_done", "max_position", "max_gross_exposure",
        "short_not_possible", "expired",
        *(("target_reached", "passive_timeout", "post_only_would_take") if styled else ()),
    ):  # fmt: skip
        assert seen[accident] > 0, f"no {accident} in {dict(seen)}"
