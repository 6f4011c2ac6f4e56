"""``optimize`` as it is typed: the same ranking whoever finishes first, and clear words about mistakes."""

import json

import pytest

from terminal import SHORT, Terminal

pytestmark = pytest.mark.integration

FAST = "trend_following.fast=8,24"
SLOW = "trend_following.slow=16,48,72"


def optimize(terminal: Terminal, *arguments: str) -> dict:
    answer = terminal(
        "optimize", "-d", terminal.history, *SHORT, "-s", "trend_following", *arguments, "--json"
    )
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_the_number_of_workers_changes_nothing(terminal: Terminal) -> None:
    """One worker and two print the same document; each result is that of the plain backtest."""
    alone = optimize(terminal, "--param", FAST, "--param", SLOW, "-j", "1")
    together = optimize(terminal, "--param", FAST, "--param", SLOW, "-j", "2")
    assert alone == together
    assert (alone["sets"], alone["impossible"], len(alone["results"])) == (6, 1, 5)  # 24 is not below 16
    sharpes = [line["metrics"]["sharpe"] for line in alone["results"]]
    known = [sharpe for sharpe in sharpes if sharpe is not None]
    assert sharpes == sorted(known, reverse=True) + [None] * (len(sharpes) - len(known))
    for line in alone["results"]:
        values = [
            f"strategies.{name.replace('.', '.params.')}={line['params'][name]}" for name in line["params"]
        ]
        flags = [part for value in values for part in ("--set", value)]
        plain = json.loads(terminal.backtest("-s", "trend_following", *flags, "--json").out)
        assert (line["fingerprint"], line["metrics"]) == (plain["fingerprint"], plain["metrics"])


def test_a_sample(terminal: Terminal) -> None:
    """With --epochs that many sets are tried, ranked by the metric asked for."""
    found = optimize(
        terminal, "--param", "trend_following.fast=4:24:4", "--epochs", "3", "--random-state", "5",
        "--metric", "max_drawdown_ratio",
    )  # fmt: skip
    drawdowns = [line["metrics"]["max_drawdown_ratio"] for line in found["results"]]
    assert (found["sets"], found["random_state"], len(drawdowns)) == (3, 5, 3)
    assert drawdowns == sorted(drawdowns)


def test_the_table(terminal: Terminal) -> None:
    """Without --json the ranking is a table, and it says that the best was chosen in hindsight."""
    answer = terminal(
        "optimize", "-d", terminal.history, *SHORT, "-s", "trend_following", "--param", FAST,
        "--metric", "win_ratio",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    for word in ("trend_following.fast", "win_ratio", "Sharpe", "Drawdown", "of 2 tried on the same history"):
        assert word in answer.out


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("trend_following.fsat=8", "did you mean 'fast'?"),
        ("trend_following.fast=8,abc", "valid integer, not 'abc'"),
        ("trend_following.fast=8,1", "greater than or equal to 2, not 1"),
        ("trend_following.fast=96", "none of the 1 parameter sets is possible"),
        ("breakout.window=8", "takes no part in this run; there are: trend_following"),
        ("fast=8", "write STRATEGY.NAME=V1,V2,V3"),
        ("trend_following.fast=8:4:1", "has no values"),
    ],
)
def test_wrong_parameters(terminal: Terminal, param: str, said: str) -> None:
    """A parameter that cannot be meant ends with exit 2 and one sentence."""
    answer = terminal("optimize", "-d", terminal.history, *SHORT, "-s", "trend_following", "--param", param)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert said in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "say what to try with --param"),
        (("--param", FAST, "--param", FAST), "given twice"),
        (("--param", FAST, "--metric", "luck"), "choose one of"),
        (("--param", FAST, "--epochs", "0"), "--epochs 0"),
    ],
)
def test_wrong_flags(terminal: Terminal, flags: tuple[str, ...], said: str) -> None:
    """Flags that cannot be meant are named."""
    answer = terminal("optimize", "-d", terminal.history, *SHORT, "-s", "trend_following", *flags)
    assert answer.code == 2
    assert said in answer.err


BREAKS_AT_2 = """\
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import register_strategy


@register_strategy("breaks")
class Breaks(BaseStrategy):
    timeframes = ("15m",)

    def on_candle(self, ctx, candle, features):
        1 / (self.params.n - 2)
"""


def test_a_set_that_fails(terminal: Terminal) -> None:
    """A set over which the strategy breaks is reported and ends in exit 1; the others have results."""
    (terminal.folder / "strategies").mkdir()
    (terminal.folder / "strategies" / "breaks.py").write_text(BREAKS_AT_2)
    answer = terminal(
        "optimize", "-d", terminal.history, *SHORT, "-s", "breaks", "--param", "breaks.n=1:3:1", "--json"
    )
    assert answer.code == 1
    assert "1 of 3 parameter sets failed; the first, breaks.n=2: " in answer.err
    found = json.loads(answer.out)
    assert [line["params"]["breaks.n"] for line in found["results"]] == [1, 3]
    assert [line["params"]["breaks.n"] for line in found["failed"]] == [2]


DIES_AT_2 = """\
import os
from pathlib import Path

from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import register_strategy


@register_strategy("dies")
class Dies(BaseStrategy):
    timeframes = ("15m",)

    def on_candle(self, ctx, candle, features):
        died = Path("died")
        if self.params.n == 2 and not died.exists():
            died.touch()
            os._exit(9)
"""


def test_a_worker_that_dies(terminal: Terminal) -> None:
    """A worker that dies over a set is reported, and the sweep ends as if nothing had happened."""
    (terminal.folder / "strategies").mkdir()
    (terminal.folder / "strategies" / "dies.py").write_text(DIES_AT_2)
    words = ("optimize", "-d", terminal.history, *SHORT, "-s", "dies", "--param", "dies.n=1:6:1", "--json")
    disturbed, undisturbed = terminal(*words), terminal(*words)
    assert disturbed.code == undisturbed.code == 0
    assert disturbed.err == "a worker died over dies.n=2 (exit code 9)\n"
    assert undisturbed.err == ""
    assert disturbed.out == undisturbed.out
