"""What runs over the same history share: candles, feature columns, the regime model."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import CandleColumns
from agentic_trading.data.candle_builder import build
from agentic_trading.data.history import HistoryStore
from agentic_trading.features.columns import ColumnStore
from agentic_trading.strategies.regime.settings import RegimeSettings
from agentic_trading.strategies.regime.threshold import ThresholdRegime

MOST_COLUMN_BYTES = 512 * 2**20
"""Feature columns beyond this are forgotten before the next run."""


class Stretch(NamedTuple):
    """Which candles are read."""

    root: Path
    venue: str
    timeframe: Timeframe
    start_ns: int | None
    end_ns: int | None
    preroll: int
    max_fill: int


class SharedHistory:
    """Keeps what was read and computed; a run that wants the same gets the same arrays.

    It trusts that the files stay as they are while it lives. Of each symbol it holds the candles read
    last, as only equal candles can share columns.
    """

    def __init__(self, progress: Callable[[str], None] | None = None) -> None:
        self._progress = progress
        self._columns = ColumnStore(progress)
        self._read: dict[str, tuple[Stretch, CandleColumns]] = {}
        self._built: dict[tuple[str, Timeframe], tuple[CandleColumns, CandleColumns]] = {}
        self._regime: tuple[RegimeSettings, ThresholdRegime] | None = None

    def candles(self, store: HistoryStore, symbol: str, wanted: Stretch) -> CandleColumns:
        """The candles of a symbol; raises as `HistoryStore.read` does."""
        known = self._read.get(symbol)
        if known is None or known[0] != wanted:
            columns = store.read(
                wanted.venue, symbol, wanted.timeframe, wanted.start_ns, wanted.end_ns,
                preroll=wanted.preroll, max_fill=wanted.max_fill,
            )  # fmt: skip
            known = self._read[symbol] = (wanted, columns)
        return known[1]

    def built(self, candles: CandleColumns, timeframe: Timeframe) -> CandleColumns:
        """Candles of a coarser timeframe, built from these."""
        key = (candles.symbol, timeframe)
        known = self._built.get(key)
        if known is None or known[0] is not candles:
            known = self._built[key] = (candles, build(candles, timeframe))
        return known[1]

    def regime(self, settings: RegimeSettings) -> ThresholdRegime | None:
        """The regime model, None where it is disabled."""
        if not settings.enabled:
            return None
        if self._regime is None or self._regime[0] != settings:
            self._regime = (settings, ThresholdRegime(settings))
        return self._regime[1]

    def columns(self) -> ColumnStore:
        """The feature columns computed so far."""
        if self._columns.nbytes > MOST_COLUMN_BYTES:
            self._columns = ColumnStore(self._progress)
        return self._columns
