"""Finer candles inside those of the replay: they say what came first, and change nothing else."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agentic_trading import Signal, backtest
from agentic_trading.backtester.result import Result
from agentic_trading.core.enums import MINUTE_NS, Timeframe
from agentic_trading.core.events import Fill
from planned_runs import BARE, H1, START_NS, planned, write_candles
from random_runs import Outcome, random_case

M15 = Timeframe.M15
SPOT, OTHER = "BTC/USDT", "ETH/USDT"
SETTINGS: dict[str, Any] = {
    **BARE,
    "simulation.fills": "next_open",
    "simulation.participation_ratio": 1.0,
    "simulation.taker_fee_bps": 0.0,
    "simulation.maker_fee_bps": 0.0,
    "portfolio.sizing.method": "fixed_quantity",
    "portfolio.sizing.quantity": "1",
}
DETAILED = {"backtest.detail_timeframe": "15m"}
CALM = "100 100 100 100 1000"
SIDES = {95.0: "stop", 105.0: "target"}

Bar = tuple[float, float, float, float]


def text(bars: Sequence[Bar]) -> list[str]:
    return [" ".join(map(str, (*bar, 1000))) for bar in bars]


def whole(parts: Sequence[Bar]) -> Bar:
    """The candle that finer ones make up."""
    return parts[0][0], max(bar[1] for bar in parts), min(bar[2] for bar in parts), parts[-1][3]


def write_hours(
    root: Path, hours: Sequence[Sequence[Bar]], symbol: str = SPOT, *, detail: bool = True
) -> None:
    """Every other hour is calm and at 100; the ones between are made of these quarters."""
    bars = [bar for parts in hours for bar in (CALM, *text([whole(parts)]))]
    write_candles(root, symbol, [*bars, CALM])
    if detail:
        quarters = [bar for parts in hours for bar in (*[CALM] * 4, *text(parts))]
        write_candles(root, symbol, quarters, M15)


def run(root: Path, hours: int, symbols: Sequence[str] = (SPOT,), **more: Any) -> Result:
    """Long at 100 as every wild hour opens, with a stop at 95 and a target at 105; flat after it."""
    enter, leave = partial(Signal.long, stop=95.0, targets=(105.0,)), Signal.flat
    wishes = {hour: leave if hour % 2 else enter for hour in range(2 * hours)}
    settings = {**SETTINGS, "backtest.data_dir": str(root), **more}
    return backtest([planned(wishes)], symbols, settings)


def sides(result: Result) -> list[str]:
    """How each trade ended."""
    return [SIDES.get(float(price), "neither") for price in result.trades["exit_price"]]


def first_side(parts: Sequence[Bar], both: str) -> str:
    """What is reached first on the way through these candles: 95 or what lies above 105."""
    for _, high, low, _ in parts:
        if low <= 95 and high > 105:
            return both
        if low <= 95 or high > 105:
            return "stop" if low <= 95 else "target"
    return "neither"


UP, DOWN, FLAT = (100.0, 106.0, 100.0, 100.0), (100.0, 100.0, 94.0, 100.0), (100.0, 100.0, 100.0, 100.0)
BOTH = (100.0, 106.0, 94.0, 100.0)


@pytest.mark.parametrize(
    ("parts", "pessimistic", "optimistic"),
    [
        ((FLAT, DOWN, UP, FLAT), "stop", "stop"),
        ((FLAT, UP, DOWN, FLAT), "target", "target"),
        ((FLAT, FLAT, BOTH, FLAT), "stop", "target"),
        ((UP, BOTH, DOWN, FLAT), "target", "target"),
        ((FLAT, FLAT, FLAT, FLAT), "neither", "neither"),
    ],
    ids=["stop first", "target first", "both in one", "target before both", "neither"],
)
def test_what_came_first(tmp_path: Path, parts: tuple[Bar, ...], pessimistic: str, optimistic: str) -> None:
    """Where finer candles show it, stop or target is what they show; in one of them it is the reading's."""
    write_hours(tmp_path, [parts])
    told = [
        run(tmp_path, 1, **DETAILED, **{"simulation.ambiguity": reading})
        for reading in ("pessimistic", "optimistic")
    ]
    assert [sides(each) for each in told] == [[pessimistic], [optimistic]]
    if pessimistic != "neither":
        blind = [
            run(tmp_path, 1, **{"simulation.ambiguity": reading}) for reading in ("pessimistic", "optimistic")
        ]
        assert [sides(each) for each in blind] == [["stop"], ["target"]]


@pytest.mark.parametrize("seed", [1, 2])
def test_detail_never_hides_what_it_shows(tmp_path: Path, seed: int) -> None:
    """On random ways every trade ends as the finer candles say, under either reading of what they hide."""
    draw = np.random.default_rng(seed)
    hours = [random_hour(draw) for _ in range(60)]
    write_hours(tmp_path, hours)
    for reading, both in (("pessimistic", "stop"), ("optimistic", "target")):
        more = {"simulation.ambiguity": reading}
        expected = [first_side(parts, both) for parts in hours]
        assert sides(run(tmp_path, len(hours), **DETAILED, **more)) == expected
        blind = [first_side([whole(parts)], both) for parts in hours]
        assert sides(run(tmp_path, len(hours), **more)) == blind
        assert {*expected} == {"stop", "target", "neither"}
        assert expected != blind


def random_hour(draw: np.random.Generator) -> list[Bar]:
    """Four quarters, each opening where the one before closed."""
    parts, price = [], 100.0
    for _ in range(4):
        close = float(np.round(price + draw.normal(0, 5), 1))
        above, below = (float(each) for each in np.round(draw.exponential(1.0, 2), 1))
        high, low = round(max(price, close) + above, 1), round(min(price, close) - below, 1)
        parts.append((price, high, low, close))
        price = close
    return parts


def test_fills_lie_within_the_candle(tmp_path: Path) -> None:
    """Costs or not, no fill is at a price outside the candle of the replay in which it happened."""
    draw = np.random.default_rng(5)
    hours = [random_hour(draw) for _ in range(40)]
    write_hours(tmp_path, hours)
    costs = {
        "simulation.fills": "realistic",
        "simulation.slippage_bps": 30.0,
        "simulation.latency_ms": 60_000,
    }
    fills = run(tmp_path, len(hours), **DETAILED, **costs).fills
    assert fills.height > 60
    bars = [bar for parts in hours for bar in (FLAT, whole(parts))] + [FLAT]
    for price, at_ns in zip(fills["price"], fills["timestamp_ns"], strict=True):
        hour, inside = divmod(at_ns - START_NS, H1.ns)
        # what happens as a candle closes is stamped as what the next one's open executes
        meant = [bars[hour]] if inside else [bars[hour - 1], bars[hour]]
        assert any(low <= float(price) <= high for _, high, low, _ in meant), (hour, price)
    assert any((at_ns - START_NS) % H1.ns % M15.ns for at_ns in fills["timestamp_ns"])  # and some inside


def test_equity_stays_on_the_candles_of_the_replay(tmp_path: Path) -> None:
    """There is one equity row per candle of the replay, whatever passes inside."""
    write_hours(tmp_path, [(FLAT, UP, DOWN, FLAT)] * 3)
    fine, coarse = run(tmp_path, 3, **DETAILED), run(tmp_path, 3)
    assert fine.equity["timestamp_ns"].to_list() == coarse.equity["timestamp_ns"].to_list()
    assert fine.equity.height == 7
    assert float(fine.equity["equity"][-1]) == 10_000 + 3 * 5
    assert float(coarse.equity["equity"][-1]) == 10_000 - 3 * 5


def test_without_finer_candles_nothing_changes(tmp_path: Path) -> None:
    """A symbol of which none are stored fares as in a run without detail; so do hours not wholly covered."""
    hours = [(FLAT, UP, DOWN, FLAT)] * 3
    write_hours(tmp_path, hours)
    write_hours(tmp_path, hours, OTHER, detail=False)
    fine, coarse = (run(tmp_path, 3, (SPOT, OTHER), **more) for more in (DETAILED, {}))

    def of(result: Result, symbol: str) -> list[Any]:
        names = ("timestamp_ns", "side", "quantity", "price", "fee")
        return result.fills.filter(result.fills["symbol"] == symbol).select(names).rows()

    assert of(fine, OTHER) == of(coarse, OTHER)
    assert of(fine, SPOT) != of(coarse, SPOT)
    holed = tmp_path / "holed"
    write_hours(holed, hours, detail=False)
    quarters = [bar for parts in hours for bar in (*[CALM] * 4, *text(parts))]
    for at in (6, 13, 14, 23):  # each of them alone would make it a target
        quarters[at] = "-"
    write_candles(holed, SPOT, quarters, M15)
    assert sides(run(holed, 3, **DETAILED)) == ["stop", "stop", "stop"]


# --- from event to event as row by row ------------------------------------------------------------

FINER = {Timeframe.M15: Timeframe.M5, Timeframe.H1: M15}
SEEDS = [seed for seed in range(40) if random_case(seed).place.base in FINER][:16]


@cache
def three_ways(seed: int) -> tuple[Outcome, Outcome, Outcome]:
    """The run of a seed with finer candles from event to event and row by row, and without them."""
    case = random_case(seed)
    fine = msgspec.structs.replace(case.place, detail=FINER[case.place.base])
    with msgspec.structs.replace(case, place=fine).loaded() as (inputs, chosen):
        auto, every = case.run(inputs, chosen, "auto"), case.run(inputs, chosen, "every")
    with case.loaded() as (inputs, chosen):
        return auto, every, case.run(inputs, chosen, "auto")


@pytest.mark.property
@pytest.mark.parametrize("seed", SEEDS)
def test_the_next_event_is_every_row_with_detail(seed: int) -> None:
    """Same records, same equity rows, same end, though orders meet candles that nobody else sees."""
    auto, every, _ = three_ways(seed)
    for number, (jumped, visited) in enumerate(zip(auto.events, every.events, strict=False)):
        assert jumped == visited, f"seed {seed}: record {number} differs"
    assert auto.fingerprint == every.fingerprint
    assert (auto.times, auto.equity, auto.bankrupt) == (every.times, every.equity, every.bankrupt)
    assert auto.disagreements == every.disagreements == []


@pytest.mark.property
def test_detail_matters_in_these_runs() -> None:
    """The chosen seeds are ones in which the law can fail: fills happen inside candles of the replay."""
    inside = 0
    for seed in SEEDS:
        auto, _, blind = three_ways(seed)
        base = random_case(seed).place.base
        at = [event.at_ns % base.ns for event in auto.events if isinstance(event, Fill)]
        inside += sum(bool(each) and not each % (5 * MINUTE_NS) for each in at)
        assert auto.times == blind.times or auto.bankrupt or blind.bankrupt
    assert inside > 20
