"""Each fault that makes a backtest lie is planted, and found where it is: symbol, row, state or column."""

import datetime as dt
import functools
import itertools
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from agentic_trading.core.enums import Direction, Market, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers, ema
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import BoolArray, Candle, CandleColumns, Instrument
from agentic_trading.data.candle_builder import build
from agentic_trading.features.table import Table, build_table
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.breakout import Breakout
from agentic_trading.strategies.checking.chance import check_chance, contradictions, statement_of
from agentic_trading.strategies.checking.ground import Finding, Ground
from agentic_trading.strategies.checking.hidden_state import check_hidden_state
from agentic_trading.strategies.checking.look_ahead import check_look_ahead, check_look_back
from agentic_trading.strategies.checking.triggers import check_triggers
from agentic_trading.strategies.mean_reversion import MeanReversion
from agentic_trading.strategies.research.squeeze import Squeeze
from agentic_trading.strategies.trend_following import TrendFollowing

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
START_NS = 1_704_067_200_000_000_000
Check = Callable[[Any, Sequence[Ground]], list[Finding]]


def candles_of(symbol: str, seed: int, count: int) -> CandleColumns:
    """A random walk of 15 minute candles."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.cumprod(1.0 + 0.004 * draw.standard_normal(count))
    first = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(first, close) * (1.0 + 0.002 * draw.random(count))
    low = np.minimum(first, close) * (1.0 - 0.002 * draw.random(count))
    bars = np.array([first, high, low, close, 10.0 * draw.lognormal(size=count)])
    opens = START_NS + Timeframe.M15.ns * np.arange(count, dtype=np.int64)
    starts = np.zeros(1, dtype=np.int64)
    return CandleColumns(symbol, Timeframe.M15, opens, bars, np.zeros(count, dtype=np.bool_), starts)


def grounds_of(strategy: BaseStrategy[Any], count: int = 350, market: Market = Market.LINEAR) -> list[Ground]:
    """Two symbols with the features that the strategy asks for."""

    def table_of(base: CandleColumns) -> Table:
        built = {frame: build(base, frame) for frame in (Timeframe.M15, Timeframe.H1)}
        return build_table(built, Timeframe.M15, strategy.features())

    grounds = []
    for seed, symbol in enumerate((BTC, ETH)):
        step = Decimal("0.001")
        instrument = Instrument(
            "binance", symbol, market, symbol[:3], "USDT", Decimal("0.01"), step, step, Decimal(5)
        )
        base = candles_of(symbol, seed, count)
        grounds.append(Ground(instrument, table_of(base), base, table_of))
    return grounds


def triggers(make: Any, grounds: Sequence[Ground]) -> list[Finding]:
    return [each for ground in grounds for each in check_triggers(make, ground)[1]]


def look_ahead(make: Any, grounds: Sequence[Ground]) -> list[Finding]:
    return [each for ground in grounds for each in check_look_ahead(make, ground)]


def look_back(make: Any, grounds: Sequence[Ground]) -> list[Finding]:
    return [each for ground in grounds for each in check_look_back(make, ground)]


def chance(make: Any, grounds: Sequence[Ground]) -> list[Finding]:
    return [each for ground in grounds for each in check_chance(make, ground)]


def again(make: Any, grounds: Sequence[Ground]) -> list[Finding]:
    pairs = [(ground, statement_of(make, ground), statement_of(make, ground)) for ground in grounds]
    return [each for ground, one, two in pairs for each in contradictions(ground, one, two, "again")]


CHECKS: list[Check] = [check_hidden_state, triggers, look_ahead, look_back, chance, again]


def every(table: FeatureTable) -> BoolArray:
    return np.ones(len(table), dtype=np.bool_)


def none(table: FeatureTable) -> BoolArray:
    return np.zeros(len(table), dtype=np.bool_)


class Cross(BaseStrategy):
    """A strategy without fault, with masks as narrow as can be; the others are this one with a fault."""

    name = "cross"

    def features(self) -> list[FeatureSpec]:
        return [ema(3), ema(8), ema(3, timeframe="1h")]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        fast, slow = features["ema_3"], features["ema_8"]
        held = ctx.position.direction
        if held is Direction.FLAT:
            wanted = Signal.long if fast > slow else Signal.short
            return wanted(candle) if abs(fast - slow) < 0.002 * slow else None
        turned = fast < slow if held is Direction.LONG else fast > slow
        return Signal.flat(candle) if turned else None

    def triggers(self, table: FeatureTable) -> Triggers:
        fast, slow = table["ema_3"], table["ema_8"]
        return Triggers(np.abs(fast - slow) < 0.002 * slow, fast < slow, fast > slow)


def replaced(strategy: BaseStrategy[Any], table: FeatureTable, **masks: BoolArray) -> Triggers:
    """The sound masks but for those given."""
    return msgspec.structs.replace(Cross.triggers(strategy, table), **masks)  # type: ignore[arg-type]


# --- the sound ones ---------------------------------------------------------------------------

SOUND = [Cross(), Breakout(), MeanReversion(), TrendFollowing(), Squeeze()]


@pytest.mark.slow
@pytest.mark.parametrize("market", list(Market))
@pytest.mark.parametrize("strategy", SOUND, ids=lambda each: each.name)
def test_nothing_is_found_in_a_sound_strategy(strategy: BaseStrategy[Any], market: Market) -> None:
    """The strategies that come along pass every check, and act in every state that their side allows."""
    grounds = grounds_of(strategy, 2500, market)
    make = functools.partial(type(strategy), strategy.params)
    assert [finding for check in CHECKS for finding in check(make, grounds)] == []
    covered = check_triggers(make, grounds[0])[0]
    acted = {each.stance for each in covered if each.acted}
    sides = ["long", "short"] if market is Market.LINEAR else ["long"]
    assert {"flat"} | {f"{side} for 12 candles" for side in sides} <= acted
    assert "in a life: flat after a refusal" in {each.stance for each in covered}


# --- masks ------------------------------------------------------------------------------------


class WrongWhileLong(Cross):
    def triggers(self, table: FeatureTable) -> Triggers:
        return replaced(self, table, exit=none(table))


class WrongWhileShort(Cross):
    def triggers(self, table: FeatureTable) -> Triggers:
        return replaced(self, table, exit_short=table["ema_3"] > 1.001 * table["ema_8"])


class SidesSwapped(Cross):
    def triggers(self, table: FeatureTable) -> Triggers:
        sound = Cross.triggers(self, table)
        assert sound.exit_short is not None
        return Triggers(sound.entry, sound.exit_short, sound.exit)


class WrongOnOneSymbol(Cross):
    def triggers(self, table: FeatureTable) -> Triggers:
        sound = Cross.triggers(self, table)
        return replaced(self, table, entry=sound.entry & (getattr(table, "symbol", "") != ETH))


class Asked(msgspec.Struct):
    entries: int = 0


class WrongAfterARefusal(Cross):
    """Says its wish once; when it is still flat afterwards it leaves in a hurry, which no mask covers."""

    Memory = Asked

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        if ctx.position.direction is not Direction.FLAT or ctx.working:
            return Cross.on_candle(self, ctx, candle, features)
        if ctx.memory.entries == 0:
            wish = Cross.on_candle(self, ctx, candle, features)
            ctx.memory.entries = int(wish is not None)
            return wish
        far = abs(features["ema_3"] - features["ema_8"]) > 0.01 * candle.close
        return Signal.long(candle) if far else None


class WrongAfterAStop(Cross):
    """Remembers that it was in, and comes back on a row that only matters to who was stopped out."""

    Memory = Asked

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        answer = Cross.on_candle(self, ctx, candle, features)
        if ctx.position.direction is Direction.FLAT and ctx.memory.entries > 0 and answer is None:
            ctx.memory.entries = 0
            return Signal.short(candle)
        if answer is not None and answer.direction is Direction.LONG:
            ctx.memory.entries = 1
            return Signal.long(candle, stop=0.995 * candle.close)
        return answer


class RemembersItsCalls(Cross):
    Memory = Asked

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        ctx.memory.entries += 1
        return Cross.on_candle(self, ctx, candle, features) if ctx.memory.entries % 3 == 0 else None


class TrailsItsStop(Cross):
    """Moves its stop on rows that the exit mask leaves out."""

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        if ctx.position.direction is Direction.LONG and features["ema_3"] > features["ema_8"]:
            return Signal.long(candle, stop=0.99 * features["ema_8"])
        return Cross.on_candle(self, ctx, candle, features)


class Raises(Cross):
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        if ctx.working:
            raise RuntimeError("never thought of that")
        return Cross.on_candle(self, ctx, candle, features)


def states(findings: Sequence[Finding]) -> set[str]:
    return {each.where for each in findings}


def named_rows(findings: Sequence[Finding], grounds: Sequence[Ground]) -> bool:
    """Whether every finding names a row of its symbol's table."""
    closes = {ground.symbol: set(ground.table.candles.close_ns.tolist()) for ground in grounds}
    return all(each.at_ns in closes[each.symbol] for each in findings)


@pytest.mark.parametrize(
    ("faulty", "word", "symbols"),
    [
        (WrongWhileLong, "long", {BTC, ETH}),
        (TrailsItsStop, "long", {BTC, ETH}),
        (WrongWhileShort, "short", {BTC, ETH}),
        (WrongOnOneSymbol, "flat", {ETH}),
        (Raises, "working", {BTC, ETH}),
    ],
)
def test_masks_wrong_in_one_state_are_found_there_and_nowhere_else(
    faulty: type[Cross], word: str, symbols: set[str]
) -> None:
    """A row that the masks leave out is named with symbol, time and state, in that state alone."""
    grounds = grounds_of(faulty())
    findings = triggers(faulty, grounds)
    assert {each.symbol for each in findings} == symbols
    assert named_rows(findings, grounds)
    assert all(word in state or "under way" in state for state in states(findings)), states(findings)
    fixed = {state for state in states(findings) if "in a life" not in state}
    assert fixed, "the fixed stances show it"


def test_masks_of_the_wrong_side_are_found_on_both() -> None:
    """`exit` is for a long position and `exit_short` for a short one, not the other way round."""
    found = states(triggers(SidesSwapped, grounds_of(SidesSwapped())))
    assert {"long for 12 candles", "short for 12 candles"} <= found
    assert "flat" not in found


@pytest.mark.parametrize(
    ("faulty", "state"),
    [
        (WrongAfterARefusal, "in a life: flat after a refusal"),
        (WrongAfterAStop, "in a life: flat after a stop"),
    ],
)
def test_masks_wrong_only_after_something_happened_are_found(faulty: type[Cross], state: str) -> None:
    """What a strategy does only after a refused wish, or after its stop was hit, is asked for too."""
    grounds = grounds_of(faulty(), 1500)
    findings = triggers(faulty, grounds)
    assert state in states(findings)
    assert named_rows(findings, grounds)
    assert "in a life: flat after the start" not in states(findings)


def test_memory_that_depends_on_which_rows_were_called_is_found() -> None:
    """Memory may change on rows of the masks only: the other rows are not always called."""
    findings = triggers(RemembersItsCalls, grounds_of(RemembersItsCalls()))
    assert {"flat", "long for 1 candles", "short for 1 candles"} <= states(findings)


@pytest.mark.parametrize("column", ["entry", "exit", "exit_short"])
def test_a_mask_of_another_shape_is_named(column: str) -> None:
    """Each mask has a boolean per row; the column that has not is named."""

    class Short(Cross):
        def triggers(self, table: FeatureTable) -> Triggers:
            return replaced(self, table, **{column: every(table)[1:]})

    findings = triggers(Short, grounds_of(Short()))
    assert states(findings) == {f"column triggers.{column}"}


def test_data_that_never_warms_up_is_no_proof() -> None:
    """A check that could ask nothing says so instead of passing."""
    findings = triggers(Cross, grounds_of(Cross(), 20))
    assert all("too short" in each.what for each in findings)
    assert len(findings) == 2


# --- hidden state -----------------------------------------------------------------------------


class OnItself(Cross):
    """Gets around the frozen object, and does not even act on what it counts."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.calls = 0

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        object.__setattr__(self, "calls", self.calls + 1)
        return Cross.on_candle(self, ctx, candle, features)


class InADefault(Cross):
    def on_candle(  # type: ignore[override]
        self,
        ctx: TradingContext,
        candle: Candle,
        features: FeatureVector,
        seen: list[int] = [],  # noqa: B006
    ) -> Signal | None:
        seen.append(candle.close_ns)
        return Cross.on_candle(self, ctx, candle, features)


def counting(method: Any) -> Any:
    calls = 0

    @functools.wraps(method)
    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return method(*arguments)

    return counted


class InAClosure(Cross):
    on_candle = counting(Cross.on_candle)


CALLS = {"on_candle": 0}


def count_call() -> None:
    CALLS["on_candle"] += 1


class InAGlobal(Cross):
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        count_call()
        return Cross.on_candle(self, ctx, candle, features)


class OnItsClass(Cross):
    calls = 0

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        type(self).calls += 1
        return Cross.on_candle(self, ctx, candle, features)


class Within:
    def __init__(self) -> None:
        self.count = 0


class WithinAnObject(Cross):
    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.kept = (Within(), deque[int](maxlen=3), np.zeros(2))

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        self.kept[2][0] = candle.close
        return Cross.on_candle(self, ctx, candle, features)


class OnAFunction(Cross):
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        note.calls = getattr(note, "calls", 0) + 1  # type: ignore[attr-defined]
        return Cross.on_candle(self, ctx, candle, features)


def note() -> None: ...


TURNS = itertools.cycle((True, True, True, False))


class InAnIterator(Cross):
    """What cannot be looked into shows in the answers."""

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        return Cross.on_candle(self, ctx, candle, features) if next(TURNS) else None


class KeepsWhatNeverChanges(Cross):
    """A value computed once is nobody's state."""

    @functools.cached_property
    def fast(self) -> str:
        return "ema_3"

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        assert features[self.fast] > 0
        return Cross.on_candle(self, ctx, candle, features)


@pytest.mark.parametrize(
    ("faulty", "place"),
    [
        (OnItself, "self.calls"),
        (InADefault, "the defaults of InADefault.on_candle"),
        (InAClosure, "calls around Cross.on_candle"),
        (InAGlobal, "global CALLS"),
        (OnItsClass, "OnItsClass.calls"),
        (WithinAnObject, "self.kept"),
        (OnAFunction, "attributes of note"),
        (InAnIterator, "asked about other rows before"),
    ],
)
def test_a_counter_outside_the_memory_is_found(faulty: type[Cross], place: str) -> None:
    """Wherever a strategy keeps something, it is named, with row and state, whether it matters yet or not."""
    grounds = grounds_of(faulty())
    findings = check_hidden_state(faulty, grounds)
    assert any(place in each.what for each in findings), findings
    assert named_rows(findings, grounds)


def test_a_value_computed_once_is_let_pass() -> None:
    """A cached property is not hidden state."""
    assert check_hidden_state(KeepsWhatNeverChanges, grounds_of(KeepsWhatNeverChanges())) == []


# --- look-ahead -------------------------------------------------------------------------------


def centred(table: FeatureTable) -> BoolArray:
    """Whether the close is above the mean of the three closes around it."""
    close = table["close"]
    following = np.append(close[1:], close[-1:])
    before = np.append(close[:1], close[:-1])
    return close * 3.0 > before + close + following


def scaled(table: FeatureTable) -> BoolArray:
    """Whether the close is above the mean of the whole sample."""
    return table["close"] > table["close"].mean()


def not_closed(table: FeatureTable) -> BoolArray:
    """Whether the close is above that of the hour it belongs to."""
    close = table["close"]
    last = np.minimum(np.arange(len(close)) // 4 * 4 + 3, len(close) - 1)
    return close > close[last]


KEPT: dict[str, BoolArray] = {}


def ahead(seen: Callable[[FeatureTable], BoolArray], *, answers: bool) -> type[Cross]:
    """A strategy that asks ``seen`` as well: in its entry mask, or in its answers, of a table it kept."""

    class Ahead(Cross):
        def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
            answer = Cross.on_candle(self, ctx, candle, features)
            row = (candle.open_ns - START_NS) // candle.timeframe.ns
            return answer if not answers or KEPT[candle.symbol][row] else None

        def triggers(self, table: FeatureTable) -> Triggers:
            sound = Cross.triggers(self, table)
            if answers:
                KEPT[table.symbol] = seen(table)  # type: ignore[attr-defined]
                return sound
            return replaced(self, table, entry=sound.entry & seen(table))

    return Ahead


@pytest.mark.parametrize("seen", [centred, scaled, not_closed])
def test_a_mask_that_sees_the_future_is_found(seen: Callable[[FeatureTable], BoolArray]) -> None:
    """A centred window, scaling by the whole sample, an hour read before its close: the column is named."""
    faulty = ahead(seen, answers=False)
    grounds = grounds_of(faulty())
    findings = look_ahead(faulty, grounds)
    assert [(each.symbol, each.where) for each in findings] == [
        (BTC, "column triggers.entry"), (ETH, "column triggers.entry"),
    ]  # fmt: skip
    assert named_rows(findings, grounds)


@pytest.mark.parametrize("seen", [centred, scaled, not_closed])
def test_an_answer_that_sees_the_future_is_found(seen: Callable[[FeatureTable], BoolArray]) -> None:
    """The same faults in the answers: row and state are named."""
    faulty = ahead(seen, answers=True)
    grounds = grounds_of(faulty())
    findings = look_ahead(faulty, grounds)
    assert [each.symbol for each in findings] == [BTC, ETH]
    assert named_rows(findings, grounds)
    assert not any(each.where.startswith("column") for each in findings)


class WantsMoreThanItsWarmUp(Cross):
    """Its features are warm after 160 candles; it asks for more of the past than that."""

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        past = ctx.history(1000)
        highest = max(each.high for each in past)
        return Signal.flat(candle, reasons={"highest": highest, "seen": float(len(past))})


def test_an_answer_that_depends_on_where_the_data_begins_is_found() -> None:
    """More history than the declared warm-up is another answer after a restart: row and state are named."""
    grounds = grounds_of(WantsMoreThanItsWarmUp())
    findings = look_back(WantsMoreThanItsWarmUp, grounds)
    assert [(each.check, each.symbol, each.where) for each in findings] == [
        ("warm-up", BTC, "flat"), ("warm-up", ETH, "flat"),
    ]  # fmt: skip
    assert named_rows(findings, grounds)


# --- chance -----------------------------------------------------------------------------------

LOG = logging.getLogger("planted")


def drawing(draw: Callable[[], Any]) -> type[Cross]:
    """A strategy that draws on some rows and makes nothing of it."""

    class Draws(Cross):
        def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
            if ctx.position.direction is Direction.SHORT and features["ema_3"] > features["ema_8"]:
                draw()
            return Cross.on_candle(self, ctx, candle, features)

    return Draws


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (random.random, "random"),
        pytest.param(lambda: random.choice("ab"), "getrandbits", marks=pytest.mark.slow),
        (np.random.random, "numpy.random"),
        pytest.param(np.random.default_rng, "urandom", marks=pytest.mark.slow),
        (time.time, "time.time"),
        pytest.param(time.perf_counter_ns, "time.perf_counter_ns", marks=pytest.mark.slow),
        (lambda: dt.datetime.now(tz=dt.UTC), "datetime.now"),
    ],
)
def test_a_look_at_clock_or_chance_is_found(draw: Callable[[], Any], name: str) -> None:
    """A call that could come out otherwise is named with row and state, even if nothing depends on it yet."""
    faulty = drawing(draw)
    grounds = grounds_of(faulty())
    findings = chance(faulty, grounds)
    assert {each.symbol for each in findings if name in each.what} == {BTC, ETH}, findings
    assert {each.where for each in findings} == {"short for 12 candles"}
    assert named_rows(findings, grounds)


def test_a_log_line_is_no_chance() -> None:
    """A log line carries its time, and nobody decides on it."""
    faulty = drawing(lambda: LOG.error("here"))
    assert chance(faulty, grounds_of(faulty())) == []


class FlipsACoin(Cross):
    """Draws with a generator of its own, in its answers and in its masks."""

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        return Signal.flat(candle, reasons={"coin": np.random.default_rng().random()})

    def triggers(self, table: FeatureTable) -> Triggers:
        return replaced(self, table, exit_short=np.random.default_rng().random(len(table)) > 0.5)


def test_answers_that_differ_when_asked_again_are_found() -> None:
    """The first mask and the first answer that come out otherwise are named."""
    grounds = grounds_of(FlipsACoin())[:1]
    findings = again(FlipsACoin, grounds)
    assert [each.where for each in findings] == ["column triggers.exit_short", "flat"]
    assert named_rows(findings, grounds)
