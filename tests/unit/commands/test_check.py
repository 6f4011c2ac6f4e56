"""`check` finds what is wrong with a strategy, says where, and finds nothing in those that come along."""

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agentic_trading.commands.check import Checked, check_strategy
from agentic_trading.core.enums import Direction, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers, ema
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.request import with_symbols, with_timeframe
from agentic_trading.settings import AppSettings, load_settings
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import discover
from terminal import SHORT, Terminal

pytestmark = pytest.mark.slow  # each case is several runs

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


@pytest.fixture
def two_perpetuals(sample_history: Path) -> AppSettings:
    """Two days of two symbols that can be sold short."""
    given = {
        "backtest.exchange": "sample",
        "backtest.data_dir": sample_history,
        "backtest.timerange": "20240301-20240303",
    }
    settings = load_settings("backtest", assignments=[f"{key}={value}" for key, value in given.items()])
    return with_timeframe(with_symbols(settings.settings, [BTC, ETH])[0], Timeframe.M15)


class Cross(BaseStrategy):
    """A strategy without fault; the others below are this one with a fault."""

    name = "cross"

    def features(self) -> list[FeatureSpec]:
        return [ema(3), ema(8)]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        up = features["ema_3"] > features["ema_8"]
        held = ctx.position.direction
        if held is Direction.FLAT:
            return Signal.long(candle) if up else Signal.short(candle)
        return Signal.flat(candle) if up is (held is Direction.SHORT) else None

    def triggers(self, table: FeatureTable) -> Triggers:
        every = np.ones(len(table), dtype=np.bool_)
        return Triggers(every, every)


class BlindWhileLong(Cross):
    def triggers(self, table: FeatureTable) -> Triggers:
        above = table["ema_3"] > table["ema_8"]
        return Triggers(np.ones(len(table), dtype=np.bool_), above)


CALLS = itertools.count()


class CountsOutside(Cross):
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        return Signal.long(candle) if next(CALLS) % 7 == 0 else None


class CentredMask(Cross):
    def triggers(self, table: FeatureTable) -> Triggers:
        close = table["close"]
        following = np.append(close[1:], close[-1])
        whole = super().triggers(table)
        return Triggers(whole.entry & (following >= close), whole.exit)


class WarmUpTooShort(Cross):
    def features(self) -> list[FeatureSpec]:
        return [ema(3), msgspec.structs.replace(ema(8), warm_up=9)]


def found(checked: Checked, check: str) -> list[Any]:
    return [each for each in checked.findings if each.check == check]


def test_a_strategy_without_fault_passes(two_perpetuals: AppSettings) -> None:
    """Nothing is found in a sound strategy, and every state was asked on every symbol."""
    checked = check_strategy(Cross(), two_perpetuals)
    assert checked.findings == []
    states = {each.stance for each in checked.covered if each.symbol == ETH}
    assert {"flat", "long for 12 candles", "short for 96 candles", "long, order to leave working"} <= states
    assert {"in a life: flat after a refusal", "in a life: long after a fill"} <= states
    assert all(each.rows > 0 and each.missed == 0 for each in checked.covered)
    assert sum(each.acted for each in checked.covered) > 0


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_built_in_passes(name: str, two_perpetuals: AppSettings) -> None:
    """Nothing is found in the strategies that come along, and the sample makes each of them act."""
    checked = check_strategy(name, two_perpetuals)
    assert checked.findings == []
    acted = {each.stance for each in checked.covered if each.acted}
    assert {"long for 1 candles", "short for 1 candles"} <= acted


def test_rows_that_masks_leave_out_are_found(two_perpetuals: AppSettings) -> None:
    """A row that the masks leave out is named: time, symbol, state; and no state in which they are sound."""
    findings = found(check_strategy(BlindWhileLong(), two_perpetuals), "triggers")
    assert [each.symbol for each in findings if each.where == "long for 1 candles"] == [BTC, ETH]
    assert all("long" in each.where for each in findings)
    assert all(each.at_ns > 0 for each in findings)


def test_a_counter_outside_the_strategy_is_found(two_perpetuals: AppSettings) -> None:
    """Answers that depend on how often anybody asked before are hidden state, and the place is named."""
    findings = found(check_strategy(CountsOutside(), two_perpetuals), "hidden state")
    assert any("global CALLS" in each.what for each in findings)


def test_a_look_at_the_future_is_found(two_perpetuals: AppSettings) -> None:
    """A mask that comes out otherwise when later candles do is look-ahead: symbol, row, column."""
    findings = found(check_strategy(CentredMask(), two_perpetuals), "look-ahead")
    assert [(each.symbol, each.where) for each in findings] == [
        (BTC, "column triggers.entry"),
        (ETH, "column triggers.entry"),
    ]
    assert all(each.at_ns > 0 for each in findings)


def test_a_warm_up_that_is_too_short_is_found(two_perpetuals: AppSettings) -> None:
    """A feature that still depends on what came before its declared warm-up is named, with the row."""
    findings = found(check_strategy(WarmUpTooShort(), two_perpetuals), "warm-up")
    assert [each.where for each in findings] == ["column ema_8", "column ema_8"]
    assert all(each.at_ns > 0 for each in findings)


def test_the_command_says_what_it_covered(terminal: Terminal) -> None:
    """A sound strategy ends with exit code 0 and, with --json, one document with the states covered."""
    answer = terminal("check", "breakout", "-d", terminal.history, *SHORT, "--json")
    document = json.loads(answer.out)
    assert answer.code == 0
    assert document["passed"] is True
    assert {each["stance"] for each in document["covered"]} >= {"flat", "long for 1 candles"}


FAULTY = """
import numpy as np
from agentic_trading.core.events import Signal
from agentic_trading.core.features import Triggers, ema
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import register_strategy
@register_strategy("sleepy")
class Sleepy(BaseStrategy):
    def features(self):
        return [ema(3)]

    def on_candle(self, ctx, candle, features):
        return Signal.long(candle) if candle.close > features["ema_3"] else None

    def triggers(self, table):
        none = np.zeros(len(table), dtype=np.bool_)
        return Triggers(none, none)
"""


def test_a_finding_ends_with_exit_code_4(terminal: Terminal) -> None:
    """A fault of a user's file is printed with symbol, time and state, and the exit code is 4."""
    (terminal.folder / "strategies").mkdir()
    (terminal.folder / "strategies" / "sleepy.py").write_text(FAULTY)
    answer = terminal("check", "sleepy", "-d", terminal.history, *SHORT)
    assert answer.code == 4
    assert "triggers: BTC/USDT 2024-0" in answer.out
    assert "auto and every: " in answer.out
    assert "sleepy: " in answer.err


ORDERED_BY_HASH = """
from agentic_trading.core.events import Signal
from agentic_trading.core.features import ema
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import register_strategy
NAMES = {f"reason {number}" for number in range(20)}
@register_strategy("unordered")
class Unordered(BaseStrategy):
    def features(self):
        return [ema(3)]

    def on_candle(self, ctx, candle, features):
        first = next(iter(NAMES))
        return Signal.long(candle, reasons={first: 1.0}) if candle.close > features["ema_3"] else None
"""


def test_the_order_of_a_set_is_found(two_perpetuals: AppSettings, tmp_path: Path) -> None:
    """What depends on the order of a set is the same all day and another tomorrow: a process tells."""
    (tmp_path / "unordered.py").write_text(ORDERED_BY_HASH)
    findings = found(check_strategy("unordered", two_perpetuals, [tmp_path]), "determinism")
    assert [each.symbol for each in findings] == [BTC, ETH]
    assert all(each.at_ns > 0 and each.where == "flat" for each in findings)
    assert all("in another process" in each.what for each in findings)


def test_two_strategies_are_refused(terminal: Terminal) -> None:
    """The argument names the strategy; --strategy beside it cannot be meant."""
    answer = terminal("check", "breakout", "--strategy", "mean_reversion")
    assert answer.code == 2
    assert "one strategy" in answer.err
