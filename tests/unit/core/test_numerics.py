"""Own logarithm, exponential and draws: special values, known values, the same bits on every machine."""

import math
import statistics

import pytest

from agentic_trading.core.numerics import (
    compiled,
    exp,
    inverse_normal,
    log,
    mix,
    normal,
    random_word,
    uniform,
)
from other_machine import OTHER_MACHINES, run_elsewhere

DIGEST = """
import hashlib, math, struct
from agentic_trading.core.numerics import exp, inverse_normal, log, normal, uniform
sha = hashlib.sha256()
for i in range(4000):
    u = uniform(11, 1, i)
    wide = math.ldexp(u, 2 * (i % 1000) - 1000)
    results = (u, log(u), log(wide), exp(1400.0 * u - 700.0), inverse_normal(u), normal(11, 2, i))
    sha.update(struct.pack("<6d", *results))
print(sha.hexdigest())
"""
GOLDEN = "76fc2ff84bcffb40b671af5b42175b886283961bc70e5c3f75e727296aa69f9c"
"""What the program above prints everywhere: 24,000 results, arguments over the whole range of a double."""


@pytest.mark.golden
def test_bits_are_golden(capsys: pytest.CaptureFixture[str]) -> None:
    """Logarithms, exponentials and draws must have the committed bits on this machine."""
    exec(DIGEST, {})
    assert capsys.readouterr().out.strip() == GOLDEN


@pytest.mark.golden
@pytest.mark.slow
@pytest.mark.parametrize("machine", sorted(OTHER_MACHINES))
def test_bits_are_golden_elsewhere(machine: str) -> None:
    """The bits must not depend on CPU features or on the compiler being there."""
    assert run_elsewhere(DIGEST, machine) == GOLDEN


def test_logarithm_of_special_values() -> None:
    """The logarithm must treat zero, infinity, NaN and negative numbers as IEEE 754 recommends."""
    assert log(0.0) == log(-0.0) == -math.inf
    assert log(math.inf) == math.inf
    assert math.isnan(log(math.nan))
    assert math.isnan(log(-1.0))
    assert math.isnan(log(-math.inf))
    assert log(1.0) == 0.0


def test_exponential_of_special_values() -> None:
    """The exponential must saturate at infinity and zero exactly where a double ends."""
    largest, smallest = 709.782712893384, -745.1332191019411
    assert exp(largest) < math.inf == exp(math.nextafter(largest, math.inf))
    assert exp(smallest) == 5e-324
    assert exp(-745.14) == exp(-1e300) == exp(-math.inf) == 0.0
    assert exp(math.inf) == math.inf
    assert math.isnan(exp(math.nan))
    assert exp(0.0) == exp(-0.0) == 1.0


def test_integers_are_numbers() -> None:
    """An integer argument must give what the equal float gives."""
    assert log(2) == log(2.0)
    assert exp(3) == exp(3.0)
    assert inverse_normal(1) == inverse_normal(1.0) == math.inf


def test_words_are_splitmix64() -> None:
    """The mixing function must be the published one: first outputs of SplitMix64 started at zero."""
    gamma = 0x9E3779B97F4A7C15
    states = [step * gamma % 2**64 for step in (1, 2, 3)]
    outputs = [mix(state - 2**64 if state >= 2**63 else state) for state in states]
    assert outputs == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_quantile_of_special_values() -> None:
    """The normal quantile must be infinite at 0 and 1, NaN outside, and zero at one half."""
    assert inverse_normal(0.0) == -math.inf
    assert inverse_normal(1.0) == math.inf
    assert inverse_normal(0.5) == 0.0
    for outside in (-0.1, 1.1, math.nan, math.inf):
        assert math.isnan(inverse_normal(outside))


def test_quantile_agrees_with_the_standard_library() -> None:
    """The quantile must agree with another implementation to 1e-15, relative, far into both tails."""
    reference = statistics.NormalDist()
    for i in range(2000):
        p = uniform(3, 1, i)
        for q in (p, p * p * p, math.ldexp(p, -(i % 1000)), 1.0 - p * 1e-9):
            assert inverse_normal(q) == pytest.approx(reference.inv_cdf(q), rel=1e-15)


def test_draws_look_normal() -> None:
    """Mean, spread and tails of 20,000 draws must be those of a normal distribution."""
    draws = [normal(5, 9, i) for i in range(20_000)]
    assert abs(statistics.fmean(draws)) < 0.02
    assert statistics.pstdev(draws) == pytest.approx(1.0, abs=0.02)
    assert sum(abs(x) > 1.959964 for x in draws) / len(draws) == pytest.approx(0.05, abs=0.005)


def test_neighbouring_streams_and_seeds_are_unrelated() -> None:
    """Draws of adjacent seeds, streams and counters must not be correlated."""
    base = [uniform(1, 1, i) - 0.5 for i in range(10_000)]
    neighbours = (
        [uniform(2, 1, i) - 0.5 for i in range(10_000)],
        [uniform(1, 2, i) - 0.5 for i in range(10_000)],
        [uniform(1, 1, i + 1) - 0.5 for i in range(10_000)],
    )
    for other in neighbours:
        assert abs(statistics.correlation(base, other)) < 0.04


def test_draws_do_not_repeat() -> None:
    """Different (seed, stream, counter) must give different words."""
    words = {random_word(seed, stream, i) for seed in range(5) for stream in range(5) for i in range(400)}
    assert len(words) == 10_000


@compiled
def _sum_of_draws(count: int) -> float:
    total = 0.0
    for i in range(count):
        total += exp(normal(1, 2, i)) + log(uniform(1, 3, i))
    return total


def test_compiled_callers_get_the_same_bits() -> None:
    """A compiled function that calls ours must get what Python gets."""
    total = 0.0
    for i in range(500):
        total += exp(normal(1, 2, i)) + log(uniform(1, 3, i))
    assert _sum_of_draws(500) == total
