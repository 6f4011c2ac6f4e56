"""Laws of market data: one builder for history and live, no future in a candle, no row lost in the store."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import Candle, CandleColumns
from agentic_trading.data import quality
from agentic_trading.data.candle_builder import CandleBuilder, advance, build, fill_gaps, new_state
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
from market_files import START_MS

MINUTE_MS = 60_000


@st.composite
def minutes(draw: st.DrawFn, most: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Open times (ms) with gaps, from any minute on, and sound bars."""
    seed, rows = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, most))
    random = np.random.default_rng(seed)
    hole = draw(st.sampled_from([0.0, 0.02, 0.2]))
    steps = 1 + (random.random(rows) < hole) * random.integers(1, 130, rows)
    stamps = START_MS + (draw(st.integers(0, 1500)) + np.cumsum(steps)) * MINUTE_MS
    open_, close = 50 + 50 * random.random((2, rows))
    high = np.maximum(open_, close) + random.random(rows)
    low = np.minimum(open_, close) - random.random(rows)
    return stamps.astype(np.int64), np.stack([open_, high, low, close, random.random(rows) * 10])


def columns_of(data: tuple[np.ndarray, np.ndarray], max_fill: int = 1) -> CandleColumns:
    return fill_gaps("BTC/USDT", Timeframe.M1, data[0] * 1_000_000, data[1], max_fill)


def same(left: CandleColumns, right: CandleColumns) -> bool:
    fields = ("open_ns", "bars", "filled", "starts")
    return all(np.array_equal(getattr(left, field), getattr(right, field)) for field in fields)


@given(
    minutes(), st.sampled_from([Timeframe.M3, Timeframe.M5, Timeframe.M15, Timeframe.H1]), st.integers(0, 3)
)
def test_incremental_equals_batch(data, timeframe, max_fill) -> None:
    """Pushing candles one at a time gives, bit for bit, the candles and stretches of the batch."""
    base = columns_of(data, max_fill)
    batch = build(base, timeframe)
    builder, rows, starts = CandleBuilder("BTC/USDT", Timeframe.M1, timeframe), [], []
    for row in range(len(base)):
        at = int(base.open_ns[row])
        candle = Candle(
            "BTC/USDT", Timeframe.M1, at, at, *map(float, base.bars[:, row]), bool(base.filled[row])
        )
        higher = builder.push(candle)
        if higher:
            if builder.new_stretch:
                starts.append(len(rows))
            rows.append(
                (
                    higher.open_ns,
                    higher.open,
                    higher.high,
                    higher.low,
                    higher.close,
                    higher.volume,
                    higher.filled,
                )
            )
    expected = zip(batch.open_ns.tolist(), *batch.bars.tolist(), batch.filled.tolist(), strict=True)
    assert rows == list(expected)
    assert starts == batch.starts.tolist()


@given(minutes(), st.data())
def test_any_chunking_gives_the_same_bits(data, draw) -> None:
    """Advancing the builder in two pieces writes what advancing it in one does."""
    base, rows = columns_of(data), len(columns_of(data))
    cut = draw.draw(st.integers(0, rows))
    flags = np.zeros(rows, dtype=np.bool_)
    flags[base.starts] = True
    state, written = new_state(), []
    for low, high in ((0, cut), (cut, rows)):
        out = (
            np.empty(rows, dtype=np.int64),
            np.empty((5, rows)),
            np.empty(rows, dtype=np.bool_),
            np.empty(rows, dtype=np.bool_),
        )
        count = advance(
            *state,
            Timeframe.M1.ns,
            Timeframe.M5.ns,
            base.open_ns,
            base.bars,
            base.filled,
            flags,
            *out,
            low,
            high,
        )
        written += [(int(out[0][n]), out[1][:, n].tolist(), bool(out[3][n])) for n in range(count)]
    whole = build(base, Timeframe.M5)
    starts = set(whole.starts.tolist())
    assert written == [
        (int(whole.open_ns[n]), whole.bars[:, n].tolist(), n in starts) for n in range(len(whole))
    ]


@given(minutes(most=400))
def test_building_in_two_steps_equals_one(data) -> None:
    """1m to 5m to 1h has the candles, prices, flags and stretches of 1m to 1h; volumes agree to rounding."""
    base = columns_of(data)
    twice, once = build(build(base, Timeframe.M5), Timeframe.H1), build(base, Timeframe.H1)
    assert np.array_equal(twice.open_ns, once.open_ns)
    assert np.array_equal(twice.bars[:4], once.bars[:4])
    assert np.allclose(twice.bars[4], once.bars[4], rtol=1e-13, atol=0)
    assert twice.filled.tolist() == once.filled.tolist()
    assert twice.starts.tolist() == once.starts.tolist()


@given(minutes(), st.data())
def test_no_candle_knows_its_future(data, draw) -> None:
    """Replacing all base candles after a cut with garbage changes no higher candle closed by the cut."""
    base = columns_of(data)
    cut = draw.draw(st.integers(0, len(base)))
    garbage = base.bars.copy()
    garbage[:, cut:] = 1e9
    before = build(base, Timeframe.M15)
    after = build(
        CandleColumns("BTC/USDT", Timeframe.M1, base.open_ns, garbage, base.filled, base.starts),
        Timeframe.M15,
    )
    known = before.close_ns <= (base.close_ns[cut - 1] if cut else 0)
    assert np.array_equal(before.bars[:, known], after.bars[:, known])


@given(minutes(), st.integers(0, 4))
def test_filling_adds_only_flat_candles(data, max_fill) -> None:
    """Without the filled rows the columns are the input; stretches start only after long gaps."""
    columns = columns_of(data, max_fill)
    assert np.array_equal(columns.open_ns[~columns.filled], data[0] * 1_000_000)
    assert np.array_equal(columns.bars[:, ~columns.filled], data[1])
    steps = np.diff(columns.open_ns) // Timeframe.M1.ns
    assert np.array_equal(np.flatnonzero(steps > 1) + 1, columns.starts[1:])
    assert max_fill == 0 or columns.filled[columns.starts[1:] - 1].all()


@given(minutes(), st.integers(0, 4), st.data())
def test_filling_does_not_know_how_long_a_gap_will_be(data, max_fill, draw) -> None:
    """Whatever comes after a row, and whenever, the filled columns up to it are the same."""
    stamps, bars = data
    cut = draw.draw(st.integers(1, len(stamps)))
    delay = draw.draw(st.integers(0, 9)) * 60_000
    later = np.where(np.arange(len(stamps)) >= cut, stamps + delay, stamps)
    before, after = columns_of(data, max_fill), columns_of((later, bars), max_fill)
    known = int(np.searchsorted(before.open_ns, stamps[cut - 1] * 1_000_000, side="right"))
    assert np.array_equal(before.bars[:, :known], after.bars[:, :known])
    assert np.array_equal(before.open_ns[:known], after.open_ns[:known])


@settings(max_examples=25)
@given(minutes(most=60), st.data())
def test_the_store_forgets_nothing(data, draw) -> None:
    """However the rows are split over writes, the store holds each once, and says how many are new."""
    frame = pl.DataFrame(dict(zip(CANDLE_COLUMNS, (data[0], *data[1]), strict=True)))
    order = draw.draw(st.permutations(range(len(frame))))
    cut = draw.draw(st.integers(0, len(frame)))
    with tempfile.TemporaryDirectory() as folder:
        store = HistoryStore(Path(folder))
        first = store.write_candles("binance", "BTC/USDT", Timeframe.M1, frame[order[: cut + 1]], "a")
        second = store.write_candles("binance", "BTC/USDT", Timeframe.M1, frame[order[cut:]], "b")
        read = store.read("binance", "BTC/USDT", Timeframe.M1)
    assert first.added + second.added == len(frame)
    assert second.replaced == 0
    assert same(read, columns_of(data))


@given(minutes(most=60), st.data())
def test_every_single_fault_is_found(data, draw) -> None:
    """One bad value anywhere in sound candles is reported as an error on its row."""
    stamps, bars = data[0].copy(), data[1].copy()
    assert not quality.errors_of(stamps, bars, Timeframe.M1)
    row = draw.draw(st.integers(0, len(stamps) - 1))
    field = draw.draw(st.integers(0, 5))
    if field == 5:
        stamps[row] = draw.draw(st.sampled_from([stamps[row] // 1000, stamps[row] * 1000, stamps[row] + 1]))
    else:
        bad = [float("nan"), float("inf"), -1.0] + ([0.0] if field < 4 else [])
        bars[field, row] = draw.draw(st.sampled_from(bad))
    errors = quality.errors_of(stamps, bars, Timeframe.M1)
    assert row in [error.row for error in errors]
