"""``agentic-trading data``: what people type, what they get, and which errors come out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agentic_trading.commands.data import data
from agentic_trading.core.errors import CorruptData, MissingData, TradingError, UsageError
from market_files import candle_frame


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(data, [str(argument) for argument in arguments])


def failure(*arguments: str | Path) -> TradingError:
    """The error a command ends with; the command line turns it into a sentence and an exit code."""
    error = run(*arguments).exception
    assert isinstance(error, TradingError)
    return error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder into which one file was imported."""
    path = tmp_path / "binance_spot_BTC-USDT_1h.parquet"
    candle_frame(50)[[row for row in range(50) if row not in (3, 9, 10)]].write_parquet(path)
    result = run("import", path, "-d", tmp_path / "history")
    assert result.exit_code == 0, result.output
    assert "BTC/USDT" in result.stdout
    return tmp_path / "history"


def test_import_reports_json(tmp_path: Path) -> None:
    """With --json stdout is one document with a report per file; notes go to stderr."""
    path = tmp_path / "export_BTCUSDT_1h.csv"
    candle_frame(5).write_csv(path)
    result = run("import", path, "-d", tmp_path, "--json", "-p", "BTCUSDT", "-i", "1h")
    (report,) = json.loads(result.stdout)["files"]
    assert (report["symbol"], report["timeframe"], report["added"]) == ("BTC/USDT", "1h", 5)
    assert "was read as the spot market BTC/USDT" in result.stderr


def test_one_refused_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """Of several files the sound ones are imported and reported; the command still ends with the refusal."""
    files = [
        tmp_path / f"binance_spot_{name}.parquet" for name in ("BTC-USDT_trades_20210108", "ETH-USDT_1h")
    ]
    candle_frame(5).write_parquet(files[1])
    result = run("import", *files, "-d", tmp_path / "history")
    assert isinstance(result.exception, UsageError)
    assert "ETH/USDT" in result.stdout
    assert "ETH/USDT" in run("list", "-d", tmp_path / "history").stdout


def test_list(folder: Path) -> None:
    """The list names each series with rows and gaps, for people and as JSON."""
    assert "BTC/USDT" in run("list", "-d", folder).stdout
    (series,) = json.loads(run("list", "-d", folder, "--json").stdout)["series"]
    assert (series["exchange"], series["rows"], series["gaps"], series["missing"]) == ("binance", 47, 2, 3)


def test_check_shows_findings(folder: Path) -> None:
    """A check of sound data ends well and lists its gaps."""
    result = run("check", "-d", folder)
    assert result.exit_code == 0
    assert "47 rows, 2 gap" in result.stdout
    assert "2 candle(s) missing before it" in result.stdout


def test_check_fails_on_what_cannot_be_trusted(folder: Path) -> None:
    """A damaged file makes the check end with CorruptData, after naming the file."""
    file = folder / "binance/spot/BTC-USDT/1h/2021-01.parquet"
    file.write_bytes(file.read_bytes() + b"x")
    result = run("check", "-d", folder)
    assert isinstance(result.exception, CorruptData)
    assert "2021-01.parquet is not the file that was written" in result.stdout


def test_nothing_stored_says_what_to_do(tmp_path: Path) -> None:
    """An empty folder is missing data with commands to fill it."""
    for verb in ("list", "check"):
        error = failure(verb, "-d", tmp_path)
        assert isinstance(error, MissingData)
        assert "agentic-trading data download --symbols" in str(error)


def test_bad_arguments_of_download(tmp_path: Path) -> None:
    """A bad symbol and a bad date are usage errors before anything is connected."""
    bad_symbol = failure("download", "--symbols", "BTC-USDT", "--since", "20240101", "-d", tmp_path)
    bad_date = failure("download", "--symbols", "BTC/USDT", "--since", "yesterday", "-d", tmp_path)
    assert isinstance(bad_symbol, UsageError)
    assert "did you mean BTC/USDT?" in str(bad_symbol)
    assert "--since 'yesterday' is not a day" in str(bad_date)


def test_sample(tmp_path: Path) -> None:
    """The sample market can be made at will and is called synthetic."""
    result = run("sample", "--days", "1", "-d", tmp_path)
    assert result.exit_code == 0
    assert "synthetic sample market" in result.stdout
    assert (tmp_path / "sample").is_dir()


def test_import_rules(folder: Path, tmp_path: Path) -> None:
    """Rules go to the markets that have data, and the answer names them."""
    market = {
        "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "spot": True,
        "precision": {"amount": 0.001, "price": 0.5},
        "limits": {"amount": {"min": 0.002}, "cost": {"min": 5}},
    }  # fmt: skip
    path = tmp_path / "markets.json"
    path.write_text(json.dumps({"BTC/USDT": market, "ETH/USDT": market | {"base": "ETH"}}))
    assert isinstance(failure("import-rules", path, "-d", folder), UsageError)
    result = run("import-rules", path, "-d", folder, "--exchange", "binance", "--json")
    (report,) = json.loads(result.stdout)["files"]
    assert (report["kept"], report["passed_over"], report["kind"]) == (["BTC/USDT"], 1, "ccxt markets")
    assert '"tick": "0.5"' in (folder / "binance/spot/BTC-USDT/instrument.json").read_text()
    shown = run("import-rules", path, "-d", folder, "--exchange", "binance", "-p", "ETH/USDT")
    assert "ETH/USDT" in shown.stdout
