"""An order that goes straight through becomes, bit for bit, what the bus and its agents make of it."""

from functools import cache

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agentic_trading.core.enums import Side
from agentic_trading.core.events import (
    FeatureVector,
    Fill,
    OrderClosed,
    OrderTerms,
    Proposal,
    Refusal,
    Signal,
    SignalGated,
    TradingStateSet,
)
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.core.money import CENT_OF_ASSET
from agentic_trading.simulation.matching.at_once import AtOnce, Quote
from agentic_trading.straight import carrying, kernel
from agentic_trading.straight.through import Diverged
from agentic_trading.strategies.agent import StrategyFailed
from random_runs import Outcome, assert_same_run
from straight_runs import Rover, straight_case

SEEDS = (*range(12), 14, 17, 27, 38, 40)
"""In the last all orders are plain, in the one before nearly all."""
WAYS = ("auto", "every")


@cache
def all_ways(seed: int) -> dict[str, Outcome]:
    """The run of a seed with plain orders straight through, and with all of them through the bus."""
    case = straight_case(seed)
    with case.loaded() as (inputs, chosen):
        return {step: case.run(inputs, chosen, step) for step in (*WAYS, "bus")}


def assert_one_run(seed: int) -> None:
    ways = all_ways(seed)
    bus = ways["bus"]
    for step in WAYS:
        assert_same_run(ways[step], bus, f"seed {seed}, {step}")
    assert ways["every"].looked_at == bus.rows
    assert bus.straight == 0


@pytest.mark.property
@pytest.mark.parametrize("seed", SEEDS)
def test_straight_through_is_through_the_bus(seed: int) -> None:
    """Same records, equity rows and books at both ends, whatever comes between plain orders."""
    assert_one_run(seed)


@pytest.mark.property
@pytest.mark.slow
@settings(max_examples=150, phases=(Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(1_000, 2**32 - 1))
def test_straight_through_is_through_the_bus_anywhere(seed: int) -> None:
    """The same for cases that nobody has chosen."""
    all_ways.cache_clear()  # every case is another one
    assert_one_run(seed)


@pytest.mark.property
def test_the_runs_change_between_both_ways() -> None:
    """In the chosen cases orders go both ways within one run, and whatever ends a straight stretch occurs."""
    outcomes = [all_ways(seed)["auto"] for seed in SEEDS]
    orders = [outcome.kinds["OrderIntent"] for outcome in outcomes]
    assert sum(0 < outcome.straight < count for outcome, count in zip(outcomes, orders, strict=True)) > 4
    assert sum(0 < outcome.straight == count for outcome, count in zip(outcomes, orders, strict=True)) > 0
    assert sum(outcome.straight for outcome in outcomes) > 300
    kinds = {type(event) for outcome in outcomes for event in outcome.events}
    assert kinds >= {Signal, Proposal, Refusal, SignalGated, Fill, OrderClosed, TradingStateSet}


@pytest.mark.property
@pytest.mark.parametrize("fault", ["price", "time", "marks"])
def test_a_fault_in_the_short_way_shows(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison fails for a fill of another price or time, and for marks of another position."""
    give = AtOnce.quote

    def wrong(self: AtOnce, side: Side, sent_ns: int, candle: Candle) -> Quote | None:
        quote = give(self, side, sent_ns + (fault == "time"), candle)
        if quote is None or fault != "price":
            return quote
        return msgspec.structs.replace(quote, price=quote.price + self._rules.tick)

    seed = 38 if fault == "time" else 40
    case, bus = straight_case(seed), all_ways(seed)["bus"]
    monkeypatch.setattr(AtOnce, "quote", wrong)
    if fault == "marks":
        settle = kernel._settle
        monkeypatch.setattr(kernel, "_settle", lambda held, *args: settle(held.copy(), *args))
        monkeypatch.setattr(carrying, "carry", kernel.carry.py_func)  # type: ignore[attr-defined]
    with case.loaded() as (inputs, chosen):
        assert case.run(inputs, chosen, "auto").fingerprint != bus.fingerprint


@pytest.mark.property
def test_cash_that_was_carried_must_be_in_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends with an error as soon as whole numbers and exact books come to different cash."""
    book = AtOnce.book

    def dearer(self: AtOnce, order_id: str, terms: OrderTerms, quote: Quote) -> Fill:
        fill = book(self, order_id, terms, quote)
        return msgspec.structs.replace(fill, fee=fill.fee + CENT_OF_ASSET)

    monkeypatch.setattr(AtOnce, "book", dearer)
    case = straight_case(40)
    with case.loaded() as (inputs, chosen), pytest.raises(Diverged, match="cash after row"):
        case.run(inputs, chosen, "auto")


@pytest.mark.property
@pytest.mark.parametrize("seed", [4, 6, 17, 40])
def test_a_strategy_fails_alike_on_both_ways(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a strategy raises, or says that makes no sense, ends the run with the same words."""
    case, answer = straight_case(seed), Rover.on_candle
    times = [event.at_ns for event in all_ways(seed)["bus"].events if isinstance(event, Signal)]
    last_ns = times[len(times) // 2]

    def failing(self: Rover, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        if candle.close_ns >= last_ns:
            raise ZeroDivisionError(f"at {ctx.now_ns}")
        return answer(self, ctx, candle, features)

    monkeypatch.setattr(Rover, "on_candle", failing)
    said = []
    with case.loaded() as (inputs, chosen):
        for step in (*WAYS, "bus"):
            with pytest.raises(StrategyFailed) as raised:
                case.run(inputs, chosen, step)
            said.append(str(raised.value))
    assert f"at {last_ns}" in said[-1]
    assert said == said[-1:] * len(said)


@pytest.mark.property
def test_every_row_goes_as_straight_as_the_next_event() -> None:
    """Where no strategy asks for a bracket, looking at more rows sends no order another way."""
    bare = [seed for seed in SEEDS if not _has_brackets(seed)]
    assert len(bare) > 3
    assert all(all_ways(seed)["auto"].straight == all_ways(seed)["every"].straight for seed in bare)


def _has_brackets(seed: int) -> bool:
    return any(strategy.params.extra_share for strategy in straight_case(seed).strategies.values())
