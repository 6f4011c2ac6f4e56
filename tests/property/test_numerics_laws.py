"""Laws of our logarithm, exponential and draws, over generated arguments."""

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.numerics import exp, inverse_normal, log, uniform

pytestmark = pytest.mark.property

ANY_POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)
NEAR_ONE = st.floats(min_value=0.5, max_value=2.0)
EXPONENTS = st.floats(min_value=-746.0, max_value=709.782712893384)
WORDS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
PROBABILITIES = st.floats(min_value=5e-324, max_value=1.0, exclude_max=True)


def ulps(result: float, exact: Decimal) -> Decimal:
    """The distance of a result from the exact value, in units of the result's last place."""
    return abs(Decimal(result) - exact) / Decimal(math.ulp(result))


@given(ANY_POSITIVE | NEAR_ONE)
def test_logarithm_is_within_one_ulp(x: float) -> None:
    """The logarithm of any positive double, denormal or not, must be within 1 ulp of the exact one."""
    with localcontext(prec=60):
        assert ulps(log(x), Decimal(x).ln()) <= 1


@given(EXPONENTS | st.floats(min_value=-1.0, max_value=1.0))
def test_exponential_is_within_one_ulp(x: float) -> None:
    """The exponential must be within 1 ulp of the exact one, down to the smallest denormal."""
    with localcontext(prec=60):
        assert ulps(exp(x), Decimal(x).exp()) <= 1


@given(st.floats(min_value=-700.0, max_value=700.0))
def test_logarithm_undoes_the_exponential(x: float) -> None:
    """log(exp(x)) must be x up to what rounding exp(x) costs."""
    assert abs(log(exp(x)) - x) <= 2.0**-52 + 2.0**-52 * abs(x)


@given(PROBABILITIES, PROBABILITIES)
def test_quantile_never_decreases(first: float, second: float) -> None:
    """A larger probability must not have a smaller quantile beyond the accuracy of the approximation."""
    low, high = inverse_normal(min(first, second)), inverse_normal(max(first, second))
    assert low <= high + 2e-15 * max(abs(low), abs(high))


@given(st.integers(min_value=1, max_value=2**52 - 1))
def test_quantile_is_antisymmetric(count: int) -> None:
    """Probabilities equally far from one half must have opposite quantiles, to the last bit."""
    p = count / 2**53
    assert inverse_normal(1.0 - p) == -inverse_normal(p)


@given(WORDS, WORDS, WORDS)
def test_uniform_is_inside_the_unit_interval(seed: int, stream: int, counter: int) -> None:
    """Any three 64-bit integers must give a draw strictly between 0 and 1, the same one every time."""
    draw = uniform(seed, stream, counter)
    assert 0.0 < draw < 1.0
    assert draw == uniform(seed, stream, counter)
