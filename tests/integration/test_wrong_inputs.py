"""What a newcomer gets wrong: one clear sentence with the repair, the right exit code, no traceback."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from agentic_trading.core.enums import Timeframe
from agentic_trading.data.history import HistoryStore
from market_files import START_MS, candle_frame
from terminal import Answer, Terminal

pytestmark = pytest.mark.integration
MARKET = Path("binance/spot/BTC-USDT/1h/2021-01.parquet")


def assert_one_sentence(answer: Answer, code: int, *words: str) -> None:
    """The command failed with ``code``; its last words are one line that holds all ``words``."""
    assert answer.code == code, answer
    assert "Traceback" not in answer.err
    assert not answer.out.strip()
    lines = answer.err.strip().splitlines()
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    assert lines[-1].startswith("error: ")
    for word in words:
        assert word in lines[-1]


def with_history(terminal: Terminal, change: Callable[[pl.DataFrame], pl.DataFrame] | None = None) -> Path:
    """Two days of BTC/USDT hours that were stored, and changed afterwards behind the platform's back."""
    root = terminal.folder / "data" / "historical"
    HistoryStore(root).write_candles("binance", "BTC/USDT", Timeframe.H1, candle_frame(48), "test")
    if change is not None:
        change(pl.read_parquet(root / MARKET)).write_parquet(root / MARKET)
        (root / MARKET).parents[1].joinpath("manifest.json").unlink()
    return root


BINANCE = ("backtest", "--exchange", "binance", "-i", "1h", "--symbols", "BTC/USDT")


def test_missing_data(terminal: Terminal) -> None:
    """History that is not there: what is missing and the command that gets it."""
    answer = terminal(*BINANCE)
    download = "agentic-trading data download --exchange binance --symbols BTC/USDT --timeframe 1h"
    assert_one_sentence(answer, 1, "1h candles of BTC/USDT on binance", download)


@pytest.mark.parametrize(
    ("symbol", "right"), [("BTC-USDT", "BTC/USDT"), ("BTC/USDT:", "BTC/USDT"), ("BTC", "BTC/USDT")]
)
def test_bad_symbol(terminal: Terminal, symbol: str, right: str) -> None:
    """A symbol that is none: the nearest that is."""
    assert_one_sentence(terminal.backtest("--symbols", symbol), 2, f"'{symbol}' is not a symbol", right)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--timerange", "20240230-20240301"), ("--timerange", "20240230", "20240131")),
        (("--timerange", "2024-01-01"), ("--timerange 2024-01-01", "20240630", "--start")),
        (("--start", "01.02.2024"), ("--start", "01.02.2024", "2024-01-31")),
        (("--set", "backtest.timerange=yesterday-"), ("backtest.timerange", "20240101-20240630")),
    ],
)
def test_bad_date(terminal: Terminal, flags: tuple[str, str], words: tuple[str, ...]) -> None:
    """A day that is none: the flag, what was written, and how to write one."""
    assert_one_sentence(terminal("backtest", "-d", terminal.history, *flags), 2, *words)


def test_typo_in_a_key(terminal: Terminal) -> None:
    """A key that does not exist: file, line, and the nearest one that does."""
    configs = terminal.folder / "configs"
    configs.mkdir()
    (configs / "backtest.toml").write_text('mode = "backtest"\n\n[risk]\nmax_drawdwon_pct = 0.1\n')
    answer = terminal.backtest()
    assert_one_sentence(answer, 2, "configs/backtest.toml:4", "max_drawdwon_pct", "max_drawdown_pct")


def test_unknown_strategy(terminal: Terminal) -> None:
    """A strategy nobody wrote: the nearest name."""
    answer = terminal.backtest("-s", "trend_folowing")
    assert_one_sentence(answer, 2, "'trend_folowing'", "did you mean 'trend_following'?")


def test_empty_range(terminal: Terminal) -> None:
    """An end that is not after its start, and a range in which nothing is stored."""
    turned = terminal("backtest", "-d", terminal.history, "--timerange", "20240601-20240501")
    assert_one_sentence(turned, 2, "empty", "2024-06-01", "2024-05-01")
    with_history(terminal)
    outside = terminal(*BINANCE, "--timerange", "20230101-20230201")
    assert_one_sentence(outside, 1, "no 1h candles of BTC/USDT", "2021-01-01", "data download")


def test_corrupt_parquet(terminal: Terminal) -> None:
    """A damaged file: its name, and how to get it again."""
    root = with_history(terminal)
    (root / MARKET).write_bytes((root / MARKET).read_bytes()[:700])
    assert_one_sentence(terminal(*BINANCE), 1, str(MARKET), "data download")


def test_corrupt_import(terminal: Terminal) -> None:
    """A file that only calls itself Parquet is named when it is brought in."""
    file = terminal.folder / "binance_spot_BTC-USDT_1h.parquet"
    file.write_bytes(b"PAR1 but not really")
    assert_one_sentence(terminal("data", "import", file), 1, file.name)


def test_microseconds(terminal: Terminal) -> None:
    """Times in microseconds: file, value, and the unit that is right."""
    with_history(terminal, lambda frame: frame.with_columns(pl.col("timestamp") * 1_000))
    words = ("2021-01.parquet", f"{START_MS}000", "microseconds", "milliseconds", "data download")
    assert_one_sentence(terminal(*BINANCE), 1, *words)


def test_negative_price(terminal: Terminal) -> None:
    """A price below zero: file, row, value, and what would be right."""
    with_history(terminal, lambda frame: frame.with_columns(low=pl.lit(-1.5)))
    assert_one_sentence(terminal(*BINANCE), 1, "2021-01.parquet", "row 1", "low is -1.5", "above zero")


@pytest.mark.parametrize("folder", ["taken/run", "/proc/results", "taken"])
def test_unwritable_output_folder(terminal: Terminal, folder: str) -> None:
    """A folder that cannot be written: its name and the flag that chooses another."""
    (terminal.folder / "taken").write_text("a file, not a folder")
    assert_one_sentence(terminal.backtest("--out", folder, "-q"), 2, "cannot write", folder, "--out")


def test_a_traceback_is_there_for_those_who_ask(terminal: Terminal) -> None:
    """With -v the error comes with its traceback, and with the same last line and exit code."""
    plain, verbose = terminal(*BINANCE), terminal(*BINANCE, "-v")
    assert "Traceback" in verbose.err
    assert (verbose.code, verbose.err.strip().splitlines()[-1]) == (plain.code, plain.err.strip())


@pytest.mark.parametrize(
    ("flag", "value", "word"),
    [("--capital", "-5", "above 0"), ("--seed", "x", "whole number"), ("--exchange", "kraken", "binance")],
)
def test_a_flag_is_called_what_was_typed(terminal: Terminal, flag: str, value: str, word: str) -> None:
    """A wrong value names its own flag, not the setting's long way round."""
    answer = terminal.backtest(flag, value)
    assert_one_sentence(answer, 2, f"{flag} {value}: ", word)
    assert "--set" not in answer.err


def test_unknown_verb_and_flag(terminal: Terminal) -> None:
    """A verb or flag that does not exist is bad usage."""
    assert terminal("backtset").code == 2
    assert terminal("backtest", "--simbols", "BTC/USDT").code == 2
