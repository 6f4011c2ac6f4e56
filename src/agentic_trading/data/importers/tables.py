"""Reads files of any known format into one shape: timestamps and numbers in named columns."""

import io
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.errors import CorruptData, MissingData, UsageError
from agentic_trading.core.models import IntArray
from agentic_trading.data.history import CANDLE_COLUMNS, Kind
from agentic_trading.data.importers.names import refuse_other_data
from agentic_trading.data.quality import unit_of

FORMATS = (".parquet", ".csv", ".zip", ".feather", ".json")

_TIME_NAMES = (
    "timestamp", "open_time", "unix", "calc_time", "fundingtime", "funding_time", "datetime", "date", "time",
    "opentime", "start_time", "start", "ts", "t", "__index_level_0__",
)  # fmt: skip
_PRICE_NAMES: dict[str, tuple[str, ...]] = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price", "last"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base", "amount"),
}
_RATE_NAMES = ("rate", "funding_rate", "fundingrate", "last_funding_rate")
_TO_MS = {
    "seconds": (1000, 1),
    "milliseconds": (1, 1),
    "microseconds": (1, 1000),
    "nanoseconds": (1, 1_000_000),
}


class Table(msgspec.Struct, frozen=True, eq=False):
    """A file's rows in file order; ``first_line`` is the line or row number of the first, for messages."""

    frame: pl.DataFrame
    first_line: int
    notes: tuple[str, ...]


def read_table(path: Path, kind: Kind, base: str = "") -> Table:
    """Columns ``timestamp`` (ms) and prices, or ``rate`` for funding, of one file.

    ``base`` is the base asset, which some files put in the name of the volume column. Raises
    MissingData if there is no such file, UsageError if its format is unknown, CorruptData if its
    content is.
    """
    if not path.is_file():
        raise MissingData(f"there is no file {path}; give the path of an existing {', '.join(FORMATS)} file")
    raw, first_line = _load(path)
    names = {_plain(column): column for column in reversed(raw.columns)}
    refuse_other_data(path, list(names))
    time_column = next((names[name] for name in _TIME_NAMES if name in names), None)
    if time_column is None:
        raise CorruptData(
            f"{path} has no time column among {', '.join(raw.columns)}; one named timestamp is needed"
        )
    # Funding in Freqtrade's files is shaped like a candle whose open is the rate.
    wanted = dict(_PRICE_NAMES)
    if kind == "funding":
        wanted = {"rate": (*_RATE_NAMES, "open")}
    elif kind == "mark":
        del wanted["volume"]  # mark prices trade nothing; some files say null, some 0
    elif kind == "candles":
        wanted["volume"] += (f"volume_{base.lower()}",)
    stamps, notes = _milliseconds(path, raw[time_column], first_line)
    columns = [pl.Series("timestamp", stamps)]
    for field, aliases in wanted.items():
        source = next((names[alias] for alias in aliases if alias in names), None)
        if source is None:
            raise CorruptData(
                f"{path} has no column {field} among {', '.join(raw.columns)}; {field} is needed"
            )
        columns.append(_numbers(path, raw[source], field, first_line))
    frame = pl.DataFrame(columns)
    if kind == "mark":
        frame = frame.with_columns(volume=pl.lit(0.0))
    return Table(frame, first_line, notes)


def _load(path: Path) -> tuple[pl.DataFrame, int]:
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return pl.read_parquet(io.BytesIO(path.read_bytes())), 1
        if suffix == ".feather":
            return pl.read_ipc(io.BytesIO(path.read_bytes())), 1
        if suffix == ".json":
            return _rows(path), 1
        if suffix == ".csv":
            return _csv(path, path.read_bytes())
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return _csv(path, archive.read(archive.namelist()[0]))
    except (
        pl.exceptions.PolarsError,
        msgspec.DecodeError,
        zipfile.BadZipFile,
        UnicodeDecodeError,
    ) as problem:
        reason = str(problem).splitlines()[0]
        raise CorruptData(
            f"{path} is not a whole {suffix[1:]} file ({reason}): fetch or copy it again"
        ) from None
    except OSError as problem:
        raise CorruptData(
            f"{path} cannot be read ({problem.strerror or problem}): fetch or copy it again"
        ) from None
    raise UsageError(f"{path} has the unknown ending {suffix or 'none'!r}; known are {', '.join(FORMATS)}")


def _rows(path: Path) -> pl.DataFrame:
    rows = msgspec.json.decode(path.read_bytes(), type=list[list[float | int]])
    for number, row in enumerate(rows, 1):
        if len(row) != len(CANDLE_COLUMNS):
            raise CorruptData(
                f"{path}, row {number} has {len(row)} numbers; [time, open, high, low, close, volume] are"
            )
    stamps = pl.Series("timestamp", [int(row[0]) for row in rows], dtype=pl.Int64)
    prices = [
        pl.Series(name, [float(row[at]) for row in rows], dtype=pl.Float64)
        for at, name in enumerate(CANDLE_COLUMNS[1:], 1)
    ]
    return pl.DataFrame([stamps, *prices])


def _csv(path: Path, content: bytes) -> tuple[pl.DataFrame, int]:
    lines = content.split(b"\n", 2)
    # Some sites put their address on a line of its own above the header.
    skip = 1 if len(lines) > 1 and lines[0].count(b",") < 2 <= lines[1].count(b",") else 0
    head = lines[skip].decode().strip().split(",") if len(lines) > skip else []
    if not any(head):
        raise CorruptData(f"{path} is empty: fetch or copy it again")
    headless = all(_is_number(cell) for cell in head)
    frame = pl.read_csv(
        io.BytesIO(content), has_header=not headless, skip_rows=skip, infer_schema_length=None
    )
    if headless:
        if frame.width < len(CANDLE_COLUMNS):
            raise CorruptData(
                f"{path} has {frame.width} columns and no header; {', '.join(CANDLE_COLUMNS)} would be right"
            )
        frame = frame.select(frame.columns[: len(CANDLE_COLUMNS)])
        frame.columns = list(CANDLE_COLUMNS)
    return frame, skip + (1 if headless else 2)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _plain(column: str) -> str:
    return column.strip().lower().replace(" ", "_").lstrip("\ufeff")


def _milliseconds(path: Path, column: pl.Series, first_line: int) -> tuple[IntArray, tuple[str, ...]]:
    if column.null_count():
        line = first_line + int(column.is_null().arg_max() or 0)
        raise CorruptData(f"{path}, row {line}: the time is missing; a UTC time would be right")
    if column.dtype == pl.String:
        column = _parse_times(path, column, first_line)
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("ms"))
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("ms").to_numpy(), ()
    stamps: IntArray = column.cast(pl.Int64).to_numpy()
    unit = unit_of(int(stamps[0])) if stamps.size else "milliseconds"
    if unit is None:
        raise CorruptData(
            f"{path}, row {first_line}: time {int(stamps[0])} is no time of this century in any unit; "
            f"UTC epoch milliseconds would be right (such as 1609459200000)"
        )
    for row in np.flatnonzero(_magnitudes(stamps) != _magnitudes(stamps[:1]))[:1]:
        raise CorruptData(
            f"{path}, row {first_line + int(row)}: time {int(stamps[row])} is not in {unit} like the rows "
            f"before it; one unit throughout would be right"
        )
    if unit == "milliseconds":
        return stamps, ()
    if path.suffix.lower() not in (".csv", ".zip"):
        raise CorruptData(
            f"{path}, row {first_line}: time {int(stamps[0])} looks like {unit}; UTC epoch milliseconds "
            f"would be right (such as 1609459200000)"
        )
    times, over = _TO_MS[unit]
    return stamps * times // over, (f"times in {path.name} were read as {unit}",)


def _magnitudes(stamps: IntArray) -> IntArray:
    """0 to 3 for seconds to nanoseconds, other numbers for no plausible unit."""
    return np.searchsorted(np.array([10**9, 10**12, 10**15, 10**18]), stamps, side="right")


def _parse_times(path: Path, column: pl.Series, first_line: int) -> pl.Series:
    text = column.str.strip_chars()
    numeric = text.cast(pl.Int64, strict=False)
    if not numeric.null_count():
        return numeric
    bare = text.str.replace(r"(Z|[+-]00:?00| UTC)$", "").str.replace("T", " ", literal=True)
    for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %I-%p"):
        whole = bare + " 00:00:00" if form == "%Y-%m-%d" else bare
        shape = "%Y-%m-%d %H:%M:%S" if form == "%Y-%m-%d" else form
        times = whole.str.to_datetime(shape, time_unit="ms", strict=False)
        if not times.null_count():
            return times
    bad = bare.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ms", strict=False).is_null()
    row = int(bad.arg_max() or 0)
    raise CorruptData(
        f"{path}, row {first_line + row}: {column[row]!r} is not a time; 2021-01-31 13:05:00 (UTC) or epoch "
        f"milliseconds would be right"
    )


def _numbers(path: Path, column: pl.Series, field: str, first_line: int) -> pl.Series:
    values = column.cast(pl.Float64, strict=False)
    if values.null_count():
        row = int(values.is_null().arg_max() or 0)
        raise CorruptData(
            f"{path}, row {first_line + row}: {field} is {column[row]!r}; a number would be right"
        )
    return values.alias(field)
