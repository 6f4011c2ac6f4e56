"""Brings files of other programs and venues into the history store, and refuses what cannot be trusted."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import CorruptData, UsageError
from agentic_trading.core.models import IntArray
from agentic_trading.data import quality
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore, Kind, WriteReport
from agentic_trading.data.importers.names import FileIdentity, identify
from agentic_trading.data.importers.tables import Table, read_table

MS = 1_000_000
_DEFAULT_EXCHANGE = "binance"


class ImportReport(msgspec.Struct, frozen=True):
    """What became of one file: where its rows went, and what was noticed on the way."""

    path: str
    exchange: str
    symbol: str
    kind: Kind
    timeframe: Timeframe | None
    rows: int
    added: int
    replaced: int
    unchanged: int
    duplicates: int
    out_of_order: int
    gaps: int
    missing: int
    notes: tuple[str, ...]


def import_file(
    path: Path, store: HistoryStore, *, exchange: str | None = None, symbol: str | None = None,
    timeframe: Timeframe | None = None,
) -> ImportReport:  # fmt: skip
    """Read one file, check every row, and merge it into the store.

    Market and timeframe come from the arguments, else from the file's name, else (timeframe) from the
    spacing of its rows; what was assumed is in the report's notes. Raises UsageError if the market
    stays unknown or the file holds no candles, CorruptData naming file, row, value and what would be
    right, MissingData if there is no such file.
    """
    named = identify(path)
    notes = [] if symbol else list(named.notes)
    market = symbol or named.symbol
    if market is None:
        raise UsageError(
            f"the name of {path} does not say which market it holds: add --symbols, such as BTC/USDT"
        )
    venue = exchange or named.exchange
    if venue is None:
        venue = _DEFAULT_EXCHANGE
        notes.append(f"{path.name} does not say its exchange: taken as {venue} (use --exchange to change)")
    table = read_table(path, named.kind, base=market.partition("/")[0])
    if not len(table.frame):
        raise CorruptData(f"{path} has no rows: fetch or copy it again")
    notes += table.notes
    identity = FileIdentity(venue, market, named.kind, timeframe or named.timeframe)
    if named.kind == "funding":
        return _import_funding(path, store, identity, table, notes)
    return _import_candles(path, store, identity, table, notes)


def _import_funding(
    path: Path, store: HistoryStore, identity: FileIdentity, table: Table, notes: Sequence[str]
) -> ImportReport:
    stamps = table.frame["timestamp"].to_numpy()
    written = store.write_funding(identity.exchange or "", identity.symbol or "", table.frame, path.name)
    return _report(path, identity, stamps, written, 0, 0, tuple(notes))


def _import_candles(
    path: Path, store: HistoryStore, identity: FileIdentity, table: Table, notes: list[str]
) -> ImportReport:
    stamps, *bars = (table.frame[name].to_numpy() for name in CANDLE_COLUMNS)
    timeframe = identity.timeframe
    if timeframe is None:
        timeframe = _spacing(path, stamps)
        notes.append(f"{path.name} does not say its timeframe: its rows are {timeframe} apart")
    identity = msgspec.structs.replace(identity, timeframe=timeframe)
    findings = quality.inspect(stamps, bars[0], bars[1], bars[2], bars[3], bars[4], timeframe)
    numbered = [msgspec.structs.replace(each, row=each.row + table.first_line - 1) for each in findings]
    quality.require_sound(numbered, str(path))
    in_order = np.unique(stamps)
    steps = np.diff(in_order) // (timeframe.ns // MS) - 1
    duplicates = len(stamps) - len(in_order)
    absurd = [each for each in numbered if each.kind == "absurd_price"]
    notes += [f"{path.name}, {each}" for each in absurd[:3]]
    if len(absurd) > 3:
        notes.append(f"{path.name}: {len(absurd) - 3} more absurd prices; see agentic-trading data check")
    written = store.write_candles(
        identity.exchange or "", identity.symbol or "", timeframe, table.frame, path.name,
        kind=identity.kind, duplicates=duplicates,
    )  # fmt: skip
    gaps, missing = int(np.count_nonzero(steps > 0)), int(np.sum(steps))
    return _report(path, identity, stamps, written, gaps, missing, tuple(notes))


def _report(
    path: Path, identity: FileIdentity, stamps: IntArray, written: WriteReport, gaps: int, missing: int,
    notes: tuple[str, ...],
) -> ImportReport:  # fmt: skip
    return ImportReport(
        path=str(path), exchange=identity.exchange or "", symbol=identity.symbol or "", kind=identity.kind,
        timeframe=identity.timeframe, rows=len(stamps), added=written.added, replaced=written.replaced,
        unchanged=written.unchanged, duplicates=len(stamps) - len(np.unique(stamps)),
        out_of_order=int(np.count_nonzero(np.diff(stamps) < 0)), gaps=gaps, missing=missing, notes=notes,
    )  # fmt: skip


def _spacing(path: Path, stamps: IntArray) -> Timeframe:
    """The most frequent distance between neighbouring rows, if it is a timeframe."""
    steps = pl.Series(np.diff(np.unique(stamps))).mode().sort()
    if len(steps):
        for timeframe in Timeframe:
            if timeframe.ns // MS == steps[0]:
                return timeframe
    raise UsageError(f"neither name nor rows of {path} tell its timeframe: add --timeframe, such as 1h")
