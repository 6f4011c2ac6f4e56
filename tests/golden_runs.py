"""Whole runs of the command line whose digests are committed: what each is called and how it is made."""

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from agentic_trading import cli
from agentic_trading.data.sample_market import generate
from agentic_trading.data.sample_store import DEFAULT_DAYS

DIGESTS = Path(__file__).parent / "golden" / "digests.json"
SAMPLE = {"sample market, seed 7": 7, "sample market, seed 8": 8}
_DAYS = ("--timerange", "20240301-20240311")
_MONTH = ("--timerange", "20240115-20240215")

RUNS: dict[str, tuple[str, ...]] = {
    "three strategies, three symbols": _DAYS,
    "one strategy, one symbol": (*_MONTH, "-s", "trend_following", "--symbols", "BTC/USDT", "-i", "5m"),
    "perpetuals with funding": (*_MONTH, "--symbols", "BTC/USDT:USDT,ETH/USDT:USDT", "-i", "5m"),
    "volatility slippage, volatility target": (
        *_MONTH, "--symbols", "ETH/USDT,SOL/USDT:USDT", "-i", "15m",
        "--set", "simulation.slippage=volatility", "--set", "portfolio.sizing={method='volatility_target'}",
    ),
    "every strategy on 15m candles": (*_MONTH, "-i", "15m"),
    "fills at the next open": (*_MONTH, "-i", "15m", "--set", "simulation.fills=next_open"),
}  # fmt: skip
"""Arguments of ``agentic-trading backtest`` by name; anyone can type them."""


def backtest(arguments: tuple[str, ...], data_dir: Path) -> dict[str, Any]:
    """The summary of a run, made in a folder of its own with the settings that come along."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _no_settings_from_outside():
        command = ["backtest", *arguments, "--data-dir", str(data_dir), "--json"]
        with contextlib.redirect_stdout(printed):
            code = cli.run(command)
    assert code == 0, f"exit {code}: agentic-trading {' '.join(command)}"
    summary: dict[str, Any] = json.loads(printed.getvalue())
    return summary


def digest_of(name: str, data_dir: Path) -> dict[str, Any]:
    """What is committed of a run: its fingerprint, and enough beside it to see what has moved."""
    summary = backtest(RUNS[name], data_dir)
    keys = ("fingerprint", "inputs_sha256")
    counts = {key: summary["counts"][key] for key in ("signals", "refusals", "orders", "fills", "trades")}
    costs = {key: summary["costs"][key] for key in ("fees", "funding")}
    profit = summary["metrics"]["net_profit"]
    return {**{key: summary[key] for key in keys}, **counts, **costs, "net_profit": profit}


def sample_digest(name: str) -> str:
    """The digest of a whole sample market."""
    return generate(SAMPLE[name], DEFAULT_DAYS).digest()


def all_digests(data_dir: Path) -> dict[str, Any]:
    """Everything that `DIGESTS` holds, computed now."""
    return {
        **{name: sample_digest(name) for name in SAMPLE},
        **{name: digest_of(name, data_dir) for name in RUNS},
    }


@contextlib.contextmanager
def _no_settings_from_outside() -> Any:
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TRADING_")}
    try:
        yield
    finally:
        os.environ.update(kept)


def main() -> None:
    """Print, as JSON, the digests of the runs named on the command line, or of everything."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(os.environ.get("GOLDEN_HISTORY", folder))
        names = sys.argv[1:]
        found = {name: digest_of(name, data_dir) for name in names} if names else all_digests(data_dir)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
