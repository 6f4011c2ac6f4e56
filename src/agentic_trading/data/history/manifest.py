"""What lies in a market's folder of the history store: file names, digests, sources, gaps."""

import hashlib
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, CorruptData
from agentic_trading.core.models import IntArray

Kind = Literal["candles", "mark", "funding"]
Schema = dict[str, type[pl.DataType]]

MS = 1_000_000
CANDLE_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
CANDLE_SCHEMA: Schema = {"timestamp": pl.Int64} | dict.fromkeys(CANDLE_COLUMNS[1:], pl.Float64)
FUNDING_SCHEMA: Schema = {"timestamp": pl.Int64, "rate": pl.Float64}


class SeriesKey(msgspec.Struct, frozen=True):
    """One series of one market: candles or mark prices of a timeframe, or the funding rates."""

    venue: str
    symbol: str
    kind: Kind
    timeframe: Timeframe | None = None

    @property
    def name(self) -> str:
        """``1h``, ``mark/1h`` or ``funding``: its path inside the market's folder."""
        if self.kind == "funding":
            return "funding"
        return f"mark/{self.timeframe}" if self.kind == "mark" else str(self.timeframe)


def market_folder(root: Path, venue: str, symbol: str) -> Path:
    """``<root>/<venue>/<spot|linear>/<BASE-QUOTE>`` of a unified symbol."""
    pair, _, settle = symbol.partition(":")
    return root / venue / ("linear" if settle else "spot") / pair.replace("/", "-")


def symbol_of(market: str, folder: str) -> str:
    """The unified symbol of a market's folder name; the reverse of `market_folder`."""
    base, _, quote = folder.rpartition("-")
    return f"{base}/{quote}:{quote}" if market == "linear" else f"{base}/{quote}"


class FileEntry(msgspec.Struct):
    """One file: its digest, and while it is being replaced the digest of what comes next."""

    sha256: str
    rows: int
    first_ms: int
    last_ms: int
    next_sha256: str = ""


class SeriesEntry(msgspec.Struct):
    """One series: its sources and its gaps (first missing ms, next present ms, candles missing)."""

    sources: list[str] = []
    duplicates: int = 0
    gaps: list[tuple[int, int, int]] = []


class Manifest(msgspec.Struct):
    """Contents of ``manifest.json``; files that it does not name are read, but cannot be vouched for."""

    version: int = 1
    files: dict[str, FileEntry] = {}
    series: dict[str, SeriesEntry] = {}

    def check(self, name: str, content: bytes, path: Path, repair: str) -> None:
        """Raise CorruptData unless ``content`` is what was written under ``name``."""
        entry = self.files.get(name)
        if entry is None:
            return
        if hashlib.sha256(content).hexdigest() not in (entry.sha256, entry.next_sha256):
            raise CorruptData(
                f"{path} is not the file that was written (its sha256 differs from {path.name}'s entry in "
                f"manifest.json): delete it and get its candles again with: {repair}"
            )


def load_manifest(folder: Path) -> Manifest:
    """The manifest of a market's folder, empty if there is none; raises CorruptData if unreadable."""
    path = folder / "manifest.json"
    if not path.exists():
        return Manifest()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, OSError) as problem:
        raise CorruptData(
            f"{path} cannot be read ({problem}): delete it to go on without digests, or import the data again"
        ) from None


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest in place of the old one, in one step."""
    write_atomically(
        folder / "manifest.json", msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never half of it.

    Raises ConfigError if the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as problem:
        raise ConfigError(
            f"cannot write {path}: {problem.strerror or problem}; choose a writable folder with --data-dir"
        ) from None


def gaps_of(open_ns: IntArray, timeframe: Timeframe) -> list[tuple[int, int, int]]:
    """The holes between sorted open times: first missing ms, next present ms, candles missing."""
    step = np.diff(open_ns)
    return [
        (
            int(open_ns[row] + timeframe.ns) // MS,
            int(open_ns[row + 1]) // MS,
            int(step[row] // timeframe.ns) - 1,
        )
        for row in np.flatnonzero(step > timeframe.ns)
    ]


def month_of(at_ns: int) -> str:
    """``2024-01``: the file in which a candle that opens at this time is kept."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m")


def read_verified(
    folder: Path,
    name: str,
    schema: Schema,
    manifest: Manifest,
    repair: str,
) -> pl.DataFrame:
    """The columns of one Parquet file, after its digest was compared with the manifest's.

    Raises CorruptData, naming the file and ``repair``, if the digest differs, the file is truncated or
    is no Parquet, lacks rows or a column, or has a column of another type.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise CorruptData(f"{path} cannot be read ({problem.strerror}): check its permissions") from None
    manifest.check(name, content, path, repair)
    try:
        frame = pl.scan_parquet(io.BytesIO(content)).select(schema.keys()).collect()
    except pl.exceptions.ColumnNotFoundError:
        raise CorruptData(f"{path} must have the columns {', '.join(schema)}; bring it in with: "
                          f"agentic-trading data import FILE") from None  # fmt: skip
    except pl.exceptions.PolarsError:
        raise CorruptData(
            f"{path} is not a whole Parquet file: delete it and get it again with: {repair}"
        ) from None
    for column, kind in schema.items():
        if frame.schema[column] != kind:
            raise CorruptData(
                f"{path}: column {column} is {frame.schema[column]}, {kind} would be right; "
                f"bring it in with: agentic-trading data import FILE"
            )
    if not len(frame):
        raise CorruptData(f"{path} has no rows: delete it and get it again with: {repair}")
    return frame
