"""Puts the built-in sample market into the history store, so that it is read like any exchange's data."""

import os
import shutil
from pathlib import Path

import msgspec
import polars as pl

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
from agentic_trading.data.sample_market import SAMPLE_START_NS, SAMPLE_VERSION, generate

EXCHANGE = "sample"
DEFAULT_DAYS = 180
MS = 1_000_000


class SampleLabel(msgspec.Struct, frozen=True):
    """Which sample market a folder holds; kept as ``sample.json`` in it."""

    version: int
    seed: int
    days: int
    start_ns: int
    synthetic: bool = True


def ensure_sample(
    root: Path, seed: int = 7, days: int = DEFAULT_DAYS, start_ns: int = SAMPLE_START_NS
) -> HistoryStore:
    """The store under ``root`` with the sample market in it as exchange ``sample``; generated on first use.

    A cached market with another version, seed, length or start is replaced as a whole, in one step, so
    that several programs may ask at once. The manifest names the source as synthetic.
    """
    store = HistoryStore(root)
    target = root / EXCHANGE
    label = SampleLabel(SAMPLE_VERSION, seed, days, start_ns)
    if _label_of(target) == label:
        return store
    building = root / f".{EXCHANGE}-{os.getpid()}"
    try:
        shutil.rmtree(building, ignore_errors=True)
        _write(HistoryStore(building), label)
        _exchange(building / EXCHANGE, target, label)
    except OSError as problem:
        raise ConfigError(
            f"cannot write the sample market to {target} ({problem.strerror or problem}); "
            f"choose a writable folder with --data-dir"
        ) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return store


def _label_of(folder: Path) -> SampleLabel | None:
    try:
        return msgspec.json.decode((folder / "sample.json").read_bytes(), type=SampleLabel)
    except (OSError, msgspec.DecodeError):
        return None


def _write(store: HistoryStore, label: SampleLabel) -> None:
    market = generate(label.seed, label.days, start_ns=label.start_ns)
    source = f"synthetic sample market (version {label.version}, seed {label.seed}, {label.days} days)"
    for symbol in market.symbols:
        candles = market.candles(symbol)
        columns = [candles.open_ns // MS, *candles.bars]
        frame = pl.DataFrame(dict(zip(CANDLE_COLUMNS, columns, strict=True)))
        store.write_candles(EXCHANGE, symbol, Timeframe.M1, frame, source)
        if ":" in symbol:
            stamps, rates = market.funding(symbol)
            store.write_funding(
                EXCHANGE, symbol, pl.DataFrame({"timestamp": stamps // MS, "rate": rates}), source
            )
    regime = pl.DataFrame(
        {"timestamp": market.candles(market.symbols[0]).open_ns // MS, "regime": market.regime}
    )
    regime.write_parquet(store.root / EXCHANGE / "regime.parquet", compression="zstd")
    (store.root / EXCHANGE / "sample.json").write_bytes(msgspec.json.encode(label))


def _exchange(built: Path, target: Path, label: SampleLabel) -> None:
    outdated = built.with_name("outdated")
    try:
        if target.exists():
            target.replace(outdated)
        built.replace(target)
    except OSError:
        # Another program was faster; what it wrote is the same if it wanted the same market.
        if _label_of(target) != label:
            raise
