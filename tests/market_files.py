"""Small candle frames and the real files beside the repository, for the tests of data."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agentic_trading.core.enums import Timeframe

REAL_DATA = Path(__file__).parents[1].parent / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL_DATA.exists(), reason="real market data is not on this machine")
START_MS = 1_609_459_200_000
"""2021-01-01 00:00 UTC."""


def candle_frame(rows: int, timeframe: Timeframe = Timeframe.H1, start_ms: int = START_MS) -> pl.DataFrame:
    """Plain candles without gaps whose every price and volume differs."""
    count = np.arange(rows, dtype=np.float64)
    stamps = start_ms + np.arange(rows, dtype=np.int64) * (timeframe.ns // 1_000_000)
    open_ = 100.0 + count / 8
    columns = {
        "timestamp": stamps, "open": open_, "high": open_ + 2.0, "low": open_ - 1.0, "close": open_ + 0.5,
        "volume": 1.0 + count,
    }  # fmt: skip
    return pl.DataFrame(columns)


def real_file(name: str) -> Path:
    """A file of the real data; the test is skipped where it is not there."""
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"real market data ({name}) is not on this machine")
    return path
