"""What runs over the same history share: candles, funding, feature columns, the regime model."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agentic_trading.backtester.record import MarketSeen
from agentic_trading.backtester.replay import FundingStamp
from agentic_trading.backtester.summary import market_seen
from agentic_trading.backtester.timeline import Timeline, build_timeline
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import CandleColumns, Instrument
from agentic_trading.data.candle_builder import build
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.instruments import load_instrument
from agentic_trading.data.quality import Passport, passport
from agentic_trading.features.columns import ColumnStore
from agentic_trading.funding_stamps import funding_stamps
from agentic_trading.strategies.regime.settings import RegimeSettings
from agentic_trading.strategies.regime.threshold import ThresholdRegime
from agentic_trading.strategies.registry import Catalogue, discover
from agentic_trading.venue_prices import VenuePrices, read_venue_prices

MOST_BYTES = 1024 * 2**20
"""Feature columns, and candles of more stretches than one, are forgotten beyond this."""


class Stretch(NamedTuple):
    """Which candles are read."""

    root: Path
    venue: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    start_ns: int | None
    end_ns: int | None
    preroll: int
    max_fill: int
    detail: Timeframe | None = None


class Market(msgspec.Struct, frozen=True, eq=False):
    """What a stretch of history holds, whoever trades on it; ``sha256`` is the digest of all of it.

    ``columns`` keeps the features computed on its candles so far.
    """

    base: Mapping[str, CandleColumns]
    timeline: Timeline
    instruments: Mapping[str, Instrument]
    funding: tuple[FundingStamp, ...]
    prices: VenuePrices
    passport: Passport
    sha256: str
    notes: tuple[str, ...]
    columns: ColumnStore
    _built: dict[tuple[str, Timeframe], CandleColumns] = msgspec.field(default_factory=dict)
    _seen: dict[int, MarketSeen] = msgspec.field(default_factory=dict)

    def candles(self, symbol: str, timeframe: Timeframe) -> CandleColumns:
        """The candles of a symbol on a timeframe; coarser ones than the base are built, once."""
        base = self.base[symbol]
        if timeframe is base.timeframe:
            return base
        key = (symbol, timeframe)
        if key not in self._built:
            self._built[key] = build(base, timeframe)
        return self._built[key]

    def seen(self, first_ns: int) -> MarketSeen:
        """What a result tells of its candles, those from ``first_ns`` on being traded; made once."""
        if first_ns not in self._seen:
            self._seen[first_ns] = market_seen(self.timeline.columns, first_ns)
        return self._seen[first_ns]

    @property
    def candle_bytes(self) -> int:
        """Bytes of its candles on all timeframes."""
        candles = [*self.base.values(), *self._built.values()]
        return sum(each.bars.nbytes + each.open_ns.nbytes for each in candles)


class SharedHistory:
    """Keeps what was read and computed; a run that wants the same gets the same objects.

    It trusts that the files stay as they are while it lives. A copy in another process, made by pickle,
    keeps all but the strategies, which it discovers itself, and tells nobody of its progress.
    """

    def __init__(self, progress: Callable[[str], None] | None = None) -> None:
        self._progress = progress
        self._markets: dict[Stretch, Market] = {}
        self._regime: tuple[RegimeSettings, ThresholdRegime] | None = None
        self._catalogues: dict[tuple[Path, ...], Catalogue] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_progress": None, "_catalogues": {}}

    @property
    def is_full(self) -> bool:
        """Whether the next `market` forgets what is not needed for it."""
        markets = self._markets.values()
        candles = [market.candle_bytes for market in markets]
        columns = sum(market.columns.nbytes for market in markets)
        return columns + sum(candles) - max(candles, default=0) > MOST_BYTES

    def market(self, wanted: Stretch) -> Market:
        """The market of a stretch; raises MissingData or CorruptData as `HistoryStore.read` does."""
        known = self._markets.get(wanted)
        if self.is_full:
            self._markets.clear()
            if known is not None:
                known = msgspec.structs.replace(known, columns=ColumnStore(self._progress))
        if known is None:
            known = _read(wanted, ColumnStore(self._progress))
        self._markets[wanted] = known
        return known

    def regime(self, settings: RegimeSettings) -> ThresholdRegime | None:
        """The regime model, None where it is disabled."""
        if not settings.enabled:
            return None
        if self._regime is None or self._regime[0] != settings:
            self._regime = (settings, ThresholdRegime(settings))
        return self._regime[1]

    def catalogue(self, strategy_dirs: Sequence[Path]) -> Catalogue:
        """The strategies of this package and of these folders; raises as `discover` does."""
        key = tuple(strategy_dirs)
        if key not in self._catalogues:
            self._catalogues[key] = discover(key)
        return self._catalogues[key]


def _read(wanted: Stretch, columns: ColumnStore) -> Market:
    store = HistoryStore(wanted.root)
    base = {
        symbol: store.read(
            wanted.venue, symbol, wanted.timeframe, wanted.start_ns, wanted.end_ns,
            preroll=wanted.preroll, max_fill=wanted.max_fill,
        )
        for symbol in wanted.symbols
    }  # fmt: skip
    timeline = build_timeline(list(base.values()))
    instruments = {symbol: load_instrument(store, wanted.venue, symbol) for symbol in wanted.symbols}
    funding, notes = funding_stamps(store, wanted.venue, instruments, timeline)
    prices = read_venue_prices(store, wanted.venue, instruments, timeline, wanted.detail)
    known = _passport(store, wanted, base)
    digest = hashlib.sha256(known.sha256.encode())
    digest.update(msgspec.json.encode(list(instruments.values())))
    digest.update(msgspec.json.encode(list(funding)))
    digest.update(prices.digest())
    return Market(
        base, timeline, instruments, funding, prices, known, digest.hexdigest(), tuple(notes), columns
    )


def _passport(store: HistoryStore, wanted: Stretch, base: Mapping[str, CandleColumns]) -> Passport:
    sources: dict[str, None] = {}
    duplicates = 0
    for symbol in base:
        source, dropped = store.provenance(
            wanted.venue, symbol, wanted.timeframe, wanted.start_ns, wanted.end_ns
        )
        sources[source] = None
        duplicates += dropped
    return passport(list(base.values()), "; ".join(sources), duplicates)
