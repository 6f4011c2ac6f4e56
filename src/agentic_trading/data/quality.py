"""Looks at market data before anyone trades on it, and writes the passport that travels with a result."""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import CorruptData
from agentic_trading.core.models import BoolArray, CandleColumns, FloatArray, IntArray

MS = 1_000_000
ABSURD_FACTOR = 1.5
"""A close that is this many times both its neighbours (or that fraction), or such a wick, is absurd."""

ZERO_VOLUME_RUN = 3
"""Consecutive candles without volume that are worth a finding; single ones are normal in quiet markets."""

_UNITS = (("seconds", 10**9, 10**11), ("milliseconds", 10**12, 10**14),
          ("microseconds", 10**15, 10**17), ("nanoseconds", 10**18, 10**19))  # fmt: skip


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong or odd: ``row`` counts from 0, ``at_ns`` is the candle's open (0: unknown)."""

    kind: str
    row: int
    at_ns: int
    value: float
    severity: Literal["error", "warning"]
    detail: str

    def __str__(self) -> str:
        when = f" ({iso(self.at_ns)} UTC)" if self.at_ns else ""
        return f"row {self.row + 1}{when}: {self.detail}"


def unit_of(stamp: int) -> str | None:
    """The unit an epoch stamp must be in to lie between 2001 and 2286, or None."""
    for name, low, high in _UNITS:
        if low <= stamp < high:
            return name
    return None


def inspect(
    timestamp_ms: IntArray, open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray,
    volume: FloatArray, timeframe: Timeframe,
) -> list[Finding]:  # fmt: skip
    """Everything that is wrong (severity ``error``: do not trade on it) or odd (``warning``) in candles.

    All arrays have shape (n,), in the order in which they were found. Errors: stamps not in
    milliseconds or off the grid of the timeframe, prices or volumes that are not finite, prices not
    above zero, negative volume, high or low inside the body. Warnings: duplicates, out of order, gaps,
    absurd prices (see `ABSURD_FACTOR`), zero-volume runs. Sorted by row within each kind.
    """
    return [
        *errors_of(timestamp_ms, (open_, high, low, close, volume), timeframe),
        *_order(timestamp_ms, timeframe),
        *_absurd(timestamp_ms, open_, high, low, close),
        *_quiet(timestamp_ms, volume),
    ]


def errors_of(
    timestamp_ms: IntArray, bars: FloatArray | tuple[FloatArray, ...], timeframe: Timeframe
) -> list[Finding]:
    """The part of `inspect` that forbids trading on the data; ``bars`` are the five columns in order."""
    open_, high, low, close, volume = bars
    found = _wrong_unit(timestamp_ms)

    def note(kind: str, rows: BoolArray, values: FloatArray | IntArray, text: str) -> None:
        for row in np.flatnonzero(rows):
            value = float(values[row])
            at_ns = int(timestamp_ms[row]) * MS if unit_of(int(timestamp_ms[row])) == "milliseconds" else 0
            found.append(Finding(kind, int(row), at_ns, value, "error", text.format(value)))

    if not found:
        length_ms = timeframe.ns // MS
        text = f"timestamp {{:.0f}} is off the {timeframe} grid; a multiple of {length_ms} ms would be right"
        note("misaligned", timestamp_ms % length_ms != 0, timestamp_ms, text)
    for name, column in (("open", open_), ("high", high), ("low", low), ("close", close)):
        note("not_finite", ~np.isfinite(column), column, name + " is {}; a price above zero would be right")
        note("price", column <= 0.0, column, name + " is {:g}; a price above zero would be right")
    silly = ~np.isfinite(volume) | (volume < 0.0)
    note("volume", silly, volume, "volume is {:g}; zero or more would be right")
    text = "high {:g} is below open, low or close; it must be the highest price"
    note("ohlc", (high < open_) | (high < close) | (high < low), high, text)
    note(
        "ohlc",
        (low > open_) | (low > close),
        low,
        "low {:g} is above open or close; it must be the lowest price",
    )
    return found


def _wrong_unit(timestamp_ms: IntArray) -> list[Finding]:
    rows = np.flatnonzero((timestamp_ms < 10**12) | (timestamp_ms >= 10**14))
    if not rows.size:
        return []
    stamp = int(timestamp_ms[rows[0]])
    unit = unit_of(stamp)
    looks = f"looks like {unit}" if unit else "is no time of this century"
    detail = f"timestamp {stamp} {looks}; UTC epoch milliseconds would be right (such as 1609459200000)"
    return [Finding("time_unit", int(rows[0]), 0, float(stamp), "error", detail)]


def _order(timestamp_ms: IntArray, timeframe: Timeframe) -> list[Finding]:
    found = []
    step = np.diff(timestamp_ms)
    length_ms = timeframe.ns // MS
    for row in np.flatnonzero(step != length_ms):
        at_ns, change = int(timestamp_ms[row + 1]) * MS, int(step[row])
        if change == 0:
            kind, value, detail = "duplicate", 1.0, "the same candle twice in a row"
        elif change < 0:
            kind, value, detail = "out_of_order", change / 1000.0, "older than the candle before it"
        else:
            value = float(change // length_ms - 1)
            kind, detail = "gap", f"{value:.0f} candle(s) missing before it"
        found.append(Finding(kind, int(row) + 1, at_ns, value, "warning", detail))
    return found


def _absurd(
    timestamp_ms: IntArray, open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> list[Finding]:
    spike = np.zeros(close.shape[0], dtype=np.bool_)
    if close.shape[0] > 2:
        before, now, after = close[:-2], close[1:-1], close[2:]
        higher = (now > ABSURD_FACTOR * before) & (now > ABSURD_FACTOR * after)
        lower = (now * ABSURD_FACTOR < before) & (now * ABSURD_FACTOR < after)
        spike[1:-1] = higher | lower
    wick = (high > ABSURD_FACTOR * np.maximum(open_, close)) | (
        low * ABSURD_FACTOR < np.minimum(open_, close)
    )
    found = []
    for row in np.flatnonzero(spike | wick):
        what = "a price move that the next candle takes back" if spike[row] else "a wick far outside the body"
        text = f"{what} (low {low[row]:g}, close {close[row]:g}, high {high[row]:g})"
        at_ns = int(timestamp_ms[row]) * MS
        found.append(Finding("absurd_price", int(row), at_ns, float(close[row]), "warning", text))
    return found


def _quiet(timestamp_ms: IntArray, volume: FloatArray) -> list[Finding]:
    silent = np.concatenate(([False], volume == 0.0, [False]))
    edges = np.flatnonzero(silent[1:] != silent[:-1])
    found = []
    for first, after in zip(edges[0::2], edges[1::2], strict=True):
        if after - first >= ZERO_VOLUME_RUN:
            at_ns, count = int(timestamp_ms[first]) * MS, float(after - first)
            found.append(
                Finding(
                    "zero_volume_run",
                    int(first),
                    at_ns,
                    count,
                    "warning",
                    f"{count:.0f} candles without volume",
                )
            )
    return found


def require_sound(findings: Sequence[Finding], origin: str, repair: str = "") -> None:
    """Raise CorruptData that names ``origin``, the first bad row, its value and what would be right."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise CorruptData(f"{origin}, {errors[0]}{more}{'; ' + repair if repair else ''}")


def data_sha256(columns: Sequence[CandleColumns]) -> str:
    """Digest of the candles themselves: symbol, timeframe and column bytes, never file names or paths."""
    digest = hashlib.sha256()
    for candles in columns:
        digest.update(f"{candles.symbol} {candles.timeframe} {len(candles)}\n".encode())
        digest.update(np.ascontiguousarray(candles.open_ns, dtype="<i8").data)
        digest.update(np.ascontiguousarray(candles.bars, dtype="<f8").data)
        digest.update(np.ascontiguousarray(candles.filled).data)
    return digest.hexdigest()


class Passport(msgspec.Struct, frozen=True):
    """What a run read: its digest, how complete it was, and what is odd about it.

    ``missing`` counts candles absent from the source, ``filled`` those of them that were filled flat,
    ``gaps`` the holes they form, ``duplicates`` what the import dropped; times are nanoseconds.
    """

    sha256: str
    candles: int
    gaps: int
    missing: int
    duplicates: int
    filled: int
    zero_volume: int
    findings: tuple[Finding, ...]
    first_ns: int
    last_ns: int
    source: str

    def to_dict(self) -> dict[str, Any]:
        """The ``data`` section of summary.json; findings are counted by kind, the first twenty listed."""
        kinds = sorted({finding.kind for finding in self.findings})
        counts = {kind: sum(finding.kind == kind for finding in self.findings) for kind in kinds}
        return {
            "sha256": self.sha256, "candles": self.candles, "gaps": self.gaps, "missing": self.missing,
            "duplicates": self.duplicates, "filled": self.filled, "zero_volume": self.zero_volume,
            "first": iso(self.first_ns), "last": iso(self.last_ns), "source": self.source,
            "finding_counts": counts, "findings": [str(finding) for finding in self.findings[:20]],
        }  # fmt: skip

    def summary(self) -> str:
        """One line for people."""
        oddities = [f"{finding.kind}" for finding in self.findings if finding.kind != "gap"]
        odd = f", {len(oddities)} odd ({', '.join(sorted(set(oddities)))})" if oddities else ""
        return (
            f"{self.candles:,} candles {iso(self.first_ns)[:10]}..{iso(self.last_ns)[:10]}, {self.gaps} gaps "
            f"({self.missing} missing, {self.filled} filled), {self.duplicates} duplicates, "
            f"{self.zero_volume} without volume{odd}; sha256 {self.sha256[:12]}; {self.source}"
        )


def passport(columns: Sequence[CandleColumns], source: str, duplicates: int = 0) -> Passport:
    """The passport of the candles a run reads; rows in findings count within their own symbol.

    Raises CorruptData if there are no candles at all: there is nothing to vouch for.
    """
    if not any(len(candles) for candles in columns):
        raise CorruptData("there is not a single candle to inspect")
    findings: list[Finding] = []
    gaps = missing = filled = silent = 0
    for candles in columns:
        stamps, bars = candles.open_ns, candles.bars
        if candles.filled.any():
            stamps, bars = stamps[~candles.filled], bars[:, ~candles.filled]
        for finding in inspect(stamps // MS, bars[0], bars[1], bars[2], bars[3], bars[4], candles.timeframe):
            detail = f"{candles.symbol} {finding.detail}"
            findings.append(msgspec.structs.replace(finding, detail=detail))
        steps = np.diff(stamps) // candles.timeframe.ns - 1
        gaps += int(np.count_nonzero(steps > 0))
        missing += int(np.sum(steps))
        filled += int(np.count_nonzero(candles.filled))
        silent += int(np.count_nonzero(bars[4] == 0.0))
    held = [candles for candles in columns if len(candles)]
    return Passport(
        sha256=data_sha256(columns),
        candles=sum(len(candles) for candles in columns),
        gaps=gaps, missing=missing, duplicates=duplicates, filled=filled, zero_volume=silent,
        findings=tuple(findings),
        first_ns=min(int(candles.open_ns[0]) for candles in held),
        last_ns=max(int(candles.open_ns[-1]) for candles in held),
        source=source,
    )  # fmt: skip
