"""Small random markets with holes, late starts and shocks, kept as an exchange's history."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import BoolArray, FloatArray, IntArray
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore

ROWS = 600
MIDNIGHT_NS = 1_704_153_600_000_000_000
"""2024-01-02 00:00 UTC, in the middle of every market."""


class Marketplace(msgspec.Struct, frozen=True):
    """What is traded: a market of random candles for every symbol, the same one for the same seed.

    The price of each perpetual is multiplied by ``jump`` at some candle; ``marks`` says whether mark
    prices are stored, ``funding_ns`` how often funding is settled. Candles of ``detail`` tell what went on
    inside those of ``base``, with holes of their own.
    """

    seed: int
    base: Timeframe
    symbols: tuple[str, ...]
    jump: float
    funding_ns: int
    marks: bool
    detail: Timeframe | None = None


class History(msgspec.Struct, frozen=True, eq=False):
    """Candles of a symbol that are there: open times (n,) and bars (5, n)."""

    open_ns: IntArray
    bars: FloatArray


def random_history(draw: np.random.Generator, base: Timeframe, jump: float) -> History:
    """A random walk with holes; somewhere its price is multiplied by ``jump``, in two steps."""
    moves = draw.normal(0.0, draw.choice([0.001, 0.004, 0.015]), ROWS)
    close = 100.0 * np.cumprod(np.maximum(1.0 + moves, 0.5))
    jumps_at = int(draw.integers(ROWS // 2, ROWS))
    for at in (jumps_at, jumps_at + 8):  # a first blow that trips what can trip, and a second one
        close[at:] *= np.sqrt(jump)
    close = np.maximum(np.round(close, 2), 0.05)
    first = np.round(np.concatenate(([100.0], close[:-1])) * (1.0 + draw.normal(0.0, 5e-4, ROWS)), 2)
    high, low = np.maximum(first, close), np.minimum(first, close)
    wick = np.abs(draw.normal(0.0, 0.002, ROWS))
    bars = np.array([first, np.round(high * (1 + wick), 2), np.round(low * (1 - wick), 2), close, close])
    bars[4] = np.round(draw.exponential(1.0, ROWS) * draw.choice([0.05, 10.0, 1e4]), 3)
    open_ns = MIDNIGHT_NS + (np.arange(ROWS, dtype=np.int64) - ROWS // 2) * base.ns
    keep = _kept(draw, open_ns)
    return History(open_ns[keep], np.ascontiguousarray(bars[:, keep]))


def _kept(draw: np.random.Generator, open_ns: IntArray) -> BoolArray:
    """Some candles are missing singly, some in stretches, maybe over midnight; some symbols start later."""
    keep: BoolArray = draw.random(ROWS) > draw.choice([0.0, 0.02])
    for _ in range(int(draw.integers(0, 3))):
        start = int(draw.integers(0, ROWS))
        keep[start : start + int(draw.integers(2, 25))] = False
    if draw.random() < 0.4:
        keep[ROWS // 2 - int(draw.integers(0, 8)) : ROWS // 2 + int(draw.integers(1, 8))] = False
    if draw.random() < 0.4:
        keep[: int(draw.integers(0, ROWS // 3))] = False
    return keep


def write_market(root: Path, place: Marketplace) -> None:
    """Store candles, and for the perpetuals funding rates and sometimes mark prices."""
    store = HistoryStore(root)
    draw = np.random.default_rng(place.seed)
    for symbol in place.symbols:
        history = random_history(draw, place.base, place.jump if ":" in symbol else 1.0)
        columns = [history.open_ns // 1_000_000, *history.bars]
        frame = pl.DataFrame(dict(zip(CANDLE_COLUMNS, columns, strict=True)))
        store.write_candles("binance", symbol, place.base, frame, "test")
        if place.detail is not None:
            finer = finer_candles(np.random.default_rng([place.seed, 1]), history, place.base, place.detail)
            store.write_candles("binance", symbol, place.detail, finer, "test")
            if ":" in symbol and place.marks:
                store.write_candles("binance", symbol, place.detail, finer[::2], "test", kind="mark")
        if ":" not in symbol:
            continue
        every = max(place.funding_ns, place.base.ns)
        span = ROWS // 2 * place.base.ns
        stamps = np.arange(MIDNIGHT_NS - span, MIDNIGHT_NS + span, every, dtype=np.int64)
        rates = pl.DataFrame({"timestamp": stamps // 1_000_000, "rate": draw.normal(0, 1e-3, len(stamps))})
        store.write_funding("binance", symbol, rates, "test")
        if place.marks:
            store.write_candles("binance", symbol, place.base, frame[::2], "test", kind="mark")


def finer_candles(
    draw: np.random.Generator, history: History, base: Timeframe, detail: Timeframe
) -> pl.DataFrame:
    """Finer candles on some way through each candle: within it, from its open to its close, by its extremes.

    Here and there one is missing, and once a whole stretch.
    """
    parts = base.ns // detail.ns
    first, high, low, last, volume = history.bars
    between = low + (high - low) * draw.random((parts - 1, len(first)))
    knots = np.vstack([first, np.clip(np.round(between, 2), low, high), last])
    highs, lows = np.maximum(knots[:-1], knots[1:]), np.minimum(knots[:-1], knots[1:])
    of = np.arange(len(first))
    highs[draw.integers(0, parts, len(first)), of] = high
    lows[draw.integers(0, parts, len(first)), of] = low
    bars = [knots[:-1], highs, lows, knots[1:], np.tile(np.round(volume / parts, 4), (parts, 1))]
    open_ns = history.open_ns + np.arange(parts, dtype=np.int64)[:, None] * detail.ns
    keep = draw.random(open_ns.size) > draw.choice([0.0, 0.02])
    hole = int(draw.integers(0, open_ns.size))
    keep[hole : hole + int(draw.integers(0, 60))] = False
    columns = [column.T.reshape(-1)[keep] for column in (open_ns // 1_000_000, *bars)]
    return pl.DataFrame(dict(zip(CANDLE_COLUMNS, columns, strict=True)))
