"""Strategies of users, through the library and from files; and what they are told when one breaks."""

import json

import pytest

from terminal import SHORT, Terminal

pytestmark = pytest.mark.integration

STRATEGY = """\
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import register_strategy
from agentic_trading.features import ema


@register_strategy("ema_cross")
class EmaCross(BaseStrategy):
    timeframes = ("15m",)

    def features(self):
        return [ema(12), ema(26)]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        fast, slow = features["ema_12"], features["ema_26"]
        {line}
        if fast > slow:
            return Signal.long(candle, reasons={{"fast": fast, "slow": slow}})
        return Signal.flat(candle, reasons={{"fast": fast, "slow": slow}})
"""
LIBRARY = """
import json
from agentic_trading import backtest
result = backtest(
    strategies=[EmaCross()], symbols=["BTC/USDT", "ETH/USDT"],
    settings={{
        "backtest.data_dir": {history!r}, "backtest.timerange": "20240301-20240311",
        "backtest.timeframe": "15m", "regime.enabled": False,
    }},
)
frames = [result.equity, result.fills, result.trades, result.decisions]
print(json.dumps([result.summary["strategies"], result.metrics["trades"], [len(each) for each in frames]]))
print(result.report("report.html"))
"""
LINE_THAT_BREAKS = STRATEGY.partition("{line}")[0].count("\n") + 1


def strategy(line: str = "pass") -> str:
    return STRATEGY.format(line=line)


def test_strategy_object(terminal: Terminal) -> None:
    """A class of one's own, handed over as an object, trades; all tables and the report come back."""
    program = terminal.folder / "study.py"
    program.write_text(strategy() + LIBRARY.format(history=str(terminal.history)))
    answer = terminal.script(program)
    assert answer.code == 0, answer.err
    document, report = answer.out.strip().splitlines()
    names, trades, (equity, fills, closed, decisions) = json.loads(document)
    assert names == ["ema_cross"]
    assert trades == closed > 3
    assert fills >= 2 * closed
    assert decisions > fills
    assert equity == 10 * 96
    assert (terminal.folder / report).is_file()


def test_object_and_file_decide_alike(terminal: Terminal) -> None:
    """The same class gives the same trades from a file of strategies/ and as an object."""
    (terminal.folder / "strategies").mkdir()
    (terminal.folder / "strategies" / "ema_cross.py").write_text(strategy())
    from_file = json.loads(terminal.backtest("-s", "ema_cross", "--json").out)
    program = terminal.folder / "study.py"
    settings = {"backtest.data_dir": str(terminal.history), "backtest.timerange": SHORT[3]}
    program.write_text(
        f"{strategy()}\nfrom agentic_trading import backtest\nsettings = {settings!r}\n"
        "settings['backtest.timeframe'] = '15m'\n"
        "print(backtest([EmaCross()], ['BTC/USDT'], settings).summary['fingerprint'])\n"
    )
    assert terminal.script(program).out.strip() == from_file["fingerprint"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 / 0", ("ZeroDivisionError: division by zero", "ema_cross.py:{at}")),
        ('features["rsi_14"]', ("rsi_14", "not declared", "ema_12, ema_26", "ema_cross.py:{at}")),
        ("return 1", ("answered int instead of a Signal or None",)),
        ("return Signal.long(candle, strength=7.0)", ("strength 7.0", "0..1")),
        ("self.count = 1", ("ema_cross.py:{at}", "immutable")),
    ],
)
def test_broken_strategy(terminal: Terminal, line: str, words: tuple[str, ...]) -> None:
    """A strategy that fails while it trades is named with symbol and time, and its file and line."""
    (terminal.folder / "strategies").mkdir()
    (terminal.folder / "strategies" / "ema_cross.py").write_text(strategy(line))
    answer = terminal.backtest("-s", "ema_cross")
    assert answer.code == 1
    assert "Traceback" not in answer.err
    for word in ("strategy ema_cross", "BTC/USDT at 2024-0", *words):
        assert word.format(at=LINE_THAT_BREAKS) in answer.err


def test_file_that_is_no_python(terminal: Terminal) -> None:
    """A file that cannot be loaded is named with the line, whatever strategy was asked for."""
    (terminal.folder / "strategies").mkdir()
    file = terminal.folder / "strategies" / "half.py"
    file.write_text(strategy().replace("def features(self):", "def features(self)"))
    answer = terminal.backtest()
    assert answer.code == 2
    assert f"{file}:13: SyntaxError" in answer.err
