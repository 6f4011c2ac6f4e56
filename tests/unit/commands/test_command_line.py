"""Every verb of the command line: help, plain and JSON output, and a run from backtest to verify."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from agentic_trading.cli import VERBS
from agentic_trading.core.enums import Timeframe
from agentic_trading.data.history import HistoryStore
from market_files import candle_frame
from terminal import ROOT, Terminal

GROUPS = {
    "data": ("download", "import", "list", "check", "sample"),
    "strategies": ("list", "new"),
    "config": ("show", "schema"),
}
COMMANDS = [(verb,) for verb in VERBS] + [(verb, name) for verb, names in GROUPS.items() for name in names]


@pytest.fixture
def run_folder(terminal: Terminal) -> Path:
    """The folder of a finished run."""
    answer = terminal.backtest("-q")
    assert answer.code == 0, answer.err
    return Path(answer.out.strip())


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text("utf-8"))


# --- help and output --------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(terminal: Terminal, command: tuple[str, ...]) -> None:
    """Every verb explains itself and ends well."""
    answer = terminal(*command, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: agentic-trading {' '.join(command)}")
    assert not answer.err


def test_help_lists_every_verb(terminal: Terminal) -> None:
    """The first help names each verb with its line."""
    answer = terminal("--help")
    assert answer.code == 0
    for verb, (_, text) in VERBS.items():
        assert re.search(rf"^  {verb} +{re.escape(text[:20])}", answer.out, re.MULTILINE)


def test_json_is_one_document(terminal: Terminal) -> None:
    """With --json stdout is the summary and nothing else, and the same as summary.json."""
    answer = terminal.backtest("--json", "--symbols", "BTCUSDT")
    summary = json.loads(answer.out)
    assert summary == summary_of(Path(summary["files"]["summary"]).parent)
    assert summary["symbols"] == ["BTC/USDT"]
    assert "BTCUSDT was read as the spot market BTC/USDT" in answer.err


def test_quiet_says_only_where(terminal: Terminal, run_folder: Path) -> None:
    """With -q stdout is the folder of the result, with all its files in it."""
    for name, file in summary_of(run_folder)["files"].items():
        assert Path(file).is_file(), name


def test_report_on_the_terminal(terminal: Terminal) -> None:
    """Without flags the answer is a report for people that says where the HTML is."""
    answer = terminal.backtest()
    assert answer.code == 0
    for strategy in ("trend_following", "mean_reversion", "breakout"):
        assert strategy in answer.out
    assert "report.html" in answer.out


@pytest.mark.integration
@pytest.mark.parametrize("verb", [("runs",), ("backtest", "--symbols", "BTC-USDT")])
def test_no_colour(terminal: Terminal, verb: tuple[str, ...]) -> None:
    """With NO_COLOR there is no escape sequence in any output."""
    answer = terminal.script("-m", "agentic_trading", *verb, NO_COLOR="1", FORCE_COLOR="")
    assert "\x1b" not in answer.out + answer.err


# --- a run and what can be done with it -------------------------------------------------------


def test_runs_show_report(terminal: Terminal, run_folder: Path) -> None:
    """A run is listed, shown and reported again, by id, by prefix and as the last one."""
    run_id = summary_of(run_folder)["run_id"]
    assert [run["run_id"] for run in json.loads(terminal("runs", "--json").out)["runs"]] == [run_id]
    assert run_id in terminal("runs").out
    for name in ("last", run_id, run_id[:-3], str(run_folder)):
        assert json.loads(terminal("show", name, "--json").out)["run_id"] == run_id
    assert "trend_following" in terminal("show", "last").out
    (run_folder / "report.html").unlink()
    assert terminal("report", "last").code == 0
    assert (run_folder / "report.html").stat().st_size > 10_000


def test_unknown_run(terminal: Terminal) -> None:
    """A run that does not exist is a failure that says which there are."""
    answer = terminal("show", "nothing")
    assert answer.code == 1
    assert "there are none yet" in answer.err


def test_verify(terminal: Terminal, run_folder: Path) -> None:
    """A run can be reproduced bit for bit, and says so."""
    assert terminal("verify", "last").code == 0
    verdict = json.loads(terminal("verify", "last", "--json").out)
    assert verdict["verified"] is True
    assert verdict["fingerprint_now"] == verdict["fingerprint"] == summary_of(run_folder)["fingerprint"]


def test_verify_finds_another_fingerprint(terminal: Terminal, run_folder: Path) -> None:
    """A recorded fingerprint that was changed is a difference: exit 4."""
    path = run_folder / "summary.json"
    path.write_text(path.read_text("utf-8").replace(summary_of(run_folder)["fingerprint"], "0" * 64))
    answer = terminal("verify", "last")
    assert answer.code == 4
    assert "came out differently" in answer.err


@pytest.mark.slow
def test_verify_finds_other_settings(terminal: Terminal, run_folder: Path) -> None:
    """A seed that was changed in the run's settings is a difference that names the inputs: exit 4."""
    settings = run_folder / "settings.toml"
    text = settings.read_text("utf-8")
    assert "seed = 7" in text
    settings.write_text(text.replace("seed = 7", "seed = 8"), "utf-8")
    answer = terminal("verify", "last", "--json", "-d", terminal.folder / "other")
    assert answer.code == 4
    verdict = json.loads(answer.out)
    assert verdict["verified"] is False
    assert "the inputs are not the same" in verdict["differs"][0]


def test_verify_finds_other_data(terminal: Terminal) -> None:
    """One candle that was changed since is a difference: exit 4; so is, as damage, a changed file: exit 1."""
    candles, store = candle_frame(48), HistoryStore(terminal.folder / "data" / "historical")
    store.write_candles("binance", "BTC/USDT", Timeframe.H1, candles, "test")
    ran = terminal("backtest", "--exchange", "binance", "-i", "1h", "--symbols", "BTC/USDT", "--json")
    assert (ran.code, json.loads(ran.out)["counts"]["trades"]) == (0, 0)
    assert terminal("verify", "last").code == 0
    changed = candles[7:8].with_columns(volume=pl.lit(123.0))
    store.write_candles("binance", "BTC/USDT", Timeframe.H1, changed, "test")
    answer = terminal("verify", "last")
    assert answer.code == 4
    assert "the inputs are not the same (settings or data changed)" in answer.err
    file = next(store.root.rglob("2021-01.parquet"))
    file.write_bytes(file.read_bytes() + b"x")
    assert terminal("verify", "last").code == 1


def test_same_command_same_fingerprint(terminal: Terminal, run_folder: Path) -> None:
    """Paths, quietness and the folder of the result do not change what a run is."""
    again = json.loads(terminal.backtest("--json", "--out", "elsewhere").out)
    assert again["fingerprint"] == summary_of(run_folder)["fingerprint"]
    other = json.loads(terminal.backtest("--json", "--capital", "50000").out)
    assert other["inputs_sha256"] != again["inputs_sha256"]


# --- strategies, settings, wiring -------------------------------------------------------------


def test_a_new_strategy_runs(terminal: Terminal) -> None:
    """What `strategies new` writes is found in strategies/, trades at once, and can be verified."""
    assert terminal("strategies", "new", "my_idea").code == 0
    assert (terminal.folder / "strategies" / "my_idea.py").is_file()
    listed = json.loads(terminal("strategies", "list", "--json").out)["strategies"]
    assert {"my_idea", "breakout", "mean_reversion", "trend_following"} == {row["name"] for row in listed}
    summary = json.loads(terminal.backtest("-s", "my_idea", "--json").out)
    assert summary["strategies"] == ["my_idea"]
    assert summary["counts"]["fills"] > 0
    assert terminal("verify", "last").code == 0
    assert terminal("strategies", "new", "my_idea").code == 2


def test_strategy_path(terminal: Terminal) -> None:
    """A strategy file in another folder is found with --strategy-path."""
    terminal("strategies", "new", "elsewhere")
    (terminal.folder / "strategies").rename(terminal.folder / "mine")
    assert terminal.backtest("-s", "elsewhere", "-q").code == 2
    assert terminal.backtest("-s", "elsewhere", "-q", "--strategy-path", "mine").code == 0


def test_config(terminal: Terminal) -> None:
    """Settings are shown with where they come from; the schema is one JSON document."""
    shown = json.loads(terminal("config", "show", "--json", "--set", "backtest.seed=11").out)
    assert shown["settings"]["backtest"]["seed"] == 11
    assert shown["origins"]["backtest.seed"] == "--set backtest.seed"
    assert "backtest.seed" in terminal("config", "show").out
    assert "backtest" in json.loads(terminal("config", "schema").out)["properties"]


def test_topology(terminal: Terminal) -> None:
    """The wiring is printed as a Mermaid flowchart in which a candle reaches the strategies."""
    answer = terminal("topology", "-d", terminal.history, *("--timerange", "20240301-20240302"))
    assert answer.code == 0
    assert answer.out.startswith("flowchart")
    assert "CandlesClosed" in answer.out
    assert "strategy:breakout" in answer.out


def test_doctor(terminal: Terminal) -> None:
    """A sound installation is told so; a broken setting is named and fatal."""
    findings = json.loads(terminal("doctor", "--json").out)["findings"]
    assert not any(finding["fatal"] for finding in findings)
    assert {"Python", "settings", "history folder", "results folder"} <= {each["what"] for each in findings}
    (terminal.folder / "configs").mkdir()
    (terminal.folder / "configs" / "default.toml").write_text("[risk]\nmax_leverage = 'much'\n")
    broken = terminal("doctor")
    assert broken.code == 1
    assert "max_leverage" in broken.out


# --- other doors ------------------------------------------------------------------------------


@pytest.mark.integration
def test_python_module(terminal: Terminal) -> None:
    """`python -m agentic_trading` is the console script."""
    answer = terminal.script("-m", "agentic_trading", "--version")
    assert (answer.code, answer.out.split(",")[0]) == (0, "agentic-trading")


@pytest.mark.integration
def test_backtest_script(terminal: Terminal) -> None:
    """The script takes the flags of the manual and runs the same backtest as the verb."""
    flags = ("-d", terminal.history, "-i", "15m", "--timerange", "20240301-20240306", "--json")
    command = ("--config", ROOT / "configs/backtest.toml", "--symbols", "BTC/USDT", *flags)
    answer = terminal.script(ROOT / "scripts/run_backtest.py", *command)
    assert answer.code == 0, answer.err
    mine = json.loads(terminal.backtest("--json").out)
    assert json.loads(answer.out)["fingerprint"] == mine["fingerprint"]


@pytest.mark.integration
def test_download_script(terminal: Terminal) -> None:
    """The script takes the flags of the manual; a wrong day is refused before anything is connected."""
    script = ROOT / "scripts/download_historical.py"
    assert "--since" in terminal.script(script, "--help").out
    answer = terminal.script(script, "--symbols", "BTC/USDT", "--since", "someday")
    assert answer.code == 2
    assert "'someday' is not a day" in answer.err
