"""Random whole runs: markets with holes and shocks, strategies that want anything, settings at their edges.

`random_case` draws one from a seed, the same one every time. `Case.run` replays it through the real
wiring, looking at every row or at the next that matters; what comes out can be compared to the bit.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from agentic_trading.agents import SOURCES, Agents, topology
from agentic_trading.backtester.recorder import Recorder
from agentic_trading.backtester.replay import Replay
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import DAY_NS, HOUR_NS, REGIMES, ExecutionStyle, Timeframe
from agentic_trading.core.events import (
    AlarmRang,
    CandlesClosed,
    Event,
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderRejected,
)
from agentic_trading.core.interfaces import Agent
from agentic_trading.event_bus.bus import EventBus
from agentic_trading.event_bus.topology import Topology
from agentic_trading.inputs import Inputs, load_inputs
from agentic_trading.main import stepping
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.market import market_models, starting_funds
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.venue_prices import marks_of
from random_market import Marketplace, write_market
from two_books import Books, disagreements
from wanderer import Meddler, Sleeper, Wanderer, Wishes

SYMBOLS = ("BTC/USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
FRAMES = {
    Timeframe.M1: (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1),
    Timeframe.M15: (Timeframe.M15, Timeframe.M30, Timeframe.H1),
    Timeframe.H1: (Timeframe.H1, Timeframe.H4),
}
"""Timeframes that strategies may trade on, by that of the replay."""
REPORTS = (OrderAccepted, OrderRejected, OrderCanceled, Fill)
"""What a venue says of orders."""


class Outcome(msgspec.Struct, frozen=True, eq=False):
    """What a run did: its record, its equity rows (as bytes), and how many rows it looked at."""

    fingerprint: str
    events: list[Event]
    times: bytes
    equity: bytes
    looked_at: int
    rows: int
    bankrupt: bool
    unseen_reports: int
    """Instants at which the venue reported something and nobody looked at a candle."""
    straight: int
    """How many orders went straight through."""
    orders: bytes
    """All orders as the order manager ends with them, in its order."""
    books: Books
    disagreements: list[str]
    """Where the two books differ, if all that the venue has to say is said."""

    @property
    def kinds(self) -> Counter[str]:
        return Counter(type(event).__name__ for event in self.events)


class Case(msgspec.Struct, frozen=True, eq=False):
    """One random run; ``latency_ns`` wins over the settings, which do not allow several candles."""

    place: Marketplace
    strategies: dict[str, Wanderer]
    options: dict[str, Any]
    latency_ns: int
    naps: tuple[int, ...] = ()
    meddled: bool = False

    @property
    def sparse(self) -> bool:
        """Whether every strategy says on which few rows it could act."""
        wishes = [strategy.params for strategy in self.strategies.values()]
        return all(each.says and max(each.entry_share, each.exit_share) < 0.2 for each in wishes)

    @contextmanager
    def loaded(self) -> Iterator[tuple[Inputs, AppSettings]]:
        """What both ways of stepping work on."""
        with TemporaryDirectory() as folder:
            write_market(Path(folder), self.place)
            backtest = self.options["backtest"] | {"data_dir": folder, "detail_timeframe": self.place.detail}
            settings = AppSettings.model_validate(self.options | {"backtest": backtest})
            yield load_inputs(settings, objects=self.strategies), settings

    def run(self, inputs: Inputs, settings: AppSettings, step: str) -> Outcome:
        """Replay it as `main.backtest` does, with the case's latency and somebody who asks for alarms."""
        clock, capital = ReplayClock(), Decimal(settings.backtest.capital)
        funds = starting_funds(capital, "USDT", inputs.instruments, settings.simulation)
        agents = Agents(inputs, settings, clock, funds)
        models = market_models(inputs.instruments, settings.simulation, settings.backtest.seed)
        models = {
            symbol: msgspec.structs.replace(model, latency_ns=self.latency_ns)
            for symbol, model in models.items()
        }
        marks = marks_of(inputs.timeline, inputs.prices)
        venue = SimulatedVenue(inputs.instruments, models, funds.balances, marks)
        recorder = Recorder()
        skipper, straight = stepping(step, inputs, settings, agents, venue, marks, recorder, clock)
        detail = tuple(inputs.prices.detail.values())
        replay = Replay(inputs.timeline, clock, venue, inputs.funding, skipper, detail, straight)
        table = _with(topology(agents), Sleeper(agents, clock, self.naps), (Fill, AlarmRang))
        if self.meddled:
            meddler = Meddler(agents, inputs.instruments, clock)
            table = _with(table, meddler, (OrderClosed, OrderIntent))
        reported: set[int] = set()
        seen: set[int] = set()
        watching = [
            (REPORTS, lambda event: reported.add(clock.now_ns)),
            ((CandlesClosed,), lambda event: seen.add(clock.now_ns)),
        ]
        replay.run(EventBus(table, taps=[recorder.tap, *replay.taps, *watching]), inputs.first_row)
        times, rows = agents.equity.rows()
        books, hedged = Books(agents.ledger, venue), settings.simulation.position_mode == "hedge"
        known = venue._tape.next_ns is None  # what still travels is at the venue and not here
        return Outcome(
            recorder.fingerprint("", times, rows), list(recorder.events), times.tobytes(), rows.tobytes(),
            replay.rows_looked_at, len(times), replay.bankrupt, len(reported - seen),
            0 if straight is None else straight.orders,
            msgspec.msgpack.encode(list(agents.orders.all.history)),
            books, disagreements(books, capital, hedged=hedged) if known else [],
        )  # fmt: skip


def assert_same_run(short: Outcome, long: Outcome, name: str) -> None:
    """Two ways through one case: same records, equity rows, end and books; one may see fewer rows."""
    for number, (one, other) in enumerate(zip(short.events, long.events, strict=False)):
        assert one == other, f"{name}: record {number} differs"
    assert len(short.events) == len(long.events), f"{name}: one run went on where the other was silent"
    assert short.times == long.times, f"{name}: the equity rows are of other times"
    assert short.equity == long.equity, f"{name}: the equity rows differ"
    assert (short.fingerprint, short.bankrupt) == (long.fingerprint, long.bankrupt)
    assert short.orders == long.orders, f"{name}: the order managers know other orders"
    assert short.looked_at <= long.looked_at == long.rows
    assert short.disagreements == long.disagreements == [], f"{name}: the venue has other books"


def _with(table: Topology, agent: Agent, kinds: tuple[type[Event], ...]) -> Topology:
    """The wiring of every mode, and one more agent at the end of some routes."""
    routes = dict(table.routes)
    for kind in kinds:
        routes[kind] = [*routes[kind], agent]
    return Topology(routes=routes, sources=SOURCES, ends=tuple(table.ends))


def random_case(seed: int) -> Case:
    """The case of a seed; half of them have brackets, styles of execution, and orders meddled with."""
    case = _plain_case(seed)
    return _refined(case, random.Random(-1 - seed)) if seed % 4 > 1 else case


def _refined(case: Case, draw: random.Random) -> Case:
    strategies = {}
    for name, strategy in case.strategies.items():
        refined = {"targets": draw.choice([0, 1, 3]), "style": draw.choice([None, *ExecutionStyle])}
        strategies[name] = Wanderer(strategy.params.model_copy(update=refined))
    blocks = [
        block | {"params": strategies[block["strategy_id"]].params.model_dump(mode="json")}
        for block in case.options["strategies"]
    ]
    execution = {
        "style": draw.choice([each.value for each in ExecutionStyle]),
        "passive_offset_bps": draw.choice([0.0, 2.0, 10.0]),
        "passive_timeout_candles": draw.choice([1, 3]),
        "fallback": draw.choice(["market", "market", "none"]),
        "twap_slices": draw.choice([2, 5]),
        "twap_candles": draw.choice([1, 4, 9]),
    }
    simulation = {
        "ambiguity": draw.choice(["pessimistic", "optimistic"]),
        "limit_fills": draw.choice(["through", "touch"]),
        "reject_ratio": draw.choice([0.0, 0.0, 0.1]),
        "report_latency_ms": draw.choice([0, 0, 500, 60_000]),
        "latency_jitter_ms": draw.choice([0, 0, 30_000]),
        "position_mode": draw.choice(["one_way", "one_way", "hedge"]),
        "cancel_latency_ms": draw.choice([None, 0, 60_000]),
    }
    options = {
        "strategies": blocks, "execution": execution, "simulation": case.options["simulation"] | simulation,
    }  # fmt: skip
    return msgspec.structs.replace(
        case, strategies=strategies, options=case.options | options,
        meddled=draw.random() < 0.5,
    )  # fmt: skip


def _plain_case(seed: int) -> Case:
    draw = random.Random(seed)
    base = draw.choice(list(FRAMES))
    symbols = tuple(draw.sample(SYMBOLS, draw.randint(1, 3)))
    strategies, blocks = {}, []
    for number in range(draw.randint(1, 3)):
        name, frame = f"wanderer{number}", draw.choice(FRAMES[base])
        params = _random_wishes(draw, base, frame)
        strategies[name] = Wanderer(params)
        blocks.append(_block(draw, name, frame, params))
    regime = {"timeframe": base, "adx_window": 2, "volatility_window": 2}
    options = {
        "symbols": {"default": symbols},
        "regime": regime | {"enabled": draw.random() < 0.5},
        "risk": random_limits(draw) | {"max_leverage": 10.0},
        "portfolio": {"sizing": random_sizing(draw)},
        "simulation": {
            "slippage": draw.choice(["fixed", "volatility"]),
            "participation_ratio": draw.choice([0.002, 0.1, 1.0]),
            "fills": draw.choice(["realistic", "realistic", "next_open"]),
            **_random_margin(seed),
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
    if draw.random() < 0.3:
        return _reckless(draw, seed, latency)
    place = Marketplace(
        seed, base, symbols, jump=draw.choice([1.0, 0.7, 1.3, 3.5]),
        funding_ns=draw.choice([HOUR_NS, 8 * HOUR_NS]), marks=draw.random() < 0.5,
    )  # fmt: skip
    spans = [draw.choice([base.ns, HOUR_NS, DAY_NS]) for _ in range(9)]
    naps = tuple(int(draw.uniform(-0.1, 1.0) * span) for span in spans)
    return Case(place, strategies, options, latency, naps)


def _reckless(draw: random.Random, seed: int, latency_ns: int) -> Case:
    """Nearly all money in one perpetual, no stop, few rows to act on, and a price that jumps meanwhile."""
    params = Wishes(
        salt=draw.random(), entry_share=draw.choice([0.01, 0.03]), exit_share=0.0, extra_share=0.0,
        stops=False, valid_for=0, says=True, higher=None,
    )  # fmt: skip
    limits = {
        "max_position_pct": 0.99,
        "max_order_pct": 0.99,
        "max_drawdown_pct": draw.choice([0.05, 0.3, 0.99]),
        "max_daily_loss_pct": draw.choice([0.03, 0.3, 0.99]),
    }
    frame = Timeframe.M15
    block = {"strategy_id": "wanderer0", "timeframes": [frame], "max_position_pct": 0.95}
    options = {
        "symbols": {"default": SYMBOLS[1:2]},
        "regime": {"enabled": False},
        "risk": limits,
        "portfolio": {"sizing": {"method": "fixed_fraction", "fraction": 0.95}},
        "simulation": {"participation_ratio": 1.0} | _random_margin(seed),
        "backtest": {"capital": "1000", "exchange": "binance", "timeframe": frame},
        "strategies": [block | {"params": params.model_dump(mode="json")}],
    }
    jump = draw.choice([0.5, 3.5, 3.5])
    place = Marketplace(seed, frame, SYMBOLS[1:2], jump=jump, funding_ns=8 * HOUR_NS, marks=False)
    return Case(place, {"wanderer0": Wanderer(params)}, options, latency_ns)


def _random_margin(seed: int) -> dict[str, Any]:
    """Leverage and what stands behind it; drawn apart, so that the rest of a seed's case stays as it is."""
    draw = random.Random(f"margin {seed}")
    return {
        "leverage": draw.choice([1.0, 3.0, 10.0, 10.0]),
        "margin_mode": draw.choice(["cross", "isolated"]),
    }


def _random_wishes(draw: random.Random, base: Timeframe, frame: Timeframe) -> Wishes:
    dense = draw.random() < 0.2
    coarser = [other for other in FRAMES[base] if other.ns > frame.ns]
    salt = draw.random()
    return Wishes(
        salt=salt,
        two_sided=salt < 0.5,
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


def random_limits(draw: random.Random) -> dict[str, Any]:
    return {
        "max_position_pct": draw.choice([0.3, 0.98]),
        "max_order_pct": 0.98,
        "max_gross_exposure": draw.choice([0.98, 3.0, 9.0]),
        "max_data_age_candles": draw.choice([1, 2, 10]),
        "max_drawdown_pct": draw.choice([0.01, 0.05, 0.99]),
        "max_daily_loss_pct": draw.choice([0.003, 0.02, 0.99]),
    }


def random_sizing(draw: random.Random) -> dict[str, Any]:
    if draw.random() < 0.25:
        return {"method": "volatility_target", "window": 3, "max_fraction": 0.9}
    return {"method": "fixed_fraction", "fraction": draw.choice([0.05, 0.3, 0.9])}
