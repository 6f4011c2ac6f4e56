"""Jumping to the next row that matters decides, books and marks as looking at every row does, bit by bit."""

from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agentic_trading.core.enums import DAY_NS, Timeframe
from agentic_trading.core.events import (
    FeatureVector,
    Fill,
    OrderCanceled,
    OrderClosed,
    OrderRejected,
    Proposal,
    Refusal,
    Signal,
    TradingStateSet,
    stop_id_of,
)
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from random_runs import Outcome, assert_same_run, random_case
from wanderer import Wanderer

SEEDS = (*range(24), 5060, 5061)
"""In the last two a stop is touched while there is no volume for it, and executes candles later."""


@cache
def both_ways(seed: int) -> tuple[Outcome, Outcome]:
    """The run of a seed from event to event, and row by row."""
    case = random_case(seed)
    with case.loaded() as (inputs, chosen):
        return case.run(inputs, chosen, "auto"), case.run(inputs, chosen, "bus")


def assert_one_run(seed: int) -> None:
    assert_same_run(*both_ways(seed), f"seed {seed}")


@pytest.mark.property
@pytest.mark.parametrize("seed", SEEDS)
def test_the_next_event_is_every_row(seed: int) -> None:
    """Same records, same equity rows, same end, whatever the market, the strategies and the settings."""
    assert_one_run(seed)


@pytest.mark.property
@pytest.mark.slow
@settings(max_examples=150, phases=(Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(1_000, 2**32 - 1))
def test_the_next_event_is_every_row_anywhere(seed: int) -> None:
    """The same for cases that nobody has chosen."""
    both_ways.cache_clear()  # every case is another one
    assert_one_run(seed)


@pytest.mark.property
def test_sparse_triggers_spare_rows() -> None:
    """Where strategies say on which few rows they could act, most rows are not looked at."""
    looked_at = rows = 0
    for seed in SEEDS:
        if random_case(seed).sparse:
            auto, every = both_ways(seed)
            assert auto.looked_at < every.looked_at, f"seed {seed}"
            looked_at, rows = looked_at + auto.looked_at, rows + every.looked_at
    assert rows > 2_000
    assert looked_at < rows / 3


@pytest.mark.property
def test_who_could_not_act_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """From event to event no strategy that says its rows is called on another row; row by row it is."""
    could: list[bool] = []
    answer = Wanderer.on_candle

    def noted(self: Wanderer, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        if self.params.says:
            could.append(bool(self.could_act(candle.close)))
        return answer(self, ctx, candle, features)

    monkeypatch.setattr(Wanderer, "on_candle", noted)
    asked = dict.fromkeys(("auto", "every"), 0)
    for seed in SEEDS[:6]:
        case = random_case(seed)
        with case.loaded() as (inputs, chosen):
            for step in asked:
                could.clear()
                case.run(inputs, chosen, step)
                asked[step] += len(could)
                assert step == "every" or all(could), f"seed {seed}"
    assert 100 < asked["auto"] < asked["every"] / 2


@pytest.mark.property
def test_an_instant_may_concern_the_venue_alone() -> None:
    """In some instants the venue has something to say and no candle is looked at; row by row in none."""
    spared = [auto.unseen_reports for auto, _ in map(both_ways, SEEDS)]
    assert sum(spared) > 50
    assert sum(count > 0 for count in spared) > 5
    assert all(every.unseen_reports == 0 for _, every in map(both_ways, SEEDS))


@pytest.mark.property
def test_everything_happens_in_these_runs() -> None:
    """The chosen seeds are ones in which the law can fail: each thing that must wake a replay occurs."""
    cases = [random_case(seed) for seed in SEEDS]
    assert {case.place.base for case in cases} == {Timeframe.M1, Timeframe.M15, Timeframe.H1}
    assert {case.latency_ns // case.place.base.ns for case in cases} >= {0, 1, 3, 7}
    outcomes = [both_ways(seed)[0] for seed in SEEDS]
    events = [event for outcome in outcomes for event in outcome.events]
    reasons = {event.reason for event in events if isinstance(event, OrderCanceled | OrderClosed | Proposal)}
    assert reasons >= {"entry", "stop", "signal", "exit_again", "expired", "replaced", "stopped_out"}
    codes = {event.code for event in events if isinstance(event, Refusal)}
    assert codes >= {"max_drawdown", "max_daily_loss", "stop_on_wrong_side", "max_position"}
    told = [event.reason for event in events if isinstance(event, TradingStateSet)]
    assert {"max_drawdown", "max_daily_loss", "max_daily_loss released"} <= set(told)
    midnights = [event.at_ns % DAY_NS for event in events if isinstance(event, TradingStateSet)]
    assert 0 in midnights  # released as a day begins
    stops = {stop_id_of(event.order_id) for event in events if isinstance(event, Fill)}
    assert any(event.order_id in stops for event in events if isinstance(event, Fill))
    kinds = sum((outcome.kinds for outcome in outcomes), start=type(outcomes[0].kinds)())
    assert {"Funding", "Liquidated", "SignalGated", "OrderRejected", "MemoryChanged"} <= set(kinds)
    assert {"OrderAmended", "AmendRejected"} <= set(kinds)
    assert reasons >= {"target_reached", "passive_timeout"}
    assert any(event.order_id.startswith("trailing") for event in events if isinstance(event, Fill))
    assert "post_only_would_take" in {event.reason for event in events if isinstance(event, OrderRejected)}
    assert any(outcome.bankrupt and outcome.looked_at < outcome.rows for outcome in outcomes)
