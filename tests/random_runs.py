"""Random whole runs: markets with holes and shocks, strategies that may want anything, settings at their edges.

`random_case` draws one from a seed, the same one every time. `Case.run` replays it through the real
wiring, looking at every row or at the next that matters; what comes out can be compared to the bit.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import polars as pl

from agentic_trading.backtester.recorder import Recorder
from agentic_trading.backtester.replay import Replay
from agentic_trading.backtester.skipping import Skipper
from agentic_trading.backtester.wake import Watch
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import DAY_NS, HOUR_NS, REGIMES, Direction, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    Event,
    FeatureVector,
    Fill,
    MemoryChanged,
    Signal,
)
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers, ema, roc
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import BoolArray, Candle, FloatArray, IntArray
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
from agentic_trading.event_bus.bus import EventBus
from agentic_trading.event_bus.topology import Topology
from agentic_trading.inputs import Inputs, load_inputs, watches_of
from agentic_trading.main import SOURCES, Agents, topology
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.market import market_models
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.strategies.base import BaseStrategy, StrategyParams

SYMBOLS = ("BTC/USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
ROWS = 600
MIDNIGHT_NS = 1_704_153_600_000_000_000
"""2024-01-02 00:00 UTC."""
FRAMES = {
    Timeframe.M1: (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1),
    Timeframe.M15: (Timeframe.M15, Timeframe.M30, Timeframe.H1),
    Timeframe.H1: (Timeframe.H1, Timeframe.H4),
}
"""Timeframes that strategies may trade on, by that of the replay."""


# --- strategies -------------------------------------------------------------------------------


class Wishes(StrategyParams):
    """How a `Wanderer` behaves; shares are of rows."""

    salt: float
    entry_share: float
    exit_share: float
    extra_share: float
    stops: bool
    valid_for: int
    says: bool
    """Whether it says on which rows it could act; if not, every row must be looked at."""
    higher: Timeframe | None


class Steps(msgspec.Struct):
    """What a `Wanderer` remembers: how often it acted."""

    taken: int = 0


def dice(closes: Any, salt: float, faces: float) -> Any:
    """Numbers in [0, 1) that anybody who knows the closes can throw again; the same for one or many."""
    thrown = closes * faces + salt
    return thrown - np.floor(thrown)


class Wanderer(BaseStrategy[Wishes]):
    """Wants anything at any time, by dice that depend on the row alone, and tells all that it sees."""

    Memory = Steps

    def features(self) -> list[FeatureSpec]:
        higher = [ema(2, timeframe=self.params.higher)] if self.params.higher is not None else []
        return [roc(2), *higher]

    def triggers(self, table: FeatureTable) -> Triggers | None:
        if not self.params.says:
            return None
        extra = dice(table["close"], self.params.salt, 5113.7) < self.params.extra_share
        may_enter, may_leave = self._acts(table["close"])
        return Triggers(entry=may_enter | extra, exit=may_leave | extra)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        may_enter, may_leave = self._acts(candle.close)
        flat, still = ctx.position.direction is Direction.FLAT, not ctx.working
        if not (may_enter if still and flat else may_leave if still else may_enter or may_leave):
            return None
        ctx.memory.taken += 1
        throw = float(dice(candle.close, self.params.salt, 7919.3))
        reasons = _all_it_sees(ctx, features)
        if throw < 0.2:
            return Signal.flat(candle, reasons=reasons)
        make = Signal.long if throw < 0.6 else Signal.short
        sign = 1 if throw < 0.6 else -1
        stop = None
        if self.params.stops:
            since = candle.close if ctx.entry is None else (ctx.entry.high if sign > 0 else ctx.entry.low)
            stop = since * (1.0 - sign * (0.004 + 0.05 * throw))
        signal = make(candle, strength=0.2 + 0.8 * throw, stop=stop, reasons=reasons)
        return msgspec.structs.replace(signal, valid_for=self.params.valid_for)

    def _acts(self, closes: Any) -> tuple[Any, Any]:
        enters = dice(closes, self.params.salt, 977.1) < self.params.entry_share
        leaves = dice(closes, self.params.salt, 1361.9) < self.params.exit_share
        return enters, leaves


def _all_it_sees(ctx: TradingContext, features: FeatureVector) -> dict[str, float]:
    """Everything a strategy may read, as reasons: what differs anywhere differs in the record."""
    entry, book = ctx.entry, ctx.book
    seen = {name: features[name] for name in features.columns}
    if entry is not None:
        seen |= {"entry_ns": entry.at_ns, "entry": entry.price, "high": entry.high, "low": entry.low}
        seen |= {"stop": entry.stop or 0.0}
    return seen | {
        "position": float(ctx.position.quantity),
        "cost": float(ctx.position.average_price),
        "working": len(ctx.working),
        "equity": book.equity,
        "cash": book.cash,
        "gross": book.gross_exposure,
        "drawdown": book.drawdown_ratio,
        "now": float(ctx.now_ns),
        "regime": REGIMES.index(ctx.regime.state),
        "before": ctx.history(3)[0].close,
    }


class Sleeper:
    """Agent that asks for an alarm at every fill and ring, some for long ago, and records what it finds then."""

    name = "sleeper"
    reads = ("equity",)
    emits = (Alarm, MemoryChanged)

    def __init__(self, agents: Agents, clock: ReplayClock, naps: Sequence[int]) -> None:
        self._agents, self._clock, self._naps = agents, clock, list(naps)

    def react(self, event: Fill | AlarmRang) -> Iterable[Event]:
        answer: list[Event] = []
        if isinstance(event, AlarmRang):
            if event.key != self.name:
                return answer
            seen = {"due": event.at_ns, "now": self._clock.now_ns, "equity": self._agents.equity.equity}
            answer.append(MemoryChanged(self._clock.now_ns, self.name, "", seen))
        if self._naps:
            answer.append(Alarm(self.name, self._clock.now_ns + self._naps.pop()))
        return answer


# --- markets ----------------------------------------------------------------------------------


class History(msgspec.Struct, frozen=True, eq=False):
    """Candles of a symbol that are there: open times (n,) and bars (5, n)."""

    open_ns: IntArray
    bars: FloatArray


def random_history(draw: np.random.Generator, base: Timeframe, jump: float) -> History:
    """A random walk with holes; somewhere its price is multiplied by ``jump`` from one candle to the next."""
    moves = draw.normal(0.0, draw.choice([0.001, 0.004, 0.015]), ROWS)
    close = 100.0 * np.cumprod(np.maximum(1.0 + moves, 0.5))
    close[int(draw.integers(ROWS // 2, ROWS)) :] *= jump
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


def write_market(root: Path, case: "Case") -> None:
    """Store candles, and for the perpetuals funding rates and sometimes mark prices."""
    store = HistoryStore(root)
    draw = np.random.default_rng(case.seed)
    for symbol in case.symbols:
        history = random_history(draw, case.base, case.jump if ":" in symbol else 1.0)
        columns = [history.open_ns // 1_000_000, *history.bars]
        frame = pl.DataFrame(dict(zip(CANDLE_COLUMNS, columns, strict=True)))
        store.write_candles("binance", symbol, case.base, frame, "test")
        if ":" not in symbol:
            continue
        every = max(case.funding_ns, case.base.ns)
        span = ROWS // 2 * case.base.ns
        stamps = np.arange(MIDNIGHT_NS - span, MIDNIGHT_NS + span, every, dtype=np.int64)
        rates = pl.DataFrame({"timestamp": stamps // 1_000_000, "rate": draw.normal(0, 1e-3, len(stamps))})
        store.write_funding("binance", symbol, rates, "test")
        if case.marks:
            store.write_candles("binance", symbol, case.base, frame[::2], "test", kind="mark")


# --- cases ------------------------------------------------------------------------------------


class Outcome(msgspec.Struct, frozen=True, eq=False):
    """What a run did: its record, its equity rows (as bytes), and how many rows it looked at."""

    fingerprint: str
    events: list[Event]
    times: bytes
    equity: bytes
    looked_at: int
    rows: int
    bankrupt: bool

    @property
    def kinds(self) -> Counter[str]:
        return Counter(type(event).__name__ for event in self.events)


class Case(msgspec.Struct, frozen=True, eq=False):
    """One random run; ``latency_ns`` wins over the settings, which do not allow several candles."""

    seed: int
    base: Timeframe
    symbols: tuple[str, ...]
    strategies: dict[str, Wanderer]
    options: dict[str, Any]
    latency_ns: int
    jump: float
    funding_ns: int
    marks: bool
    naps: tuple[int, ...]

    @property
    def sparse(self) -> bool:
        """Whether every strategy says on which few rows it could act."""
        wishes = [strategy.params for strategy in self.strategies.values()]
        return all(each.says and max(each.entry_share, each.exit_share) < 0.2 for each in wishes)

    @contextmanager
    def loaded(self) -> Iterator[tuple[Inputs, AppSettings]]:
        """What both ways of stepping work on."""
        with TemporaryDirectory() as folder:
            write_market(Path(folder), self)
            backtest = self.options["backtest"] | {"data_dir": folder}
            settings = AppSettings.model_validate(self.options | {"backtest": backtest})
            yield load_inputs(settings, objects=self.strategies), settings

    def run(self, inputs: Inputs, settings: AppSettings, step: str) -> Outcome:
        """Replay it as `main.backtest` does, with the latency of the case and somebody who asks for alarms."""
        clock, capital = ReplayClock(), Decimal(settings.backtest.capital)
        agents = Agents(inputs, settings, clock, capital)
        models = {
            symbol: msgspec.structs.replace(model, latency_ns=self.latency_ns)
            for symbol, model in market_models(inputs.instruments, settings.simulation).items()
        }
        venue = SimulatedVenue(inputs.instruments, models, {"USDT": capital})
        watches: list[Watch] = watches_of(inputs)
        skipper = Skipper(inputs.timeline, watches, agents, venue) if step == "auto" else None
        replay = Replay(inputs.timeline, clock, venue, inputs.funding, skipper)
        recorder = Recorder()
        table = _with(topology(agents), Sleeper(agents, clock, self.naps))
        replay.run(EventBus(table, taps=[recorder.tap, replay.tap]), inputs.first_row)
        times, rows = agents.equity.rows()
        return Outcome(
            recorder.fingerprint("", times, rows), recorder.events, times.tobytes(), rows.tobytes(),
            replay.rows_looked_at, len(times), replay.bankrupt,
        )  # fmt: skip


def _with(table: Topology, sleeper: Sleeper) -> Topology:
    """The wiring of every mode, and one more agent at the end of two routes."""
    routes = dict(table.routes)
    for kind in (Fill, AlarmRang):
        routes[kind] = [*routes[kind], sleeper]
    return Topology(routes=routes, sources=SOURCES, ends=tuple(table.ends))


def random_case(seed: int) -> Case:
    """The case of a seed."""
    draw = random.Random(seed)
    base = draw.choice(list(FRAMES))
    symbols = tuple(draw.sample(SYMBOLS, draw.randint(1, 3)))
    strategies, blocks = {}, []
    for number in range(draw.randint(1, 3)):
        name, frame = f"wanderer{number}", draw.choice(FRAMES[base])
        params = _random_wishes(draw, base, frame)
        strategies[name] = Wanderer(params)
        blocks.append(_block(draw, name, frame, params))
    options = {
        "symbols": {"default": symbols},
        "regime": {"enabled": draw.random() < 0.5, "timeframe": base, "adx_window": 2, "volatility_window": 2},
        "risk": _random_limits(draw),
        "portfolio": {"sizing": _random_sizing(draw)},
        "simulation": {
            "slippage": draw.choice(["fixed", "volatility"]),
            "participation_ratio": draw.choice([0.002, 0.1, 1.0]),
            "fills": draw.choice(["realistic", "realistic", "next_open"]),
        },
        "backtest": {
            "capital": "10000",
            "exchange": "binance",
            "timeframe": base,
            "timerange": draw.choice(["", "", "20240102-"]),
            "max_fill": draw.randint(0, 2),
        },
        "strategies": blocks,
    }
    latency = draw.choice([0, 250_000_000, base.ns // 2, base.ns, 3 * base.ns, 7 * base.ns + 1])
    if draw.random() < 0.1:
        return _reckless(seed, base, latency)
    return Case(
        seed=seed, base=base, symbols=symbols, strategies=strategies, options=options, latency_ns=latency,
        jump=draw.choice([1.0, 0.7, 1.3, 3.5]), funding_ns=draw.choice([HOUR_NS, 8 * HOUR_NS]),
        marks=draw.random() < 0.5,
        naps=tuple(int(draw.uniform(-0.1, 1.0) * draw.choice([base.ns, HOUR_NS, DAY_NS])) for _ in range(9)),
    )  # fmt: skip


def _reckless(seed: int, base: Timeframe, latency_ns: int) -> Case:
    """Nearly all money in one perpetual, no stop, no limit that bites, and a price that triples at once."""
    params = Wishes(
        salt=seed / 97.0, entry_share=0.05, exit_share=0.0, extra_share=0.0, stops=False, valid_for=0,
        says=True, higher=None,
    )  # fmt: skip
    limits = dict.fromkeys(("max_position_pct", "max_order_pct", "max_drawdown_pct"), 0.99)
    block = {"strategy_id": "wanderer0", "timeframes": [base], "max_position_pct": 0.95}
    options = {
        "symbols": {"default": SYMBOLS[1:2]},
        "regime": {"enabled": False},
        "risk": limits | {"max_daily_loss_pct": 0.99},
        "portfolio": {"sizing": {"method": "fixed_fraction", "fraction": 0.95}},
        "simulation": {"participation_ratio": 1.0},
        "backtest": {"capital": "1000", "exchange": "binance", "timeframe": base},
        "strategies": [block | {"params": params.model_dump(mode="json")}],
    }
    return Case(
        seed, base, SYMBOLS[1:2], {"wanderer0": Wanderer(params)}, options, latency_ns, 3.5, HOUR_NS, False, ()
    )


def _random_wishes(draw: random.Random, base: Timeframe, frame: Timeframe) -> Wishes:
    dense = draw.random() < 0.2
    coarser = [other for other in FRAMES[base] if other.ns > frame.ns]
    return Wishes(
        salt=draw.random(),
        entry_share=0.5 if dense else draw.choice([0.04, 0.15]),
        exit_share=0.5 if dense else draw.choice([0.0, 0.01, 0.05]),
        extra_share=draw.choice([0.0, 0.03]),
        stops=draw.random() < 0.6,
        valid_for=draw.choice([0, 0, 1, 3]),
        says=draw.random() < 0.85,
        higher=draw.choice([None, *coarser]),
    )


def _block(draw: random.Random, name: str, frame: Timeframe, params: Wishes) -> dict[str, Any]:
    return {
        "strategy_id": name,
        "timeframes": [frame],
        "max_position_pct": draw.choice([0.2, 0.95]),
        "regimes": draw.choice([None, None, REGIMES[1:], REGIMES[2:3]]),
        "on_gap": draw.choice(["hold", "close"]),
        "params": params.model_dump(mode="json"),
    }


def _random_limits(draw: random.Random) -> dict[str, Any]:
    return {
        "max_position_pct": draw.choice([0.3, 0.98]),
        "max_order_pct": 0.98,
        "max_gross_exposure": draw.choice([0.98, 3.0]),
        "max_data_age_candles": draw.choice([1, 2, 10]),
        "max_drawdown_pct": draw.choice([0.01, 0.05, 0.99]),
        "max_daily_loss_pct": draw.choice([0.003, 0.02, 0.99]),
    }


def _random_sizing(draw: random.Random) -> dict[str, Any]:
    if draw.random() < 0.25:
        return {"method": "volatility_target", "window": 3, "max_fraction": 0.9}
    return {"method": "fixed_fraction", "fraction": draw.choice([0.05, 0.3, 0.9])}
