"""The composition root: here, and only here, the parts become a system.

`agents.topology` is the wiring of every mode. `backtest` chooses clock, data, venue and stores for
replayed history. Below this module nothing can ask which mode it is.
"""

import ctypes
import gc
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

from agentic_trading.agents import Agents, topology
from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.recorder import Recorder, Records
from agentic_trading.backtester.replay import Replay
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.skipping import EveryRow, Skipper
from agentic_trading.backtester.summary import result_of
from agentic_trading.core.clock import ReplayClock, iso
from agentic_trading.core.config import to_toml
from agentic_trading.core.events import Event
from agentic_trading.core.money import exact
from agentic_trading.event_bus.bus import EventBus
from agentic_trading.identity import inputs_sha256, run_id_of, versions
from agentic_trading.inputs import Inputs, load_inputs, watches_of
from agentic_trading.request import effective_settings
from agentic_trading.settings import AppSettings
from agentic_trading.shared_history import SharedHistory
from agentic_trading.simulation.mark import Marks
from agentic_trading.simulation.market import market_models, starting_funds
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.straight.through import StraightThrough, may_be_plain
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.venue_prices import market_rows, marks_of, notes_on_marks

Progress = Callable[[str, float | None], None]
"""Told what is being done and, where known, which share of it is done (0..1)."""


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
    record = record_of(chosen, strategy_dirs, objects, progress, shared)
    _give_memory_back()
    return result_of(record)


def record_of(
    settings: AppSettings,
    strategy_dirs: Sequence[Path] = (),
    objects: Mapping[str, BaseStrategy[Any]] | None = None,
    progress: Progress = lambda what, share: None,
    shared: SharedHistory | None = None,
    keep: Container[type[Event]] | None = None,
) -> RunRecord:
    """Run what effective settings say and return the record, before any table or metric is made of it.

    ``objects`` are strategies given as objects, by name; ``keep`` are the types of the events that the record
    shall have (default: all that the fingerprint tells of). The rest is as in `backtest`.
    """
    began = perf_counter()
    inputs = load_inputs(settings, strategy_dirs, lambda what: progress(what, None), objects, shared)
    loaded = perf_counter()
    clock = ReplayClock()
    capital = Decimal(settings.backtest.capital)
    funds = starting_funds(capital, settings.portfolio.quote, inputs.instruments, settings.simulation)
    agents = Agents(inputs, settings, clock, funds)
    models = market_models(inputs.instruments, settings.simulation, settings.backtest.seed)
    marks = marks_of(inputs.timeline, inputs.prices)
    venue = SimulatedVenue(inputs.instruments, models, funds.balances, marks)
    recorder = Recorder(Records(only=keep))
    step = settings.backtest.step
    skipper, straight = stepping(step, inputs, settings, agents, venue, marks, recorder, clock)
    detail = tuple(inputs.prices.detail.values())
    replay = Replay(inputs.timeline, clock, venue, inputs.funding, skipper, detail, straight)
    bus = EventBus(topology(agents), taps=[recorder.tap, *replay.taps])
    rows = len(inputs.timeline) - inputs.first_row

    def advanced(done: int) -> None:
        recorder.digest()
        agents.orders.all.pack()
        progress("replay", done / rows)

    with exact(), _seldom_collected():
        replay.run(bus, inputs.first_row, advanced)
    timing = {
        "load_s": loaded - began - inputs.features_s,
        "features_s": inputs.features_s,
        "replay_s": perf_counter() - loaded,
    }
    leveraged = any(model.leverage > 1 for model in models.values())
    notes = notes_on_marks(inputs.timeline, inputs.prices, marks) if leveraged else []
    return _record(inputs, settings, agents, replay, recorder, timing, notes)


def stepping(
    step: str,
    inputs: Inputs,
    settings: AppSettings,
    agents: Agents,
    venue: SimulatedVenue,
    marks: Marks,
    recorder: Recorder,
    clock: ReplayClock,
) -> tuple[Skipper | EveryRow | None, StraightThrough | None]:
    """What finds the next row and what carries plain orders, for ``auto``, ``every`` or ``bus``."""
    if step == "bus":
        return None, None
    market = market_rows(inputs.timeline, inputs.prices, marks)
    watches = watches_of(inputs, every=step == "every")
    skipper: Skipper | EveryRow = EveryRow(market, agents)
    if step == "auto":
        skipper = Skipper(inputs.timeline, watches, agents, venue, market)
    if not may_be_plain(inputs, settings, venue):
        return skipper, None
    return skipper, StraightThrough(inputs, agents, venue, market, skipper, recorder, clock, watches)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for reference cycles less often: a replay keeps what happened, and none of it is a cycle."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _give_memory_back() -> None:
    """The C library of Linux keeps what candles and features took, though tables have no use for it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _record(
    inputs: Inputs,
    settings: AppSettings,
    agents: Agents,
    replay: Replay,
    recorder: Recorder,
    timing: Mapping[str, float],
    notes: Sequence[str],
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
        prices=agents.ledger.prices,
        strategies=[each.settings.strategy_id for each in inputs.contenders],
        instruments=inputs.instruments,
        market=inputs.seen(first_open_ns),
        events=recorder.events,
        orders=agents.orders.all.history,
        times=times,
        equity=equity,
        inputs_sha256=inputs_digest,
        fingerprint=fingerprint,
        versions=versions(),
        data=inputs.passport.to_dict() | {"sha256": inputs.sha256},
        timerange={"start": iso(first_open_ns), "end": iso(int(times[-1])) if len(times) else ""},
        timing=timing,
        warnings=[*inputs.warnings, *notes, *end],
        settings_toml=to_toml(settings),
        wake_rows=replay.rows_looked_at,
    )
