"""Laws of the features: one computation, whatever the chunking, the restart, the gaps, the future."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentic_trading.core import features as make
from agentic_trading.core.enums import REGIMES, Timeframe
from agentic_trading.core.events import CandlesClosed, FeatureVector
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import CandleColumns, FloatArray
from agentic_trading.features.engine import FeatureEngine
from agentic_trading.features.indicators import INDICATORS
from agentic_trading.features.table import Table, build_table
from feature_series import (
    MARKETS,
    START_NS,
    candle_of,
    candles,
    default_specs,
    fold,
    market,
    same_bits,
    small_specs,
)

# Every indicator many times over: the fast tests compile and compare each once, elsewhere.
pytestmark = [pytest.mark.property, pytest.mark.slow]

ROWS = 400
SPECS = st.sampled_from(small_specs())
MARKET = st.sampled_from(MARKETS)
SEED = st.integers(0, 10_000)


def test_every_indicator_is_under_these_laws() -> None:
    """The specs that the laws draw from must cover the whole table of indicators, with its output counts."""
    for specs in (small_specs(), default_specs()):
        assert {spec.indicator for spec in specs} == set(INDICATORS)
        assert all(len(spec.columns) == INDICATORS[spec.indicator].outputs for spec in specs)


@pytest.mark.slow
@settings(max_examples=80)
@given(SPECS, MARKET, SEED, st.lists(st.integers(1, ROWS - 1), max_size=12))
def test_any_chunking_gives_the_bits_of_one_run(
    spec: FeatureSpec, kind: str, seed: int, cuts: list[int]
) -> None:
    """Cutting a series anywhere and going on from the saved state changes no bit."""
    bars = market(kind, ROWS, seed)
    assert same_bits(fold(spec, bars), fold(spec, bars, cuts=cuts))


@pytest.mark.parametrize("spec", small_specs(), ids=lambda spec: spec.name)
def test_one_candle_at_a_time_gives_the_bits_of_one_run(spec: FeatureSpec) -> None:
    """Live, candle by candle on a matrix of one row, equals the backtest's single call."""
    bars = market("jumps", ROWS, 5)
    assert same_bits(fold(spec, bars), fold(spec, bars, cuts=range(1, ROWS)))


@settings(max_examples=150)
@given(SPECS, MARKET, SEED, st.integers(0, 250))
def test_the_declared_warm_up_is_enough_to_restart(spec: FeatureSpec, kind: str, seed: int, row: int) -> None:
    """Starting ``warm_up`` candles before a row gives that row, and all after it, the same bits."""
    bars = market(kind, ROWS, seed)
    whole = fold(spec, bars)
    restarted = fold(spec, bars[:, row:], first_candle=row)
    ready = row + spec.warm_up - 1
    assert same_bits(whole[:, ready:], restarted[:, spec.warm_up - 1 :])


@pytest.mark.parametrize("spec", default_specs(), ids=lambda spec: spec.name)
@pytest.mark.parametrize("kind", ["walk", "flat"])
def test_usual_parameters_restart_from_the_warm_up_too(spec: FeatureSpec, kind: str) -> None:
    """The restart law holds for usual periods, on every row of the overlap."""
    bars = market(kind, 2_000, 11)
    whole = fold(spec, bars)
    for row in (1, 137, 600):
        restarted = fold(spec, bars[:, row:], first_candle=row)
        assert same_bits(whole[:, row + spec.warm_up - 1 :], restarted[:, spec.warm_up - 1 :])


@settings(max_examples=80)
@given(SPECS, MARKET, SEED)
def test_nan_before_the_warm_up_and_never_after(spec: FeatureSpec, kind: str, seed: int) -> None:
    """A value appears with the last candle of the warm-up, not before, and is finite from then on."""
    values = fold(spec, market(kind, ROWS, seed))
    assert np.isfinite(values[:, spec.warm_up - 1 :]).all()
    if spec.indicator != "vwap_session":  # its value begins with a day, which may come sooner
        assert np.isnan(values[:, : spec.warm_up - 1]).all()


@settings(max_examples=80)
@given(SPECS, MARKET, SEED, st.integers(1, ROWS - 1))
def test_the_future_changes_nothing(spec: FeatureSpec, kind: str, seed: int, cut: int) -> None:
    """Replacing all candles from a row on with garbage leaves every earlier value untouched."""
    bars = market(kind, ROWS, seed)
    garbage = bars.copy()
    garbage[:, cut:] = np.random.default_rng(seed + 1).exponential(1e6, (5, ROWS - cut))
    assert same_bits(fold(spec, bars)[:, :cut], fold(spec, garbage)[:, :cut])


# --- table and engine ---------------------------------------------------------------------------


class TwoWays:
    """A small regime model with memory: trending while the ROC stays up, volatile after a fall."""

    features = (make.roc(2, timeframe=Timeframe.M5), make.atr(1, timeframe=Timeframe.M5))

    def new_state(self) -> FloatArray:
        """Rows since the last fall."""
        return np.array([3.0])

    def advance(self, state: FloatArray, inputs: FloatArray, out: FloatArray, start: int, stop: int) -> None:
        """Code 0 on NaN, 3 within three rows of a fall, else 1."""
        for row in range(start, stop):
            change = inputs[0, row]
            state[0] = 0.0 if change < 0.0 else state[0] + 1.0
            code = 0.0 if np.isnan(inputs[:, row]).any() else 3.0 if state[0] < 3.0 else 1.0
            out[:, row] = (code, 1.0 / (1.0 + state[0]), 0.0, 0.25)


DECLARED = (
    make.ema(2), make.adx(1), make.donchian(4), make.sma(3, timeframe="5m"), make.rsi(1, timeframe="15m"),
    make.vwap(6),
)  # fmt: skip
FRAMES = (Timeframe.M1, Timeframe.M5, Timeframe.M15)


def higher(base: CandleColumns, timeframe: Timeframe) -> CandleColumns:
    """Complete higher candles only; a missing one begins a new stretch."""
    parts = timeframe.ns // base.timeframe.ns
    rows: list[int] = [
        row
        for row in range(len(base) - parts + 1)
        if base.open_ns[row] % timeframe.ns == 0
        and base.open_ns[row + parts - 1] - base.open_ns[row] == timeframe.ns - base.timeframe.ns
    ]
    bars = np.array(
        [
            [
                base.bars[0, row],
                base.bars[1, row : row + parts].max(),
                base.bars[2, row : row + parts].min(),
                base.bars[3, row + parts - 1],
                sum(base.bars[4, row : row + parts].tolist()),
            ]
            for row in rows
        ]
    ).reshape(len(rows), 5)
    open_ns = base.open_ns[rows]
    starts = [at for at in range(len(rows)) if at == 0 or open_ns[at] - open_ns[at - 1] != timeframe.ns]
    return CandleColumns(
        base.symbol, timeframe, open_ns, np.ascontiguousarray(bars.T), np.zeros(len(rows), np.bool_),
        np.array(starts, dtype=np.int64),
    )  # fmt: skip


def instants(frames: dict[Timeframe, CandleColumns]) -> list[CandlesClosed]:
    """All candles as the events a feed would make of them, finest first within an instant."""
    closing: dict[int, list[tuple[Timeframe, int]]] = {}
    for frame, columns in frames.items():
        for row, at_ns in enumerate(columns.close_ns.tolist()):
            closing.setdefault(at_ns, []).append((frame, row))
    return [
        CandlesClosed(at_ns, tuple(candle_of(frames[frame], row) for frame, row in closing[at_ns]))
        for at_ns in sorted(closing)
    ]


def agree(table: Table, vectors: list[FeatureVector]) -> bool:
    """Whether the vectors are the warm rows of the table, bit for bit, regime and staleness included."""
    rows = np.flatnonzero(table.warm)
    if [vector.at_ns for vector in vectors] != table.candles.close_ns[rows].tolist():
        return False
    return all(
        list(vector.values) == [float(column[row]) for column in table.arrays]
        and vector.columns == table.columns
        and vector.regime is REGIMES[int(table.regime[row])]
        and list(vector.posterior) == table.posterior[:, row].tolist()
        and vector.stale == bool(table.stale[row])
        for vector, row in zip(vectors, rows, strict=True)
    )


@settings(max_examples=15)
@given(MARKET, SEED, st.lists(st.integers(1, 599), max_size=3), st.lists(st.integers(1, 500), max_size=3))
def test_the_engine_equals_the_table(kind: str, seed: int, gaps: list[int], restarts: list[int]) -> None:
    """Candle by candle, over gaps and over restarts from snapshots, the engine gives the table's rows."""
    base = candles(market(kind, 600, seed), gaps=gaps)
    frames = {frame: base if frame is Timeframe.M1 else higher(base, frame) for frame in FRAMES}
    regime = TwoWays()
    table = build_table(frames, Timeframe.M1, DECLARED, regime)
    declared = {(base.symbol, Timeframe.M1): DECLARED, (base.symbol, Timeframe.M5): [make.sma(3)]}
    engine = FeatureEngine(declared, regime)
    vectors: list[FeatureVector] = []
    for number, instant in enumerate(instants(frames)):
        if number in restarts:
            resumed = FeatureEngine(declared, regime)
            resumed.restore(engine.snapshot())
            engine = resumed
        vectors += engine.react(instant)
    assert agree(table, [vector for vector in vectors if vector.timeframe is Timeframe.M1])
    coarse = build_table(frames, Timeframe.M5, [make.sma(3)], regime)
    assert agree(coarse, [vector for vector in vectors if vector.timeframe is Timeframe.M5])


@settings(max_examples=15)
@given(MARKET, SEED, st.integers(60, 599))
def test_a_table_knows_no_later_candle(kind: str, seed: int, cut: int) -> None:
    """Rows before a cut are the same when everything after it, on every timeframe, is something else."""
    bars = market(kind, 600, seed)
    garbage = bars.copy()
    garbage[:, cut:] = market("jumps", 600, seed + 1)[:, cut:] * 3.0
    tables = []
    for version in (bars, garbage):
        base = candles(version)
        frames = {frame: base if frame is Timeframe.M1 else higher(base, frame) for frame in FRAMES}
        tables.append(build_table(frames, Timeframe.M1, DECLARED, TwoWays()))
    before, after = tables
    for known, same in zip(before.arrays, after.arrays, strict=True):
        assert same_bits(known[:cut], same[:cut])
    assert same_bits(before.regime[:cut], after.regime[:cut])
    assert same_bits(before.posterior[:, :cut], after.posterior[:, :cut])


def test_the_warm_up_of_every_timeframe_restarts_the_engine() -> None:
    """An engine started with the pre-roll alone agrees with one that saw all history."""
    base = candles(market("walk", 2_000, 3))
    frames = {frame: base if frame is Timeframe.M1 else higher(base, frame) for frame in FRAMES}
    declared = {(base.symbol, Timeframe.M1): DECLARED}
    old, young = FeatureEngine(declared), FeatureEngine(declared)
    longest_ns = max((spec.timeframe or Timeframe.M1).ns * spec.warm_up for spec in DECLARED)
    from_ns = START_NS + 300 * Timeframe.M1.ns
    compared = 0
    for instant in instants(frames):
        expected = old.react(instant)
        if min(candle.open_ns for candle in instant.candles) >= from_ns:
            got = young.react(instant)
            if instant.at_ns > from_ns + longest_ns + Timeframe.M15.ns:
                assert msgspec.json.encode(got) == msgspec.json.encode(expected)
                compared += len(got)
    assert compared > 500
