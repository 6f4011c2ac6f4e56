"""The one equity function: by hand, and the same bits for one row or many."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agentic_trading.core.equity import (
    CASH,
    DAY_AFTER,
    DAY_BEFORE,
    DAY_LOSS,
    DAY_START,
    DRAWDOWN,
    DROP,
    EQUITY,
    GROSS,
    LAST,
    NET,
    NO_LIMITS,
    PEAK,
    mark_rows,
    new_levels,
)
from agentic_trading.core.models import FloatArray

NAN = float("nan")


def mark(
    prices: list[list[float]],
    quantities: list[float],
    *,
    edges: list[int] | None = None,
    limits: FloatArray = NO_LIMITS,
    levels: FloatArray | None = None,
) -> tuple[int, FloatArray, FloatArray]:
    """Mark all rows of an account of 100 with 50 in quote; returns rows done, matrix, levels."""
    levels = new_levels(100.0) if levels is None else levels
    by_symbol = np.array(prices).T.copy()
    day_edges = np.array(edges or [0] * len(prices), dtype=np.int8)
    out = np.zeros((5, len(prices)))
    done = mark_rows(
        levels, np.array(quantities), 50.0, 30.0, by_symbol, day_edges, limits, out, 0, 0, len(prices), True
    )
    return done, out, levels


def test_a_row_by_hand() -> None:
    """Equity is quote value plus positions at their prices; exposures are gross and net; cash is as given."""
    _, out, _ = mark([[10.0, 20.0]], [4.0, -1.5])
    assert (out[EQUITY, 0], out[CASH, 0], out[GROSS, 0], out[NET, 0]) == (60.0, 30.0, 70.0, 10.0)
    assert out[DRAWDOWN, 0] == 0.4  # 100 down to 60


def test_the_state_tells_what_was_lost() -> None:
    """Drawdown and the day's loss at the last row: none if the day begins there, NaN if with nothing."""
    for edges, day_loss in (([0, 0], 0.1), ([DAY_AFTER, 0], 20 / 110), ([0, DAY_AFTER], 0.0)):
        _, _, levels = mark([[12.0], [8.0]], [5.0], edges=edges)  # 100, then 110 and 90
        assert (levels[DROP], levels[DAY_LOSS]) == (20 / 110, day_loss)
    _, _, levels = mark([[8.0]], [5.0], levels=new_levels(0.0))
    assert levels[DROP] == 0.0
    assert np.isnan(levels[DAY_LOSS])


def test_drawdown_is_below_the_highest_equity_so_far() -> None:
    """The peak starts at the capital, rises with equity and never falls."""
    _, out, levels = mark([[10.0], [15.0], [12.0], [15.0]], [10.0])
    assert out[EQUITY].tolist() == [150.0, 200.0, 170.0, 200.0]
    assert out[DRAWDOWN].tolist() == [0.0, 0.0, 0.15, 0.0]
    assert levels[PEAK] == 200.0


def test_a_symbol_that_is_not_held_needs_no_price() -> None:
    """NaN where nothing is held counts as nothing; where something is held the value is unknown."""
    _, out, _ = mark([[10.0, NAN]], [5.0, 0.0])
    assert out[EQUITY, 0] == 100.0
    _, out, _ = mark([[10.0, NAN]], [5.0, 1.0])
    assert np.isnan(out[EQUITY, 0])


def test_an_unknown_value_does_not_poison_what_follows() -> None:
    """After a row that could not be valued, the peak is still known and drawdown is measured from it."""
    _, out, levels = mark([[30.0], [NAN], [10.0]], [5.0])
    assert levels[PEAK] == 200.0
    assert out[DRAWDOWN, 2] == 0.5


def test_the_day_starts_where_its_edge_says() -> None:
    """A day that began before the row starts at the equity before it, one that begins with it at its own."""
    _, _, levels = mark([[10.0], [12.0]], [5.0], edges=[0, DAY_BEFORE])
    assert (levels[DAY_START], levels[LAST]) == (100.0, 110.0)
    _, _, levels = mark([[12.0], [14.0]], [5.0], edges=[DAY_AFTER, 0])
    assert (levels[DAY_START], levels[LAST]) == (110.0, 120.0)


@pytest.mark.parametrize(
    ("limits", "stops_at"),
    [
        ([0.15, np.inf, -np.inf], 2),  # drawdown of 20 %
        ([0.2, np.inf, -np.inf], 3),  # exactly the limit is not beyond it
        ([np.inf, 0.05, -np.inf], 1),  # 10 % below the start of the day
        ([np.inf, np.inf, 60.0], 3),  # equity of 60
        ([np.inf, np.inf, 59.0], 4),
    ],
)
def test_it_stops_before_a_row_that_somebody_must_look_at(limits: list[float], stops_at: int) -> None:
    """Beyond a limit of drawdown, day loss or equity, the row and all after it are left unmarked."""
    rows = [[10.0], [8.0], [6.0], [2.0]]
    done, out, levels = mark(rows, [5.0], limits=np.array(limits))
    assert done == stops_at
    assert not out[:, stops_at:].any()
    assert levels[LAST] == out[EQUITY, stops_at - 1]


@given(
    prices=arrays(np.float64, (3, 12), elements=st.floats(0.01, 1e6)),
    quantities=arrays(np.float64, 3, elements=st.floats(-1e3, 1e3)),
    cut=st.integers(0, 12),
    edges=arrays(np.int8, 12, elements=st.integers(0, 3)),
)
@pytest.mark.property
def test_one_row_or_many_give_the_same_bits(
    prices: FloatArray, quantities: FloatArray, cut: int, edges: "np.typing.NDArray[np.int8]"
) -> None:
    """Rows marked all at once, in two parts, or one by one are the same to the last bit, levels included."""
    results = []
    for parts in ([0, 12], [0, cut, 12], list(range(13))):
        out, levels = np.zeros((5, 12)), new_levels(10_000.0)
        for first, last in pairwise(parts):
            mark_rows(levels, quantities, 77.7, 3.3, prices, edges, NO_LIMITS, out, first, first, last, True)
        results.append((out.tobytes(), levels.tobytes()))
    assert results[0] == results[1] == results[2]


@given(
    prices=arrays(np.float64, (2, 12), elements=st.floats(1.0, 20.0)),
    limits=st.tuples(
        st.sampled_from([0.1, 0.3, np.inf]),
        st.sampled_from([0.05, 0.2, np.inf]),
        st.sampled_from([0.0, 60.0]),
    ),
    edges=arrays(np.int8, 12, elements=st.integers(0, 3)),
    cut=st.integers(0, 12),
)
@pytest.mark.property
def test_the_row_that_crosses_a_limit_is_found_however_the_rows_are_cut(
    prices: FloatArray,
    limits: tuple[float, float, float],
    edges: "np.typing.NDArray[np.int8]",
    cut: int,
) -> None:
    """The first row beyond a limit is where reckoning row by row finds it; bits before it are the same."""
    quantities, most_drawdown, most_loss, least = np.array([6.0, -2.0]), *limits
    visited, levels = np.zeros((5, 12)), new_levels(100.0)
    crossed = 0
    while crossed < 12:
        before = levels.copy()
        mark_rows(
            levels,
            quantities,
            50.0,
            0.0,
            prices,
            edges,
            NO_LIMITS,
            visited,
            crossed,
            crossed,
            crossed + 1,
            True,
        )
        value = visited[EQUITY, crossed]
        day_start = before[LAST] if edges[crossed] & DAY_BEFORE else before[DAY_START]
        lost = (day_start - value) / day_start if day_start > 0.0 else 0.0
        if visited[DRAWDOWN, crossed] > most_drawdown or lost > most_loss or value <= least:
            visited[:, crossed], levels = 0.0, before
            break
        crossed += 1
    swept, kept, row = np.zeros((5, 12)), new_levels(100.0), 0
    for stop in (cut, 12):
        if row <= stop:
            row = mark_rows(
                kept, quantities, 50.0, 0.0, prices, edges, np.array(limits), swept, row, row, stop, True
            )
        if row < stop:
            break
    assert row == crossed
    assert (swept.tobytes(), kept.tobytes()) == (visited.tobytes(), levels.tobytes())
