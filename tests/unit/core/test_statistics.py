"""Risk statistics: hand-computed values, definitions, and silence where there is nothing to say."""

import math
import statistics

import numpy as np
import pytest

from agentic_trading.core.models import FloatArray
from agentic_trading.core.numerics import normal
from agentic_trading.core.statistics import (
    drawdowns,
    expected_shortfall,
    mean,
    realized_volatility,
    std,
    value_at_risk,
)

EMPTY = np.empty(0)


def sample(count: int, seed: int = 1) -> FloatArray:
    """Returns of about one percent, reproducible."""
    return np.array([0.01 * normal(seed, 1, i) for i in range(count)])


def test_mean_and_deviation_by_hand() -> None:
    """Mean and sample deviation must be the textbook ones; with ddof 0 that of a population."""
    values = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert mean(values) == 5.0
    assert std(values) == math.sqrt(32.0 / 7.0)
    assert std(values, 0) == 2.0


def test_sums_run_left_to_right() -> None:
    """A mean must add in order: the small numbers lost before the large one leaves stay lost."""
    values = np.array([1e16, 1.0, 1.0, -1e16] + [0.0] * 300)
    assert mean(values) == 0.0
    assert mean(values[::-1].copy()) == 0.0
    assert mean(np.array([1.0, 1.0, 1e16, -1e16])) == 0.5


def test_deviation_survives_a_large_offset() -> None:
    """Deviation must not cancel away when values are large and close together."""
    assert std(np.array([1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0])) == 1.0


def test_agreement_with_the_standard_library() -> None:
    """Mean and deviation of many values must agree with exact summation to rounding error."""
    values = sample(5000)
    assert mean(values) == pytest.approx(statistics.fmean(values.tolist()), rel=1e-12)
    assert std(values) == pytest.approx(statistics.stdev(values.tolist()), rel=1e-12)


def test_drawdowns_by_hand() -> None:
    """A drawdown must be the positive ratio below the running peak, zero at each new peak."""
    equity = np.array([100.0, 120.0, 90.0, 120.0, 150.0, 75.0, -15.0])
    assert drawdowns(equity).tolist() == [0.0, 0.0, 0.25, 0.0, 0.0, 0.5, 1.1]


def test_drawdown_before_a_peak_and_at_gaps() -> None:
    """Without a positive peak there must be no drawdown, and a NaN must not become the peak."""
    found = drawdowns(np.array([0.0, -5.0, 10.0, math.nan, 5.0]))
    assert np.isnan(found).tolist() == [True, True, False, True, False]
    assert found[2] == 0.0
    assert found[4] == 0.5


def test_value_at_risk_is_an_order_statistic() -> None:
    """At 95 % of a hundred returns it must be the fifth worst, at 99 % the worst: no binary surprise."""
    returns = np.arange(1, 101) / -1000.0
    assert value_at_risk(returns, 0.95) == 0.096
    assert value_at_risk(returns, 0.99) == 0.1
    assert value_at_risk(returns, 0.90) == 0.091
    assert value_at_risk(returns, 0.942) == 0.095  # 5.8 of 100: rounded up to the sixth worst


def test_value_at_risk_of_gains_is_negative() -> None:
    """When even the tail gains, the loss must be reported as negative, not hidden."""
    assert value_at_risk(np.array([0.01, 0.02, 0.03]), 0.95) == -0.01


def test_expected_shortfall_by_hand() -> None:
    """It must average the worst share exactly, the boundary return by its fraction."""
    returns = np.array([-0.10, -0.06, -0.02] + [0.01] * 17)
    assert expected_shortfall(returns, 0.90) == pytest.approx(0.08, rel=1e-15)
    assert expected_shortfall(returns, 0.95) == 0.10
    assert expected_shortfall(returns, 0.925) == pytest.approx((0.10 + 0.5 * 0.06) / 1.5, rel=1e-15)


@pytest.mark.parametrize("count", [1, 2, 7, 19, 20, 100, 365, 1000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_expected_shortfall_is_beyond_value_at_risk(count: int, level: float) -> None:
    """The mean of the tail must lie between its boundary and the worst loss."""
    returns = sample(count, seed=count)
    shortfall = expected_shortfall(returns, level)
    assert value_at_risk(returns, level) <= shortfall <= -returns.min() * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("count", [20, 100, 260, 1000])
def test_share_of_larger_losses(count: int) -> None:
    """No more than 1 - level of the returns may lose more than value at risk."""
    returns = sample(count, seed=count)
    assert np.count_nonzero(-returns > value_at_risk(returns, 0.95)) <= 0.05 * count + 1e-9


def test_tails_do_not_depend_on_order_and_leave_the_input_alone() -> None:
    """Turning returns around must change neither tail measure, and the caller's array stays as it was."""
    returns = sample(200)
    before, turned = returns.copy(), returns[::-1].copy()
    assert value_at_risk(returns, 0.95) == value_at_risk(turned, 0.95)
    assert expected_shortfall(returns, 0.95) == expected_shortfall(turned, 0.95)
    assert returns.tolist() == before.tolist()


def test_realized_volatility_by_hand() -> None:
    """It must be the root of the mean squared return times the periods of a year, no mean subtracted."""
    assert realized_volatility(np.array([0.03, 0.04, 0.0, 0.0]), 4.0) == pytest.approx(0.05, rel=1e-15)
    assert realized_volatility(np.array([0.01, 0.01]), 1.0) == pytest.approx(0.01, rel=1e-15)


def test_nothing_to_say() -> None:
    """Too few values, a NaN among them, or an impossible level must give NaN, never a number."""
    with_nan = np.array([0.01, math.nan, 0.02])
    one = np.array([0.01])
    silent = [
        mean(EMPTY),
        std(EMPTY),
        std(EMPTY, 0),
        std(one),
        realized_volatility(EMPTY, 365.0),
        mean(with_nan),
        std(with_nan),
        realized_volatility(with_nan, 365.0),
    ]
    for tail in (value_at_risk, expected_shortfall):
        silent += [
            tail(EMPTY, 0.95),
            tail(with_nan, 0.95),
            tail(one, 0.0),
            tail(one, 1.0),
            tail(one, math.nan),
        ]
    assert all(math.isnan(value) for value in silent)
    assert len(drawdowns(EMPTY)) == 0
