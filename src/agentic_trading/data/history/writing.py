"""Merges new rows into a market's folder, file by file and in one step each."""

import hashlib
import io
from pathlib import Path

import msgspec
import polars as pl

from agentic_trading.core.enums import MINUTE_NS, Timeframe
from agentic_trading.core.errors import CorruptData
from agentic_trading.core.models import IntArray
from agentic_trading.data import quality
from agentic_trading.data.history.manifest import (
    CANDLE_SCHEMA,
    FUNDING_SCHEMA,
    MS,
    FileEntry,
    Manifest,
    SeriesEntry,
    SeriesKey,
    gaps_of,
    load_manifest,
    read_verified,
    save_manifest,
    write_atomically,
)


class WriteReport(msgspec.Struct, frozen=True):
    """What a write changed: rows that are new, rows that replaced others, rows that were there already."""

    added: int
    replaced: int
    unchanged: int


def candle_parts(
    key: SeriesKey, frame: pl.DataFrame, timeframe: Timeframe, source: str
) -> dict[str, pl.DataFrame]:
    """Rows by the name of the month file they belong to; raises CorruptData if one is unsound."""
    rows = frame.select(pl.col(name).cast(kind) for name, kind in CANDLE_SCHEMA.items())
    stamps, *bars = (rows[name].to_numpy() for name in CANDLE_SCHEMA)
    quality.require_sound(quality.errors_of(stamps, tuple(bars), timeframe), source)
    month = pl.from_epoch("timestamp", time_unit="ms").dt.strftime("%Y-%m").alias("month")
    parts = rows.with_columns(month).partition_by(
        "month", as_dict=True, include_key=False, maintain_order=True
    )
    return {f"{key.name}/{month[0]}.parquet": parts[month] for month in sorted(parts)}


def funding_parts(frame: pl.DataFrame, source: str) -> dict[str, pl.DataFrame]:
    """Funding rows, stamped to the nearest minute; raises CorruptData if one is unsound."""
    rows = frame.select(pl.col(name).cast(kind) for name, kind in FUNDING_SCHEMA.items())
    stamps = rows["timestamp"].to_numpy()
    if stamps.size and (stamps.min() < 10**12 or stamps.max() >= 10**14):
        raise CorruptData(f"{source}: funding stamps must be UTC epoch milliseconds such as 1609459200000")
    sound = rows["rate"].is_finite().fill_null(False)
    if not sound.all():
        row = int((~sound).arg_max() or 0)
        rate = rows["rate"][row]
        raise CorruptData(
            f"{source}, row {row + 1}: funding rate is {rate}; a fraction like 0.0001 would be right"
        )
    return {"funding.parquet": rows.with_columns(pl.Series("timestamp", to_minute(stamps * MS) // MS))}


def to_minute(stamp_ns: IntArray) -> IntArray:
    """Stamps on the nearest minute: venues stamp funding with a jitter of milliseconds, not information."""
    return (stamp_ns + MINUTE_NS // 2) // MINUTE_NS * MINUTE_NS


def merge(
    folder: Path, key: SeriesKey, parts: dict[str, pl.DataFrame], source: str, duplicates: int, repair: str
) -> WriteReport:
    """Merge ``parts`` (file name to rows) with the files there are; the later of two equal times wins.

    A crash at any moment leaves each file whole, old or new, and the manifest valid for both.
    """
    manifest = load_manifest(folder)
    changed: dict[str, bytes] = {}
    added = replaced = total = 0
    for name, part in parts.items():
        fresh = part.unique("timestamp", keep="last", maintain_order=True)
        total += len(fresh)
        if (folder / name).exists():
            schema = FUNDING_SCHEMA if key.kind == "funding" else CANDLE_SCHEMA
            old = read_verified(folder, name, schema, manifest, repair)
            known = len(fresh.join(old, on="timestamp", how="semi"))
            same = len(fresh.join(old, on=old.columns, how="semi"))
            added, replaced = added + len(fresh) - known, replaced + known - same
            if same == len(fresh):
                continue
            whole = pl.concat([old, fresh]).unique("timestamp", keep="last", maintain_order=True)
        else:
            added += len(fresh)
            whole = fresh
        changed[name] = _announce(manifest, name, whole.sort("timestamp"))
    _record(folder, key, manifest, changed, source, duplicates)
    return WriteReport(added, replaced, total - added - replaced)


def _announce(manifest: Manifest, name: str, rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd")
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    before = manifest.files.get(name)
    times = rows["timestamp"]
    entry = FileEntry(before.sha256 if before else digest, len(rows), int(times[0]), int(times[-1]), digest)
    manifest.files[name] = entry
    return content


def _record(
    folder: Path, key: SeriesKey, manifest: Manifest, changed: dict[str, bytes], source: str, duplicates: int
) -> None:
    entry = manifest.series.setdefault(key.name, SeriesEntry())
    if source not in entry.sources:
        entry.sources.append(source)
    entry.duplicates += duplicates
    # Both digests are valid while files are being replaced, so a crash in between harms nothing.
    save_manifest(folder, manifest)
    for name, content in changed.items():
        write_atomically(folder / name, content)
        manifest.files[name].sha256, manifest.files[name].next_sha256 = manifest.files[name].next_sha256, ""
    if key.timeframe is not None:
        files = sorted((folder / key.name).glob("[0-9]*-[0-9]*.parquet"))
        stamps = pl.scan_parquet(files).select("timestamp").collect()["timestamp"].to_numpy()
        entry.gaps = gaps_of(stamps * MS, key.timeframe)
    save_manifest(folder, manifest)
