"""Random-walk minute candles that any engine can be given, and their way into a history folder.

Opens equal the closes before them, so engines that fill at the close of a signal's candle and engines
that fill at the next open trade at the same price, and their final equities can be compared.
"""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from agentic_trading.core.enums import Timeframe
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore

FloatArray = npt.NDArray[np.float64]

START_MS = 1_609_459_200_000
"""2021-01-01 00:00 UTC, the open of the first candle of the walk."""
MINUTE_MS = 60_000
FIRST_PRICE = 50_000.0
MINUTE_SIGMA = 0.0005
SEED = 42
SEED_STEP = 1000
"""Seeds of symbols lie this far apart; each column of a symbol draws from a seed of its own."""
FAST, SLOW = 12, 26
"""Windows of the two averages that every engine crosses, in candles."""
VOLUME_SCALE = 1000.0
"""Stored volumes are this much larger, so that no order is large against its candle."""


def random_walk(rows: int, seed: int = SEED) -> FloatArray:
    """Open, high, low, close, volume, float64 (5, ``rows``): a geometric walk rounded to 0.01.

    A longer walk starts with the shorter one of the same seed.
    """

    def normals(column: int) -> FloatArray:
        return np.random.default_rng(seed + column).standard_normal(rows)

    closes = np.round(FIRST_PRICE * np.exp(np.cumsum(normals(0) * MINUTE_SIGMA)), 2)
    opens = np.concatenate([[FIRST_PRICE], closes[:-1]])
    above, below = (np.abs(normals(column)) * MINUTE_SIGMA * 0.5 for column in (1, 2))
    highs = np.round(np.maximum(opens, closes) * (1 + above), 2)
    lows = np.round(np.minimum(opens, closes) * (1 - below), 2)
    volumes = np.round(np.random.default_rng(seed + 3).exponential(10.0, rows) + 1.0, 3)
    return np.stack([opens, highs, lows, closes, volumes])


def digest(bars: FloatArray) -> str:
    """SHA-256, hex, of the bars in little-endian bytes."""
    return hashlib.sha256(bars.astype("<f8").tobytes()).hexdigest()


def write_walks(root: Path, symbols: tuple[str, ...], rows: int, warm_up: int) -> None:
    """Write one walk per symbol into a history folder, for features that are warm after ``warm_up`` rows.

    Candles that stand still at the first close come before each walk: an average that starts with them
    has the value of one that starts with the walk, so the features are warm on `first_traded`.
    """
    store = HistoryStore(root)
    for position, symbol in enumerate(symbols):
        bars = random_walk(rows, SEED + SEED_STEP * position)
        lead_in = max(0, warm_up - 1 - first_traded(bars[3]))  # the last row of the warm-up is warm
        stamps = START_MS + MINUTE_MS * np.arange(-lead_in, rows, dtype=np.int64)
        still = np.repeat(bars[3, 0], lead_in)
        prices = [np.concatenate([still, column]) for column in bars[:4]]
        volume = np.concatenate([np.ones(lead_in), bars[4]]) * VOLUME_SCALE
        frame = pl.DataFrame(dict(zip(CANDLE_COLUMNS, [stamps, *prices, volume], strict=True)))
        store.write_candles("binance", symbol, Timeframe.M1, frame, "benchmark walk")


def first_traded(closes: FloatArray) -> int:
    """The row on which trading begins as it does elsewhere.

    The other engines wait for as many candles as the slow average has, and then for a cross from below.
    A strategy of levels does the same if it begins where the fast average is not above the slow one.
    """
    fast = slow = float(closes[0])
    for row, close in enumerate(closes.tolist()):
        fast += (close - fast) * 2 / (FAST + 1)
        slow += (close - slow) * 2 / (SLOW + 1)
        if row >= SLOW and fast <= slow:
            return row
    return len(closes)
