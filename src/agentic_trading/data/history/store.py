"""Reads and writes the history under one folder; nothing unchecked gets out of it."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import CorruptData
from agentic_trading.core.models import CandleColumns, FloatArray, IntArray
from agentic_trading.data import quality
from agentic_trading.data.candle_builder import build, fill_gaps
from agentic_trading.data.history import repair, writing
from agentic_trading.data.history.manifest import (
    CANDLE_COLUMNS,
    CANDLE_SCHEMA,
    FUNDING_SCHEMA,
    MS,
    Kind,
    Manifest,
    SeriesEntry,
    SeriesKey,
    gaps_of,
    load_manifest,
    market_folder,
    month_of,
    read_verified,
    symbol_of,
)
from agentic_trading.data.history.repair import FAR_FUTURE_NS
from agentic_trading.data.history.writing import WriteReport


class SeriesInfo(msgspec.Struct, frozen=True):
    """One line of `HistoryStore.list_series`; ``rows`` are candles or funding stamps, times their ends."""

    exchange: str
    symbol: str
    kind: Kind
    timeframe: Timeframe | None
    rows: int
    first_ns: int
    last_ns: int
    gaps: int
    missing: int
    source: str


class HistoryStore:
    """Market history in ``<root>/<exchange>/<market>/<BASE-QUOTE>/<timeframe>/<YYYY-MM>.parquet``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # --- writing ------------------------------------------------------------------------------

    def write_candles(
        self, venue: str, symbol: str, timeframe: Timeframe, frame: pl.DataFrame, source: str,
        *, kind: Kind = "candles", duplicates: int = 0,
    ) -> WriteReport:  # fmt: skip
        """Merge candles (``CANDLE_COLUMNS``, open times in ms, any order) with what is stored.

        Of two candles with one time the new, or in ``frame`` the later one, wins. ``duplicates`` is
        what the caller already dropped, for the record. Raises CorruptData if a candle is unsound.
        """
        key = SeriesKey(venue, symbol, kind, timeframe)
        parts = writing.candle_parts(key, frame, timeframe, source)
        return self._merge(key, parts, source, duplicates)

    def write_funding(self, venue: str, symbol: str, frame: pl.DataFrame, source: str) -> WriteReport:
        """Merge funding rates (``timestamp`` ms, ``rate`` per interval); stamps go to the nearest minute."""
        key = SeriesKey(venue, symbol, "funding")
        return self._merge(key, writing.funding_parts(frame, source), source, 0)

    def _merge(
        self, key: SeriesKey, parts: dict[str, pl.DataFrame], source: str, duplicates: int
    ) -> WriteReport:
        folder = self.folder(key.venue, key.symbol)
        remedy = self._remedy(key, repair.DEFAULT_SINCE)
        return writing.merge(folder, key, parts, source, duplicates, remedy)

    # --- reading ------------------------------------------------------------------------------

    def read(
        self, venue: str, symbol: str, timeframe: Timeframe, start_ns: int | None = None,
        end_ns: int | None = None, preroll: int = 0, max_fill: int = 1, *, kind: Kind = "candles",
    ) -> CandleColumns:  # fmt: skip
        """Candles that open at or after ``start_ns`` and close by ``end_ns``, and ``preroll`` before them.

        None means the first or last there is. Gaps of up to ``max_fill`` base candles are filled flat,
        longer ones begin a new stretch. A timeframe that is not stored, or stored for fewer of the
        months asked for, is built from the best covered finer one that divides it (the finest among
        equals). Raises MissingData with the command that repairs it, ConfigError if only coarser
        candles are stored, CorruptData if a file cannot be trusted.
        """
        first_ns = 0 if start_ns is None else (-(-start_ns // timeframe.ns) - preroll) * timeframe.ns
        last_ns = FAR_FUTURE_NS if end_ns is None else end_ns
        wanted = SeriesKey(venue, symbol, kind, timeframe)
        base = self._base_for(wanted, timeframe, first_ns, last_ns)
        # Room for a fill on both sides: a candle is the same whatever range it is read in.
        margin = max_fill * base.ns
        open_ns, bars = self.raw(SeriesKey(venue, symbol, kind, base), first_ns - margin, last_ns + margin)
        columns = _cut(build(fill_gaps(symbol, base, open_ns, bars, max_fill), timeframe), first_ns, last_ns)
        if not len(columns):
            stored = self.stamps(SeriesKey(venue, symbol, kind, base))
            raise repair.nothing_stored(self.root, wanted, stored, first_ns, last_ns)
        return columns

    def read_mark(
        self, venue: str, symbol: str, timeframe: Timeframe, start_ns: int | None = None,
        end_ns: int | None = None, max_fill: int = 1,
    ) -> CandleColumns:  # fmt: skip
        """Mark-price candles (volume 0), otherwise as `read`."""
        return self.read(venue, symbol, timeframe, start_ns, end_ns, max_fill=max_fill, kind="mark")

    def read_funding(
        self, venue: str, symbol: str, start_ns: int | None = None, end_ns: int | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Funding stamps (ns, on the minute) in [``start_ns``, ``end_ns``) and rates, both (n,).

        Raises MissingData if there is no funding file, CorruptData if it cannot be trusted.
        """
        key = SeriesKey(venue, symbol, "funding")
        if not (self.folder(venue, symbol) / "funding.parquet").exists():
            empty = np.empty(0, dtype=np.int64)
            raise repair.nothing_stored(self.root, key, empty, start_ns or 0, FAR_FUTURE_NS)
        frame = self._file(key, "funding.parquet", load_manifest(self.folder(venue, symbol)))
        # Reversed, so that of two stamps in one minute the later is the one np.unique keeps.
        stamps, order = np.unique(
            writing.to_minute(frame["timestamp"].to_numpy() * MS)[::-1], return_index=True
        )
        rates = frame["rate"].to_numpy()[::-1][order]
        low = 0 if start_ns is None else int(np.searchsorted(stamps, start_ns))
        high = len(stamps) if end_ns is None else int(np.searchsorted(stamps, end_ns))
        return stamps[low:high].copy(), rates[low:high].copy()

    def raw(
        self, key: SeriesKey, start_ns: int = 0, end_ns: int = FAR_FUTURE_NS
    ) -> tuple[IntArray, FloatArray]:
        """Stored candles that open in [``start_ns``, ``end_ns``), gaps and all; times (n,), bars (5, n).

        Only the months needed are read, and each is checked: digest, types, units, prices, order.
        """
        if key.timeframe is None:
            raise ValueError("funding rates are not candles; use read_funding")
        folder = self.folder(key.venue, key.symbol)
        manifest = load_manifest(folder)
        times, prices = [np.empty(0, dtype=np.int64)], [np.empty((5, 0))]
        before = times[0]
        for month in self._months(key, start_ns, end_ns):
            name = f"{key.name}/{month}.parquet"
            frame = self._file(key, name, manifest)
            stamps, *bars = (frame[column].to_numpy() for column in CANDLE_COLUMNS)
            findings = quality.errors_of(stamps, tuple(bars), key.timeframe)
            remedy = f"delete it and get it again with: {self._remedy(key, f'{month}-01')}"
            quality.require_sound(findings, f"{folder / name}", remedy)
            open_ns = stamps * MS
            self._require_order(key, np.concatenate((before, open_ns)))
            before = open_ns[-1:]
            low, high = np.searchsorted(open_ns, (start_ns, end_ns))
            # Copies: a view would keep the whole frame.
            times.append(open_ns[low:high].copy())
            prices.append(np.stack([column[low:high] for column in bars]))
        return np.concatenate(times), np.concatenate(prices, axis=1)

    def _require_order(self, key: SeriesKey, open_ns: IntArray) -> None:
        """Raise CorruptData, naming the first candle that is not later than the one before it."""
        backwards = np.flatnonzero(np.diff(open_ns) <= 0)
        if backwards.size:
            at = int(open_ns[backwards[0] + 1])
            month = month_of(at)
            raise CorruptData(
                f"{self.folder(key.venue, key.symbol) / key.name / month}.parquet: the candle of {iso(at)} "
                f"UTC is not later than the one before it, but candles must be sorted and unique: delete it "
                f"and get it again with: {self._remedy(key, f'{month}-01')}"
            )

    def stamps(self, key: SeriesKey) -> IntArray:
        """Open times (ns) of all stored candles of a series, shape (n,); reads only that column."""
        folder = self.folder(key.venue, key.symbol) / key.name
        files = [folder / f"{month}.parquet" for month in self._months(key, 0, FAR_FUTURE_NS)]
        if not files:
            return np.empty(0, dtype=np.int64)
        try:
            stamps: IntArray = pl.scan_parquet(files).select("timestamp").collect()["timestamp"].to_numpy()
        except pl.exceptions.PolarsError:
            return self.raw(key)[0]  # file by file, so that the error names the broken one
        return stamps * MS

    def first_closes(self, venue: str, symbol: str, count: int = 1000) -> list[float]:
        """The first closes of the finest stored candles, oldest first; empty if nothing is stored."""
        stored = self.timeframes(venue, symbol)
        if not stored:
            return []
        key = SeriesKey(venue, symbol, "candles", stored[0])
        first = self._months(key, 0, FAR_FUTURE_NS)[0]
        frame = self._file(key, f"{key.name}/{first}.parquet", load_manifest(self.folder(venue, symbol)))
        return [float(close) for close in frame["close"].head(count)]

    # --- what is there ------------------------------------------------------------------------

    def folder(self, venue: str, symbol: str) -> Path:
        """Where everything about one market lies."""
        return market_folder(self.root, venue, symbol)

    def timeframes(self, venue: str, symbol: str, kind: Kind = "candles") -> list[Timeframe]:
        """Stored timeframes of a symbol, finest first."""
        keys = [SeriesKey(venue, symbol, kind, timeframe) for timeframe in Timeframe]
        return [key.timeframe for key in keys if key.timeframe and self._months(key, 0, FAR_FUTURE_NS)]

    def series_keys(self) -> list[SeriesKey]:
        """The names of all stored series, by exchange, market and symbol; no file is opened."""
        found: list[SeriesKey] = []
        kinds: tuple[Kind, ...] = ("candles", "mark")
        for folder in sorted(self.root.glob("[!.]*/*/*")):
            if not folder.is_dir() or folder.parent.name not in ("spot", "linear"):
                continue
            venue, symbol = folder.parent.parent.name, symbol_of(folder.parent.name, folder.name)
            for kind in kinds:
                found += [
                    SeriesKey(venue, symbol, kind, each) for each in self.timeframes(venue, symbol, kind)
                ]
            if (folder / "funding.parquet").exists():
                found.append(SeriesKey(venue, symbol, "funding"))
        return found

    def describe(self, key: SeriesKey) -> SeriesInfo:
        """Extent, gaps and source of one series; raises CorruptData if it cannot be read."""
        timeframe = key.timeframe
        stamps = self.stamps(key) if timeframe else self.read_funding(key.venue, key.symbol)[0]
        gaps = gaps_of(stamps, timeframe) if timeframe else []
        entry = load_manifest(self.folder(key.venue, key.symbol)).series.get(key.name, SeriesEntry())
        return SeriesInfo(
            key.venue, key.symbol, key.kind, timeframe, len(stamps), int(stamps[0]), int(stamps[-1]),
            len(gaps), sum(gap[2] for gap in gaps), "; ".join(entry.sources) or "unrecorded files",
        )  # fmt: skip

    def list_series(self) -> list[SeriesInfo]:
        """Every stored series, described."""
        return [self.describe(key) for key in self.series_keys()]

    def provenance(
        self, venue: str, symbol: str, timeframe: Timeframe, start_ns: int | None = None,
        end_ns: int | None = None, kind: Kind = "candles",
    ) -> tuple[str, int]:  # fmt: skip
        """Where the candles that `read` takes came from, and how many duplicates their imports dropped.

        Raises as `read` does if there are none.
        """
        last_ns = FAR_FUTURE_NS if end_ns is None else end_ns
        base = self._base_for(SeriesKey(venue, symbol, kind, timeframe), timeframe, start_ns or 0, last_ns)
        series = load_manifest(self.folder(venue, symbol)).series
        entry = series.get(SeriesKey(venue, symbol, kind, base).name, SeriesEntry())
        return "; ".join(entry.sources) or "unrecorded files", entry.duplicates

    # --- inside -------------------------------------------------------------------------------

    def _months(self, key: SeriesKey, start_ns: int, end_ns: int) -> list[str]:
        low, high = month_of(max(0, start_ns)), month_of(max(0, end_ns - 1))
        files = (self.folder(key.venue, key.symbol) / key.name).glob("[0-9]*-[0-9]*.parquet")
        return sorted(file.stem for file in files if low <= file.stem <= high)

    def _file(self, key: SeriesKey, name: str, manifest: Manifest) -> pl.DataFrame:
        since = repair.DEFAULT_SINCE if key.kind == "funding" else f"{Path(name).stem}-01"
        schema = FUNDING_SCHEMA if key.kind == "funding" else CANDLE_SCHEMA
        return read_verified(
            self.folder(key.venue, key.symbol), name, schema, manifest, self._remedy(key, since)
        )

    def _remedy(self, key: SeriesKey, since: str) -> str:
        timeframe = key.timeframe or Timeframe.H1
        return repair.download_command(self.root, key.venue, key.symbol, timeframe, since)

    def _base_for(self, wanted: SeriesKey, timeframe: Timeframe, first_ns: int, last_ns: int) -> Timeframe:
        stored = self.timeframes(wanted.venue, wanted.symbol, wanted.kind)
        if not stored:
            empty = np.empty(0, dtype=np.int64)
            raise repair.nothing_stored(self.root, wanted, empty, first_ns, last_ns)
        bases = [base for base in stored if timeframe.ns % base.ns == 0]
        if not bases:
            raise repair.too_coarse(self.root, wanted, stored, first_ns)

        def rank(base: Timeframe) -> tuple[int, bool, int]:
            key = SeriesKey(wanted.venue, wanted.symbol, wanted.kind, base)
            return len(self._months(key, first_ns, last_ns)), base is timeframe, -base.ns

        return max(bases, key=rank)


def _cut(columns: CandleColumns, first_ns: int, last_ns: int) -> CandleColumns:
    low = int(np.searchsorted(columns.open_ns, first_ns))
    high = max(low, int(np.searchsorted(columns.open_ns, last_ns - columns.timeframe.ns, side="right")))
    if high - low == len(columns):
        return columns
    part = columns.rows(low, high)
    return msgspec.structs.replace(
        part, open_ns=part.open_ns.copy(), bars=np.ascontiguousarray(part.bars), filled=part.filled.copy()
    )
