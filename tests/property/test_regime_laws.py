"""Laws of the threshold regime classifier."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import REGIMES, Regime, Timeframe
from agentic_trading.core.models import FloatArray
from agentic_trading.strategies.regime.settings import RegimeSettings
from agentic_trading.strategies.regime.threshold import ThresholdRegime

SETTINGS = RegimeSettings()
UNKNOWN, TRENDING, RANGING, VOLATILE = range(4)

rows = st.lists(
    st.tuples(
        st.sampled_from([10.0, 22.4, 22.5, 24.0, 25.0, 30.0, float("nan")]),
        st.sampled_from([0.0, 0.01, 0.0162, 0.017, 0.018, 0.03]),
        st.sampled_from([0.0, 0.01, 0.01, 0.01]),
    ),
    max_size=60,
)


def classify(inputs: FloatArray, settings: RegimeSettings = SETTINGS) -> FloatArray:
    model = ThresholdRegime(settings)
    out = np.full((4, inputs.shape[1]), np.nan)
    model.advance(model.new_state(), inputs, out, 0, inputs.shape[1])
    return out


def columns(values: list[tuple[float, float, float]]) -> FloatArray:
    return np.array(values, dtype=np.float64).reshape(-1, 3).T.copy()


def codes(*values: tuple[float, float, float]) -> list[int]:
    return [int(code) for code in classify(columns(list(values)))[0]]


@given(rows, st.lists(st.integers(0, 60), max_size=5))
def test_chunking_changes_no_bit(values: list[tuple[float, float, float]], cuts: list[int]) -> None:
    """Advancing in any pieces, or row by row on a matrix of one row, gives the bits of one pass."""
    inputs = columns(values)
    whole, n = classify(inputs), inputs.shape[1]
    model = ThresholdRegime(SETTINGS)
    pieces, state = np.full((4, n), np.nan), model.new_state()
    edges = [0, *sorted(min(cut, n) for cut in cuts), n]
    for start, stop in pairwise(edges):
        model.advance(state, inputs, pieces, start, stop)
    assert pieces.tobytes() == whole.tobytes()
    state, single = model.new_state(), np.full((4, 1), np.nan)
    for row in range(n):
        model.advance(state, inputs[:, row : row + 1].copy(), single, 0, 1)
        assert single.tobytes() == whole[:, row : row + 1].tobytes()


@given(rows, st.integers(0, 60))
def test_the_future_changes_nothing(values: list[tuple[float, float, float]], cut: int) -> None:
    """Garbage after a row leaves everything up to it as it was."""
    inputs = columns(values)
    garbage = inputs.copy()
    garbage[:, cut:] = 1e9
    assert classify(inputs)[:, :cut].tobytes() == classify(garbage)[:, :cut].tobytes()


@given(rows)
def test_the_posterior_is_certain_and_unknown_is_none(values: list[tuple[float, float, float]]) -> None:
    """Posteriors are one for the state and zero elsewhere; a row with a NaN is unknown, and only that."""
    inputs = columns(values)
    out = classify(inputs)
    for row in range(inputs.shape[1]):
        code = int(out[0, row])
        assert (code == UNKNOWN) == bool(np.isnan(inputs[:, row]).any())
        assert out[1:, row].tolist() == [float(code == state) for state in (TRENDING, RANGING, VOLATILE)]


@given(rows, st.integers(1, 6))
def test_a_known_regime_lasts_its_dwell(values: list[tuple[float, float, float]], dwell: int) -> None:
    """Between two known states there are at least ``min_dwell_candles`` rows of the first."""
    chosen = SETTINGS.model_copy(update={"min_dwell_candles": dwell})
    seen = [int(code) for code in classify(columns(values), chosen)[0]]
    since = 0
    for row in range(1, len(seen)):
        if seen[row] != seen[row - 1]:
            assert UNKNOWN in (seen[row], seen[row - 1]) or row - since >= dwell
            since = row


def test_levels_enter_and_hysteresis_keeps() -> None:
    """A trend begins at an ADX of 25 and ends below 22.5; volatility begins at 1.8 and ends below 1.62."""
    calm = 0.01
    trend = [(25.0, calm, calm)] * 3
    assert codes((24.9, calm, calm)) == [RANGING]
    assert codes(*trend, (22.5, calm, calm), (22.4, calm, calm)) == [TRENDING] * 4 + [RANGING]
    assert codes((10.0, 1.79, 1.0)) == [RANGING]
    storm = [(10.0, 1.8, 1.0)] * 3
    assert codes(*storm, (10.0, 1.63, 1.0), (10.0, 1.61, 1.0)) == [VOLATILE] * 4 + [RANGING]


def test_volatile_comes_before_trending() -> None:
    """A trend in a storm is a storm."""
    assert codes((60.0, 0.05, 0.01)) == [VOLATILE]


def test_a_dead_market_is_ranging() -> None:
    """No movement at all is not a division by zero and not volatile."""
    assert codes((0.0, 0.0, 0.0)) == [RANGING]


def test_after_a_hole_it_starts_afresh() -> None:
    """Unknown forgets dwell and hysteresis: the next known row is judged by the levels alone."""
    nan = float("nan")
    assert codes((25.0, 0.01, 0.01), (nan, 0.01, 0.01), (24.0, 0.01, 0.01)) == [TRENDING, UNKNOWN, RANGING]


def test_it_asks_for_features_of_its_own_timeframe() -> None:
    """ADX, short and long volatility, all on the timeframe of the settings."""
    specs = ThresholdRegime(SETTINGS).features
    assert [spec.name for spec in specs] == [
        "1h:adx_14",
        "1h:realized_volatility_24",
        "1h:realized_volatility_168",
    ]
    assert {spec.timeframe for spec in specs} == {Timeframe.H1}
    assert [REGIMES[code] for code in (TRENDING, RANGING, VOLATILE)] == [
        Regime.TRENDING,
        Regime.RANGING,
        Regime.VOLATILE,
    ]
