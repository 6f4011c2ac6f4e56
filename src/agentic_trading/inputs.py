"""What a backtest works on: symbols, candles, strategies, features, funding; loaded, checked, joined."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from agentic_trading.backtester.record import MarketSeen
from agentic_trading.backtester.replay import FundingStamp
from agentic_trading.backtester.timeline import Timeline
from agentic_trading.backtester.wake import Watch, rows_of, watch_of
from agentic_trading.contenders import Contender, choose_symbols, contenders_of
from agentic_trading.core.clock import iso
from agentic_trading.core.enums import DAY_NS, Timeframe
from agentic_trading.core.errors import ConfigError, MissingData
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import CLOSE, VOLUME, CandleColumns, Instrument
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.quality import Passport
from agentic_trading.data.sample_store import EXCHANGE as SAMPLE
from agentic_trading.data.sample_store import ensure_sample
from agentic_trading.features.table import Table, build_table
from agentic_trading.settings import AppSettings
from agentic_trading.shared_history import Market, SharedHistory, Stretch
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.regime.threshold import ThresholdRegime
from agentic_trading.venue_prices import VenuePrices

Progress = Callable[[str], None]


class Inputs(msgspec.Struct, frozen=True, eq=False):
    """Everything that decides a run besides the settings; ``sha256`` is the digest of the data in it."""

    contenders: tuple[Contender, ...]
    instruments: Mapping[str, Instrument]
    timeline: Timeline
    first_row: int
    tables: Mapping[tuple[Timeframe, str], tuple[CandleColumns, Table]]
    funding: tuple[FundingStamp, ...]
    prices: VenuePrices
    passport: Passport
    sha256: str
    warnings: tuple[str, ...]
    features_s: float
    """Seconds spent on computing features."""
    seen: Callable[[int], MarketSeen]
    """What a result tells of these candles, by the open of the first that is traded."""


def load_inputs(
    settings: AppSettings,
    strategy_dirs: Sequence[Path] = (),
    progress: Progress = lambda what: None,
    objects: Mapping[str, BaseStrategy[Any]] | None = None,
    shared: SharedHistory | None = None,
) -> Inputs:
    """Load and prepare all that a backtest needs; ``progress`` is told what is being done.

    ``objects`` are strategies given as objects instead of by name; ``shared`` is what earlier runs have
    read and computed.
    Raises ConfigError, UsageError, MissingData or CorruptData, each with one sentence and a remedy.
    """
    progress("sample market" if settings.backtest.exchange == SAMPLE else "history")
    kept = shared or SharedHistory(lambda name: progress(f"feature {name}"))
    contenders, market, warnings = _taking_part(settings, strategy_dirs, objects or {}, kept)
    timeline = market.timeline
    first_row = _first_row(timeline, settings.backtest.range_ns[0])
    regime = kept.regime(settings.regime)
    began = perf_counter()
    tables = _tables(contenders, market, regime)
    features_s = perf_counter() - began
    _check_quotes(market.instruments, settings)
    gated = [
        each.timeframe for each in contenders if regime is not None and each.settings.regimes is not None
    ]
    notes = [*market.notes, *_late_start(tables, gated, int(timeline.close_ns[first_row]))]
    return Inputs(
        contenders, market.instruments, timeline, first_row, tables, market.funding, market.prices,
        market.passport, market.sha256, (*warnings, *notes), features_s, market.seen,
    )  # fmt: skip


def share_inputs(runs: Iterable[AppSettings], strategy_dirs: Sequence[Path], shared: SharedHistory) -> None:
    """Read and compute, as far as there is room, what these runs will ask ``shared`` for.

    Raises as `load_inputs`.
    """
    for settings in runs:
        if shared.is_full:
            return
        contenders, market, _ = _taking_part(settings, strategy_dirs, {}, shared)
        _tables(contenders, market, shared.regime(settings.regime))


def watches_of(inputs: Inputs, *, every: bool = False) -> list[Watch]:
    """The rows on which each strategy could act on each of its symbols; ``every`` takes all that are warm."""
    rows = {key: rows_of(inputs.timeline, candles) for key, (candles, _) in inputs.tables.items()}
    watches = []
    for each in inputs.contenders:
        for symbol in each.symbols:
            key = (each.timeframe, symbol)
            table = inputs.tables[key][1]
            triggers = None if every else each.strategy.triggers(table)
            watches.append(
                watch_of(each.settings.strategy_id, symbol, table, rows[key], table.warm, triggers)
            )
    return watches


# --- candles and features ---------------------------------------------------------------------


def _taking_part(
    settings: AppSettings,
    strategy_dirs: Sequence[Path],
    objects: Mapping[str, BaseStrategy[Any]],
    kept: SharedHistory,
) -> tuple[tuple[Contender, ...], Market, list[str]]:
    """Who trades, on which market, and a note for every symbol that is left out."""
    store = _store(settings)
    symbols, notes = choose_symbols(settings, _daily_volume(store, settings))
    contenders = contenders_of(settings, symbols, kept.catalogue(strategy_dirs), objects)
    start_ns, end_ns = settings.backtest.range_ns
    base = settings.backtest.timeframe
    preroll = _preroll(contenders, kept.regime(settings.regime), base) if start_ns is not None else 0
    wanted = Stretch(
        store.root, settings.backtest.exchange, symbols, base, start_ns, end_ns, preroll,
        settings.backtest.max_fill, settings.backtest.detail_timeframe,
    )  # fmt: skip
    return contenders, kept.market(wanted), notes


def _store(settings: AppSettings) -> HistoryStore:
    root = Path(settings.backtest.data_dir)
    if settings.backtest.exchange == SAMPLE:
        return ensure_sample(root, settings.backtest.seed)
    return HistoryStore(root)


def _daily_volume(store: HistoryStore, settings: AppSettings) -> dict[str, float]:
    """Quote volume of the day before the start, where a filter asks for it and it is stored.

    Nothing from the run itself may decide which symbols take part in it.
    """
    start_ns = settings.backtest.range_ns[0]
    if not settings.symbols.min_daily_volume or start_ns is None:
        return {}
    volumes = {}
    for symbol in settings.symbols.default:
        try:
            day = store.read(
                settings.backtest.exchange, symbol, settings.backtest.timeframe, start_ns - DAY_NS, start_ns
            )
        except MissingData:
            continue
        traded = zip(day.bars[CLOSE].tolist(), day.bars[VOLUME].tolist(), strict=True)
        volumes[symbol] = sum(close * volume for close, volume in traded)
    return volumes


def _preroll(contenders: Sequence[Contender], regime: ThresholdRegime | None, base: Timeframe) -> int:
    """Base candles before the start that make every feature warm at the first traded one."""
    longest = 0
    for contender in contenders:
        for spec in contender.specs:
            longest = max(longest, (spec.warm_up + 1) * (spec.timeframe or contender.timeframe).ns)
    for spec in regime.features if regime is not None else ():
        longest = max(longest, (spec.warm_up + 1) * (spec.timeframe or base).ns)
    return -(-longest // base.ns)


def _first_row(timeline: Timeline, start_ns: int | None) -> int:
    if start_ns is None:
        return 0
    first = int(np.searchsorted(timeline.close_ns, start_ns, side="right"))
    if first >= len(timeline):
        raise MissingData(
            f"there is no candle after {iso(start_ns)} UTC: the data ends {iso(int(timeline.close_ns[-1]))}"
        )
    return first


def _tables(
    contenders: Sequence[Contender], market: Market, regime: ThresholdRegime | None
) -> dict[tuple[Timeframe, str], tuple[CandleColumns, Table]]:
    """One table per (first timeframe, symbol) with the features of all strategies that trade there."""
    tables: dict[tuple[Timeframe, str], tuple[CandleColumns, Table]] = {}
    for symbol, base in market.base.items():
        wanted: dict[Timeframe, list[FeatureSpec]] = {}
        for contender in contenders:
            if symbol in contender.symbols:
                wanted.setdefault(contender.timeframe, []).extend(contender.specs)
        specs = [
            *(regime.features if regime is not None else ()),
            *(s for each in wanted.values() for s in each),
        ]
        frames = [*wanted, *(spec.timeframe for spec in specs if spec.timeframe is not None)]
        built = {frame: market.candles(symbol, frame) for frame in (base.timeframe, *frames)}
        for frame, own in wanted.items():
            table = build_table(
                built, frame, list(dict.fromkeys(own)), regime, store=market.columns,
                can_short=market.instruments[symbol].can_short,
            )  # fmt: skip
            tables[(frame, symbol)] = (built[frame], table)
    return tables


def _late_start(
    tables: Mapping[tuple[Timeframe, str], tuple[CandleColumns, Table]],
    gated: Sequence[Timeframe],
    start_ns: int,
) -> list[str]:
    """Say where trading begins later than the data, because features or a gating regime still warm up."""
    latest = 0
    for (timeframe, symbol), (candles, table) in tables.items():
        ready = table.warm & (table.regime > 0) if timeframe in gated else table.warm
        if not ready.any():
            return [f"{symbol}: the data is too short for the features to warm up; nothing can be traded."]
        begins = int(candles.open_ns[ready.argmax()]) + candles.timeframe.ns
        if begins > start_ns + candles.timeframe.ns:
            latest = max(latest, begins)
    if not latest:
        return []
    begins_at = iso(latest)[:16]
    return [f"Features and regime warm up until {begins_at} UTC: there are no candles before the start."]


# --- money matters ----------------------------------------------------------------------------


def _check_quotes(instruments: Mapping[str, Instrument], settings: AppSettings) -> None:
    for symbol, instrument in instruments.items():
        if instrument.quote != settings.portfolio.quote:
            raise ConfigError(
                f"{symbol} is quoted in {instrument.quote}, but portfolio.quote is "
                f"{settings.portfolio.quote}: "
                f"one run counts in one currency"
            )
