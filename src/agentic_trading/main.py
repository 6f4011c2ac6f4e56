"""The composition root: here, and only here, the parts become a system.

`topology` is the wiring of every mode. `backtest` chooses clock, data, venue and stores for replayed
history. Below this module nothing can ask which mode it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.recorder import Recorder
from agentic_trading.backtester.replay import Replay
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.skipping import Skipper
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.backtester.summary import result_of
from agentic_trading.contenders import Contender
from agentic_trading.core.clock import ReplayClock, iso
from agentic_trading.core.config import to_toml
from agentic_trading.core.enums import Posture, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    Bankrupt,
    CancelOrder,
    CandlesClosed,
    DayStarted,
    FeatureVector,
    Fill,
    Funding,
    FundingPosted,
    GapFound,
    MemoryChanged,
    OrderAccepted,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    Proposal,
    Refusal,
    RegimeChanged,
    Signal,
    SignalAdmitted,
    SignalGated,
    TradingStateSet,
)
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import Clock
from agentic_trading.event_bus.bus import EventBus
from agentic_trading.event_bus.topology import Topology
from agentic_trading.execution.engine import ExecutionEngine
from agentic_trading.execution.order_manager import OrderManager
from agentic_trading.features.playback import TableFeatures
from agentic_trading.identity import inputs_sha256, run_id_of, versions
from agentic_trading.inputs import Inputs, load_inputs, watches_of
from agentic_trading.portfolio.allocator import Allocator, Allotment
from agentic_trading.portfolio.entries import Entries
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.request import effective_settings
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.engine import RiskEngine
from agentic_trading.risk.limits import constrain
from agentic_trading.settings import AppSettings
from agentic_trading.shared_history import SharedHistory
from agentic_trading.simulation.market import market_models
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.strategies.agent import StrategyAgent
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.context import Context, Desk
from agentic_trading.strategies.regime.detector import RegimeDetector
from agentic_trading.strategies.regime.gate import Gate

Progress = Callable[[str, float | None], None]
"""Told what is being done and, where known, which share of it is done (0..1)."""

SOURCES = (
    OrderAccepted, OrderRejected, OrderCanceled, OrderUnknown, OrderNotSent, Fill, Funding,
    CandlesClosed, GapFound, AlarmRang, DayStarted,
)  # fmt: skip


class Agents:
    """The deciding core of a session: every agent, built once, in the order in which they depend."""

    def __init__(self, inputs: Inputs, settings: AppSettings, clock: Clock, capital: Decimal) -> None:
        instruments = inputs.instruments
        limits = constrain(settings.risk, settings.safe_mode)
        quote = settings.portfolio.quote
        ids = IdSequence()
        self.ledger = Ledger(instruments, {quote: capital})
        self.orders = OrderManager()
        rows = len(inputs.timeline) - inputs.first_row
        self.equity = EquityCurve(self.ledger, list(instruments), quote, rows)
        self.entries = Entries(self.ledger, self.orders)
        self.breakers = Breakers(limits, self.equity, clock)
        self.features = TableFeatures(inputs.tables)
        self.regime = RegimeDetector()
        self.sizing = Allocator(
            instruments,
            {
                each.settings.strategy_id: Allotment(
                    each.sizing, each.settings.max_position_pct, each.timeframe
                )
                for each in inputs.contenders
            },
            self.ledger, self.orders, self.equity, clock, ids, settings.safe_mode.size_factor,
        )  # fmt: skip
        self.gate = Gate(
            {
                each.settings.strategy_id: frozenset(each.settings.regimes)
                if each.settings.regimes is not None and settings.regime.enabled
                else None
                for each in inputs.contenders
            },
            self.ledger,
        )
        self.risk = RiskEngine(
            instruments, limits, self.ledger, self.orders, self.equity, self.breakers, clock, ids,
            settings.backtest.timeframe,
        )  # fmt: skip
        self.execution = ExecutionEngine()
        desk = Desk(clock, self.ledger, self.orders, self.equity, self.entries, self.features)
        self.strategies = [self._strategy(each, inputs, desk, ids) for each in inputs.contenders]
        names = [each.settings.strategy_id for each in inputs.contenders]
        self._agent_of = dict(zip(names, self.strategies, strict=True))
        self._timeframe_of = {each.settings.strategy_id: each.timeframe for each in inputs.contenders}

    # --- what next-event replay asks (backtester.skipping) ------------------------------------

    def posture(self, strategy: str, symbol: str) -> Posture:
        """Where a strategy stands on a symbol."""
        return self.sizing.posture(strategy, symbol)

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        """Mark rows that nobody looks at; returns the first that needs a look."""
        reached = self.equity.skip(market, self.breakers.limits, start, stop)
        for symbol in self.entries.symbols if reached > start else ():
            self.entries.stretch(symbol, *market.extremes(symbol, start, reached))
        return reached

    def attend(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Only these (strategy, symbol) look at the candles that come next."""
        symbols: dict[str, list[str]] = {strategy: [] for strategy in self._agent_of}
        tables: dict[tuple[Timeframe, str], None] = {}
        for strategy, symbol in pairs:
            symbols[strategy].append(symbol)
            tables[self._timeframe_of[strategy], symbol] = None
        self.features.attend(tables)
        for strategy, agent in self._agent_of.items():
            agent.attend(symbols[strategy])

    @property
    def waits_for_day(self) -> bool:
        """Whether the next day boundary must be looked at."""
        return self.breakers.waits_for_day

    def _strategy(self, each: Contender, inputs: Inputs, desk: Desk, ids: IdSequence) -> StrategyAgent:
        name, memory = each.settings.strategy_id, each.strategy.Memory
        contexts = {
            symbol: Context(
                desk, name, inputs.instruments[symbol], each.timeframe, memory() if memory else None
            )
            for symbol in each.symbols
        }
        return StrategyAgent(
            name, each.strategy, each.timeframe, contexts, self.sizing, ids, each.volatility,
            each.settings.on_gap == "close",
        )  # fmt: skip


def topology(agents: Agents) -> Topology:
    """Who hears what, in which order: the wiring of every mode."""
    a = agents
    return Topology(
        routes={
            # the venue speaks: first the order's life, then the books, then what depends on them
            OrderAccepted: [a.orders],
            OrderRejected: [a.orders],
            OrderCanceled: [a.orders],
            OrderUnknown: [a.orders],
            OrderNotSent: [a.orders],
            Fill: [a.ledger, a.orders, a.entries],
            Funding: [a.ledger],
            OrderClosed: [a.sizing],
            AlarmRang: [a.sizing],
            # the market moves: marks, breakers, extremes, then the eyes
            CandlesClosed: [a.equity, a.breakers, a.entries, a.features],
            DayStarted: [a.equity, a.breakers],
            FeatureVector: [a.regime, *a.strategies],
            GapFound: list(a.strategies),
            # a wish becomes an order
            Signal: [a.gate],
            SignalAdmitted: [a.sizing],
            Proposal: [a.risk],
            Refusal: [a.sizing],
            OrderIntent: [a.orders, a.risk, a.execution],
            CancelOrder: [a.orders],
        },
        sources=SOURCES,
        ends=(
            RegimeChanged, MemoryChanged, SignalGated, FundingPosted, TradingStateSet, Bankrupt,
            Alarm,
        ),
    )  # fmt: skip


def backtest(
    strategies: Sequence[str | BaseStrategy[Any]] | None = None,
    symbols: Sequence[str] | None = None,
    settings: AppSettings | Mapping[str, Any] | None = None,
    *,
    strategy_dirs: Sequence[Path] = (),
    progress: Progress = lambda what, share: None,
    shared: SharedHistory | None = None,
) -> Result:
    """Run strategies over history and return the result.

    ``strategies`` are names or objects (default: those of the settings), ``symbols`` ccxt unified ones.
    ``settings`` is an `AppSettings`, or a mapping of dotted keys to values on top of the files
    (``{"backtest.timerange": "20240101-20240201"}``). Several runs over the same history are quicker
    with one ``shared`` between them; the results are the same. Raises a `core.errors.TradingError` with one
    clear sentence for anything that cannot be run.
    """
    chosen, objects = effective_settings(settings, strategies, symbols, strategy_dirs)
    return result_of(record_of(chosen, strategy_dirs, objects, progress, shared))


def record_of(
    settings: AppSettings,
    strategy_dirs: Sequence[Path] = (),
    objects: Mapping[str, BaseStrategy[Any]] | None = None,
    progress: Progress = lambda what, share: None,
    shared: SharedHistory | None = None,
) -> RunRecord:
    """Run what effective settings say and return the record, before any table or metric is made of it.

    ``objects`` are strategies given as objects, by name; the rest is as in `backtest`.
    """
    began = perf_counter()
    inputs = load_inputs(settings, strategy_dirs, lambda what: progress(what, None), objects, shared)
    loaded = perf_counter()
    clock = ReplayClock()
    capital = Decimal(settings.backtest.capital)
    agents = Agents(inputs, settings, clock, capital)
    models = market_models(inputs.instruments, settings.simulation)
    venue = SimulatedVenue(inputs.instruments, models, {settings.portfolio.quote: capital})
    skipper = None
    if settings.backtest.step == "auto":
        skipper = Skipper(inputs.timeline, watches_of(inputs), agents, venue)
    replay = Replay(inputs.timeline, clock, venue, inputs.funding, skipper)
    recorder = Recorder()
    bus = EventBus(topology(agents), taps=[recorder.tap, replay.tap])
    rows = len(inputs.timeline) - inputs.first_row
    replay.run(bus, inputs.first_row, lambda done: progress("replay", done / rows))
    timing = {
        "load_s": loaded - began - inputs.features_s,
        "features_s": inputs.features_s,
        "replay_s": perf_counter() - loaded,
    }
    return _record(inputs, settings, agents, replay, recorder, timing)


def _record(
    inputs: Inputs,
    settings: AppSettings,
    agents: Agents,
    replay: Replay,
    recorder: Recorder,
    timing: Mapping[str, float],
) -> RunRecord:
    times, equity = agents.equity.rows()
    inputs_digest = inputs_sha256(settings, inputs.sha256)
    fingerprint = recorder.fingerprint(inputs_digest, times, equity)
    first_open_ns = int(inputs.timeline.close_ns[inputs.first_row]) - inputs.timeline.timeframe.ns
    end = ["The account went bankrupt: the run ends there."] if replay.bankrupt else []
    return RunRecord(
        run_id=run_id_of(fingerprint),
        mode=settings.mode,
        exchange=settings.backtest.exchange,
        quote=settings.portfolio.quote,
        capital=Decimal(settings.backtest.capital),
        strategies=[each.settings.strategy_id for each in inputs.contenders],
        instruments=inputs.instruments,
        candles=dict(zip(inputs.timeline.symbols, inputs.timeline.columns, strict=True)),
        first_row_ns=first_open_ns,
        events=recorder.events,
        orders=list(agents.orders.all.values()),
        times=times,
        equity=equity,
        inputs_sha256=inputs_digest,
        fingerprint=fingerprint,
        versions=versions(),
        data=inputs.passport.to_dict() | {"sha256": inputs.sha256},
        timerange={"start": iso(first_open_ns), "end": iso(int(times[-1])) if len(times) else ""},
        timing=timing,
        warnings=[*inputs.warnings, *end],
        settings_toml=to_toml(settings),
        wake_rows=replay.rows_looked_at,
    )
