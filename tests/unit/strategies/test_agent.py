"""The strategy agent: asks, checks the answer, drops what is no news, stamps what is."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from agentic_trading.core.enums import Direction, ExecutionStyle, Market, Regime, Timeframe
from agentic_trading.core.events import Event, FeatureVector, GapFound, MemoryChanged, Signal
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.strategies.agent import StrategyAgent, StrategyFailed
from agentic_trading.strategies.context import Context, Desk

SYMBOL = "BTC/USDT:USDT"
AT_NS = 1_704_067_200_000_000_000
CANDLE = Candle(SYMBOL, Timeframe.M15, AT_NS - Timeframe.M15.ns, AT_NS, 99.0, 101.0, 98.0, 100.0, 5.0)
STEP = Decimal("0.001")
INSTRUMENT = Instrument(
    "binance", SYMBOL, Market.LINEAR, "BTC", "USDT", Decimal("0.1"), STEP, STEP, Decimal(5)
)
Answer = Callable[[TradingContext, Candle, FeatureVector], Any]


POSTED = (("0", "0"), ("2", "200"), ("2", "220"), ("4", "220"), ("-1", "-30"), ("0", "0"))
"""Quantities and costs of a sub-book, one after the other."""


class Counter(msgspec.Struct):
    """What a strategy under test remembers."""

    calls: int = 0


def vector(**changes: Any) -> FeatureVector:
    fields: dict[str, Any] = {
        "symbol": SYMBOL, "timeframe": Timeframe.M15, "at_ns": AT_NS, "candle": CANDLE,
        "columns": {"ema_12": 0, "vol": 1}, "values": (100.5, 0.02), "regime": Regime.TRENDING,
        "posterior": (1.0, 0.0, 0.0),
    }  # fmt: skip
    return FeatureVector(**(fields | changes))


def make_agent(
    answer: Answer, *, news: bool = True, memory: Any = None, **options: Any
) -> tuple[StrategyAgent, list[Signal]]:
    """An agent around one function; the list receives what was asked to be news."""
    asked: list[Signal] = []

    def changes(strategy: str, signal: Signal) -> bool:
        asked.append(signal)
        return news

    none: Any = None
    context = Context(
        Desk(SimpleNamespace(now_ns=AT_NS), none, none, none, none, none), "ema", INSTRUMENT, Timeframe.M15,
        memory,
    )  # fmt: skip
    strategy: Any = SimpleNamespace(on_candle=answer)
    view: Any = SimpleNamespace(changes=changes)
    agent = StrategyAgent("ema", strategy, Timeframe.M15, {SYMBOL: context}, view, IdSequence(), **options)
    return agent, asked


def react(answer: Answer, event: FeatureVector | GapFound | None = None, **options: Any) -> list[Event]:
    return list(make_agent(answer, **options)[0].react(event or vector()))


def long(ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal:
    return Signal.long(candle, stop=95.0, reasons={"ema": features["ema_12"]})


def test_a_signal_is_stamped() -> None:
    """Id, strategy, time, price and regime are the platform's; the rest is the strategy's."""
    assert react(long) == [
        Signal(
            "ema", SYMBOL, Direction.LONG, stop=95.0, reasons={"ema": 100.5}, id="signal-1", at_ns=AT_NS,
            price=100.0, regime=Regime.TRENDING,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((105, np.float64(110.0)), (105.0, 110.0)),
        (((105.0, 0.1), (106.0, 0.2), (107.0, Decimal("0.7"))), ((105.0, 0.1), (106.0, 0.2), (107.0, 0.7))),
        ([[105.0, 1]], ((105.0, 1.0),)),
    ],
)
def test_targets_are_stamped_as_plain_numbers(given: Any, said: Any) -> None:
    """Prices, or prices with shares up to the exact whole, are recorded as floats in tuples."""
    (signal,) = react(replace(targets=given, style="twap"))
    assert isinstance(signal, Signal)
    assert signal.targets == said
    assert signal.style is ExecutionStyle.TWAP


def test_what_is_no_news_is_dropped() -> None:
    """A signal that changes nothing leaves no event and uses no id."""
    agent, asked = make_agent(long, news=False)
    assert list(agent.react(vector())) == []
    assert [signal.direction for signal in asked] == [Direction.LONG]
    assert asked[0].id == ""


def test_volatility_is_stamped_per_year() -> None:
    """The feature that sizing wants is annualised by the square root of the candles in 365 days."""
    (signal,) = react(long, volatility="vol")
    assert isinstance(signal, Signal)
    assert signal.volatility == pytest.approx(0.02 * (365 * 96) ** 0.5)


def test_unknown_volatility_is_none() -> None:
    """A volatility that is not a number yet is stamped as None, which the record can say."""
    (signal,) = react(long, vector(values=(100.5, float("nan"))), volatility="vol")
    assert isinstance(signal, Signal)
    assert signal.volatility is None


@pytest.mark.parametrize(
    "event",
    [vector(symbol="ETH/USDT"), vector(timeframe=Timeframe.H1)],
    ids=["another symbol", "another timeframe"],
)
def test_only_its_own_candles_are_shown(event: FeatureVector) -> None:
    """A strategy is asked about its own symbols, at closes of its own first timeframe, and no others."""
    agent, asked = make_agent(long)
    assert list(agent.react(event)) == []
    assert asked == []


def test_the_position_is_that_of_the_moment() -> None:
    """``ctx.position`` follows the sub-book at every reading: quantity, average price, and flat again."""
    books = [SimpleNamespace(quantity=Decimal(q), cost=Decimal(c)) for q, c in POSTED]
    held = iter([book for book in books for _ in range(2)])
    none: Any = None
    settled: Any = SimpleNamespace(position=lambda strategy, symbol: next(held))
    desk = Desk(none, settled, none, none, none, none)
    context = Context(desk, "ema", INSTRUMENT, Timeframe.M15, None)
    read = [context.position for _ in range(2 * len(POSTED))]
    expected = [(0, 0), (2, 100), (2, 110), (4, 55), (-1, 30), (0, 0)]
    assert [(each.quantity, each.average_price) for each in read[::2]] == expected
    assert read[::2] == read[1::2]


def test_no_answer_is_no_signal() -> None:
    """None leaves everything as it is."""
    agent, asked = make_agent(lambda ctx, candle, features: None)
    assert list(agent.react(vector())) == []
    assert asked == []


def test_the_regime_of_the_row_is_what_the_strategy_sees() -> None:
    """``ctx.regime`` is that of the feature row at hand, before the strategy is asked."""
    seen: list[Any] = []
    react(lambda ctx, candle, features: seen.append((ctx.regime.state, ctx.regime.posterior)))
    assert seen == [(Regime.TRENDING, (1.0, 0.0, 0.0))]


def replace(**fields: Any) -> Answer:
    return lambda ctx, candle, features: msgspec.structs.replace(Signal.long(candle), **fields)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda ctx, candle, features: "buy", "str instead of a Signal or None"),
        (lambda ctx, candle, features: True, "bool instead of a Signal or None"),
        (replace(symbol="ETH/USDT"), "a signal for ETH/USDT, but was asked about BTC/USDT:USDT"),
        (replace(direction="long"), "direction 'long', which is not a Direction"),
        (replace(strength=1.01), "strength 1.01, which is not within 0..1"),
        (replace(strength=-0.1), "strength -0.1, which is not within 0..1"),
        (replace(strength=float("nan")), "strength nan, which is not within 0..1"),
        (replace(strength="1"), "strength '1', which is not within 0..1"),
        (replace(targets=105.0), "targets 105.0, which are not a tuple"),
        (replace(targets=(105.0, float("nan"))), "the target nan, which is not a price"),
        (replace(targets=(0.0,)), "the target 0.0, which is not a price"),
        (replace(targets=("105",)), "the target '105', which is not a price"),
        (replace(targets=((105.0, 0.5, 1),)), "the target (105.0, 0.5, 1), which is not a price"),
        (replace(targets=((105.0, 0.0),)), "the target share 0.0, which is not within 0..1"),
        (replace(targets=((105.0, 1.5),)), "the target share 1.5, which is not within 0..1"),
        (
            replace(targets=((105.0, 0.5), 110.0)),
            "targets ((105.0, 0.5), 110.0): give a share with each or with none",
        ),
        (replace(targets=((105.0, 0.6), (110.0, 0.5))), "target shares that make 1.1, more than the whole"),
        (replace(style="limit"), "style 'limit', which is not one of market, passive, twap"),
        (replace(stop=0.0), "stop 0.0, which is not a price"),
        (replace(stop=float("nan")), "stop nan, which is not a price"),
        (replace(stop=float("inf")), "stop inf, which is not a price"),
        (replace(stop="95"), "stop '95', which is not a price"),
        (replace(valid_for=-1), "valid_for -1, which is not a number of candles"),
        (replace(valid_for=1.5), "valid_for 1.5, which is not a number of candles"),
        (replace(reasons={"why": "up"}), "the reason 'why': 'up', which is not a number with a name"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(answer: Answer, said: str) -> None:
    """An answer that cannot be meant ends the run, naming strategy, symbol, moment and what was wrong."""
    with pytest.raises(StrategyFailed) as failure:
        react(answer)
    assert str(failure.value) == f"strategy ema on {SYMBOL} at 2024-01-01 00:00:00 answered {said}"


def test_numbers_from_arrays_become_plain_numbers() -> None:
    """What numpy and Decimal give as numbers is taken and can be recorded as JSON; NaN becomes null."""
    (signal,) = react(
        replace(
            strength=np.float64(0.5), stop=Decimal(95),
            reasons={"a": np.float32(0.5), "b": np.bool_(True), "c": np.int64(3), "d": float("nan")},
        )
    )  # fmt: skip
    assert isinstance(signal, Signal)
    assert (signal.strength, signal.stop) == (0.5, 95.0)
    assert signal.reasons == {"a": 0.5, "b": 1.0, "c": 3.0, "d": None}
    assert msgspec.json.decode(msgspec.json.encode(signal), type=Signal) == signal


def test_a_failure_names_the_line_in_the_strategys_file() -> None:
    """An exception is reported with strategy, symbol, moment, what it was, and the strategy's own line."""

    def broken(ctx: TradingContext, candle: Candle, features: FeatureVector) -> None:
        features["rsi_14"]

    with pytest.raises(StrategyFailed) as failure:
        react(broken)
    line = broken.__code__.co_firstlineno + 1
    assert str(failure.value) == (
        f"strategy ema failed on {SYMBOL} at 2024-01-01 00:00:00: KeyError: feature 'rsi_14' was not "
        f"declared; declared are: ema_12, vol ({__file__}:{line})"
    )
    assert isinstance(failure.value.__cause__, KeyError)


def test_a_strategy_that_cannot_be_called_is_named_too() -> None:
    """A strategy whose function takes other arguments fails as the strategy's mistake, not as a crash."""
    wrong: Any = lambda candle: None  # noqa: E731
    with pytest.raises(StrategyFailed, match=r"strategy ema failed .* TypeError"):
        react(wrong)


def test_changes_of_memory_are_recorded_before_the_signal() -> None:
    """What a strategy newly remembers is an event, with all fields, ahead of the signal it led to."""

    def count(ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal:
        ctx.memory.calls += 1
        return Signal.long(candle)

    changed, signal = react(count, memory=Counter())
    assert changed == MemoryChanged(AT_NS, "ema", SYMBOL, {"calls": 1})
    assert isinstance(signal, Signal)


def test_unchanged_memory_is_not_recorded() -> None:
    """Writing the same value again, or not at all, is no event."""

    def rewrite(ctx: TradingContext, candle: Candle, features: FeatureVector) -> None:
        ctx.memory.calls = 0

    assert react(rewrite, memory=Counter()) == []


def test_a_gap_closes_only_where_that_is_the_policy() -> None:
    """After a gap a strategy with ``on_gap = "close"`` wants to be flat, if that is news; others wait."""
    gap = GapFound(AT_NS, SYMBOL, 7)
    flat = Signal("ema", SYMBOL, Direction.FLAT, reasons={"missing_candles": 7.0}, id="signal-1", at_ns=AT_NS)
    assert react(long, gap, close_on_gap=True) == [flat]
    assert react(long, gap, close_on_gap=True, news=False) == []
    assert react(long, gap) == []
