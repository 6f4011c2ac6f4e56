"""Features of a replay: which vectors are handed out at an instant, and in which order."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core import features as make
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.events import CandlesClosed, FeatureVector
from agentic_trading.core.models import CandleColumns
from agentic_trading.features.playback import TableFeatures
from agentic_trading.features.table import Table, build_table
from feature_series import candle_of, candles, market

Key = tuple[Timeframe, str]
SYMBOLS = ("BTC/USDT", "ETH/USDT")
KEYS: tuple[Key, ...] = tuple(
    (frame, symbol) for frame in (Timeframe.M15, Timeframe.M30, Timeframe.H1) for symbol in SYMBOLS
)
"""In the standard order: by length of the timeframe, then by symbol."""
ROWS = 48


def made(key: Key, seed: int) -> tuple[CandleColumns, Table]:
    """Candles of some hours with a hole, warm from the third row of each stretch on."""
    frame, symbol = key
    rows = ROWS * Timeframe.M15.ns // frame.ns
    columns = candles(market("walk", rows, seed), frame, gaps=(rows // 2,) if frame is Timeframe.M15 else ())
    columns = msgspec.structs.replace(columns, symbol=symbol)
    return columns, build_table({frame: columns}, frame, [make.sma(3)])


TABLES = {key: made(key, seed) for seed, key in enumerate(reversed(KEYS))}
INSTANTS = sorted({int(at_ns) for columns, _ in TABLES.values() for at_ns in columns.close_ns})


def closed(at_ns: int) -> CandlesClosed:
    """The base candles of both symbols that close at an instant."""
    columns = [TABLES[Timeframe.M15, symbol][0] for symbol in SYMBOLS]
    rows = [(each, row) for each in columns for row in np.flatnonzero(each.close_ns == at_ns).tolist()]
    return CandlesClosed(at_ns, tuple(candle_of(each, row) for each, row in rows))


def told(features: TableFeatures, at_ns: int) -> list[FeatureVector]:
    return [event for event in features.react(closed(at_ns)) if isinstance(event, FeatureVector)]


def keys_of(vectors: list[FeatureVector]) -> list[Key]:
    return [(vector.timeframe, vector.symbol) for vector in vectors]


def test_untold_it_emits_every_warm_row_that_closes() -> None:
    """At each instant there is a vector of every table with a warm row there, in the standard order."""
    features = TableFeatures(TABLES)
    for at_ns in INSTANTS:
        warm = []
        for key in KEYS:
            columns, table = TABLES[key]
            if table.warm[columns.close_ns == at_ns].any():
                warm.append(key)
        assert keys_of(told(features, at_ns)) == warm


@given(
    visits=st.lists(
        st.tuples(st.sampled_from(INSTANTS), st.lists(st.sampled_from(KEYS), unique=True)),
        max_size=12,
    )
)
@pytest.mark.property
def test_only_what_is_attended_is_emitted(visits: list[tuple[int, list[Key]]]) -> None:
    """Whoever attends, in whatever order it is said: the vectors are those of all, less the others'."""
    everything, attended = TableFeatures(TABLES), TableFeatures(TABLES)
    for at_ns, keys in visits:
        attended.attended = attended.readers(keys)
        whole = told(everything, at_ns)
        assert told(attended, at_ns) == [
            vector for vector in whole if (vector.timeframe, vector.symbol) in keys
        ]


def test_history_ends_with_the_row_that_was_looked_at() -> None:
    """After rows that nobody attended the last candles are those up to the row that somebody attends."""
    features = TableFeatures(TABLES)
    frame, symbol = KEYS[0]
    columns, _ = TABLES[KEYS[0]]
    told(features, int(columns.close_ns[3]))
    features.attended = []
    told(features, int(columns.close_ns[9]))
    features.attended = features.readers([KEYS[0]])
    told(features, int(columns.close_ns[12]))
    assert list(features.last_candles(symbol, frame, 2)) == [candle_of(columns, 11), candle_of(columns, 12)]
