"""Results on disk: one folder per run, written whole or not at all, and found again by name."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from agentic_trading.backtester.frames import SCHEMAS
from agentic_trading.backtester.report.page import write_report
from agentic_trading.backtester.result import Result, empty
from agentic_trading.core.errors import ConfigError, CorruptData, MissingData

SUMMARY = "summary.json"
SETTINGS = "settings.toml"
REPORT = "report.html"
FILES = {
    "summary": SUMMARY,
    "settings": SETTINGS,
    "report": REPORT,
    **{name: f"{name}.parquet" for name in SCHEMAS},
}
"""File name by what it holds; the ``files`` of a summary, joined to the folder."""

Stamp = Callable[[dict[str, Any]], dict[str, Any]]


def write(out_dir: Path, result: Result, stamp: Stamp = lambda summary: summary) -> dict[str, Any]:
    """Write a run to ``out_dir`` and return its final summary, with ``files`` filled in.

    Everything is written to a folder beside it, which then takes its place, so a reader never sees
    half a result. An earlier result there is replaced. ``stamp`` may complete the summary (timings)
    after all other files are written. Raises ConfigError if the folder cannot be written or holds
    anything but a result.
    """
    out_dir = Path(out_dir)
    _refuse_foreign(out_dir)
    try:
        out_dir.absolute().parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.absolute().parent))
    except OSError as error:
        raise _unwritable(out_dir, error) from None
    try:
        summary = _write_files(work, out_dir, result, stamp)
        work.chmod(0o755)
        _swap(work, out_dir)
    except OSError as error:
        raise _unwritable(out_dir, error) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return summary


def _unwritable(out_dir: Path, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    return ConfigError(f"cannot write results to {out_dir}: {reason}; choose a writable folder with --out")


def _refuse_foreign(out_dir: Path) -> None:
    """Replacing a folder must never delete something that is not ours."""
    try:
        if not out_dir.exists():
            return
        if not out_dir.is_dir():
            raise ConfigError(f"cannot write results to {out_dir}: it is a file; choose a folder with --out")
        ours = set(FILES.values())
        foreign = sorted(entry.name for entry in out_dir.iterdir() if entry.name not in ours)
    except OSError as error:
        raise _unwritable(out_dir, error) from None
    if foreign:
        raise ConfigError(
            f"will not replace {out_dir}: it holds {foreign[0]}, which is not part of a result; "
            "choose a new or empty folder with --out"
        )


def _write_files(folder: Path, out_dir: Path, result: Result, stamp: Stamp) -> dict[str, Any]:
    for name in SCHEMAS:
        frame: pl.DataFrame = getattr(result, name)
        frame.write_parquet(folder / FILES[name], compression="zstd")
    (folder / SETTINGS).write_text(result.settings_toml, encoding="utf-8")
    write_report(result, folder / REPORT)
    files = {name: str(out_dir / file) for name, file in FILES.items()}
    summary = {**stamp(result.summary), "files": files}
    (folder / SUMMARY).write_text(summary_text(summary), encoding="utf-8")
    return summary


def summary_text(summary: dict[str, Any]) -> str:
    """The JSON document of a run; NaN and infinities are a bug and raise ValueError."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _swap(work: Path, out_dir: Path) -> None:
    if not out_dir.exists():
        work.replace(out_dir)
        return
    aside = work.with_name(work.name + "-old")
    out_dir.replace(aside)
    try:
        work.replace(out_dir)
    except OSError:
        aside.replace(out_dir)
        raise
    shutil.rmtree(aside, ignore_errors=True)


class Run(NamedTuple):
    """A run found on disk."""

    run_id: str
    folder: Path
    summary: dict[str, Any]


class RunStore:
    """The results folder: lists runs, finds one by id, unique prefix, path or ``last``."""

    def __init__(self, results_dir: Path) -> None:
        self._root = Path(results_dir)

    def runs(self) -> list[Run]:
        """All runs, oldest first by when their summary was written; unreadable ones are left out."""
        if not self._root.is_dir():
            return []
        found = []
        for path in self._root.glob(f"*/{SUMMARY}"):
            try:
                found.append((path.stat().st_mtime_ns, path.parent.name, _read_run(path.parent)))
            except (CorruptData, OSError):
                continue
        return [run for _, _, run in sorted(found, key=lambda each: each[:2])]

    def find(self, name: str) -> Run:
        """The run called ``name``: an id, a unique prefix of one, a result folder's path, or ``last``.

        Raises MissingData naming the known runs, or CorruptData if its summary cannot be read.
        """
        if (self._root / name / SUMMARY).is_file():
            return _read_run(self._root / name)
        if (Path(name) / SUMMARY).is_file():
            return _read_run(Path(name))
        runs = self.runs()
        if name == "last" and runs:
            return runs[-1]
        matches = [run for run in runs if run.run_id.startswith(name) or run.folder.name.startswith(name)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise MissingData(f"run {name!r} is not unique in {self._root}: {_names(matches)}")
        known = f"known runs are {_names(runs)}" if runs else "there are none yet; `backtest` makes one"
        raise MissingData(f"no run {name!r} in {self._root}: {known}")

    def load(self, name: str) -> Result:
        """The whole result of a run; raises as `find`, and CorruptData if a table cannot be read."""
        run = self.find(name)
        tables = {table: _read_table(run.folder, table) for table in SCHEMAS}
        settings = run.folder / SETTINGS
        text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
        return Result(summary=run.summary, settings_toml=text, **tables)


def _names(runs: list[Run]) -> str:
    shown = [run.folder.name for run in reversed(runs)][:8]
    return ", ".join(shown) + (", ..." if len(runs) > len(shown) else "")


def _read_run(folder: Path) -> Run:
    path = folder / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        return Run(str(summary["run_id"]), folder, summary)
    except (ValueError, KeyError, TypeError):
        raise CorruptData(f"{path} is not the summary of a run; make the run again") from None


def _read_table(folder: Path, name: str) -> pl.DataFrame:
    path = folder / FILES[name]
    if not path.is_file() and name in ("open_positions", "prices"):
        return empty(name)
    try:
        return pl.read_parquet(path, columns=list(SCHEMAS[name]))
    except (OSError, pl.exceptions.PolarsError):
        raise CorruptData(f"{path} cannot be read as the table {name}; make the run again") from None
