"""The history store: candles, mark prices and funding rates as Parquet files by month."""

from agentic_trading.data.history.manifest import CANDLE_COLUMNS, Kind, SeriesKey
from agentic_trading.data.history.store import HistoryStore, SeriesInfo
from agentic_trading.data.history.writing import WriteReport

__all__ = ["CANDLE_COLUMNS", "HistoryStore", "Kind", "SeriesInfo", "SeriesKey", "WriteReport"]
