"""Logarithm, exponential and random draws that have the same bits on every machine.

Libm and numpy change the last bits of ``log`` and ``exp`` with the CPU they find; a backtest that
must be reproducible cannot use them. Everything here is made of IEEE ``+ - * /``, ``sqrt``, comparisons
and exact bit operations in a fixed order, compiled without fast-math. Each function can be called from
Python and from other compiled functions, and gives the same bits with the compiler switched off.

Random draws are counter based: a draw is a pure function of (seed, stream, counter), so there is no
generator state to carry, and a longer run starts with the draws of a shorter one.
"""

import math

from agentic_trading.core.kernels import compiled

__all__ = [
    "as_word", "compiled", "exp", "inverse_normal", "log", "mix", "normal", "random_word", "uniform",
]  # fmt: skip

# --- logarithm and exponential ----------------------------------------------------------------

LN2_HIGH = 0.6931471804855391
"""The first 33 bits of ln 2: its product with any binary exponent is exact."""
LN2_LOW = 7.440617110012397e-11
"""What is left of ln 2, rounded to a double."""
INVERSE_LN2 = 1.4426950408889634
SQRT_HALF = 0.7071067811865476
EXP_OVERFLOW = 709.782712893384
"""The largest argument whose exponential is finite."""
EXP_UNDERFLOW = -746.0
"""Below this the exponential rounds to zero."""


@compiled
def log(x: float) -> float:
    """Natural logarithm, within 1 ulp; -inf at zero, NaN for negative numbers and NaN.

    ``x = m * 2**k`` with m in [sqrt(1/2), sqrt(2)); with f = m - 1 and s = f / (2 + f) the classic
    series ln(1 + f) = 2 artanh(s) = 2 (s + s**3/3 + s**5/5 + ...) (Abramowitz & Stegun 4.1.27),
    arranged as f - (f**2/2 - s (f**2/2 + R(s**2))) so that the leading term f is exact.
    """
    x = float(x)
    if not x > 0.0:
        return -math.inf if x == 0.0 else math.nan
    if x == math.inf:
        return x
    m, k = math.frexp(x)
    if m < SQRT_HALF:
        m = m + m
        k = k - 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = 2.0 / 25.0
    r = 2.0 / 23.0 + z * r
    r = 2.0 / 21.0 + z * r
    r = 2.0 / 19.0 + z * r
    r = 2.0 / 17.0 + z * r
    r = 2.0 / 15.0 + z * r
    r = 2.0 / 13.0 + z * r
    r = 2.0 / 11.0 + z * r
    r = 2.0 / 9.0 + z * r
    r = 2.0 / 7.0 + z * r
    r = 2.0 / 5.0 + z * r
    r = z * (2.0 / 3.0 + z * r)
    half_square = 0.5 * f * f
    small = half_square - s * (half_square + r)
    if k == 0:
        return f - small
    # |k ln2| > |f|, so `error` is exactly what the sum lost (Dekker's Fast2Sum).
    high = k * LN2_HIGH
    total = high + f
    error = f - (total - high)
    return total + (error + (k * LN2_LOW - small))


@compiled
def exp(x: float) -> float:
    """Exponential, within 1 ulp; inf above 709.78, zero below -745.14, NaN for NaN.

    ``x = k ln2 + r`` with |r| <= ln2 / 2, ln2 in two parts so that r keeps its bits (Cody & Waite 1980);
    exp(r) by its Taylor series (Abramowitz & Stegun 4.2.1), the leading 1 + r summed without loss.
    """
    x = float(x)
    if math.isnan(x):
        return x
    if x > EXP_OVERFLOW:
        return math.inf
    if x < EXP_UNDERFLOW:
        return 0.0
    k = math.floor(x * INVERSE_LN2 + 0.5)
    high = x - k * LN2_HIGH
    low = k * LN2_LOW
    r = high - low
    lost = (high - r) - low
    q = 1.0 / 87178291200.0
    q = 1.0 / 6227020800.0 + r * q
    q = 1.0 / 479001600.0 + r * q
    q = 1.0 / 39916800.0 + r * q
    q = 1.0 / 3628800.0 + r * q
    q = 1.0 / 362880.0 + r * q
    q = 1.0 / 40320.0 + r * q
    q = 1.0 / 5040.0 + r * q
    q = 1.0 / 720.0 + r * q
    q = 1.0 / 120.0 + r * q
    q = 1.0 / 24.0 + r * q
    q = 1.0 / 6.0 + r * q
    q = 0.5 + r * q
    total = 1.0 + r
    error = r - (total - 1.0)
    return math.ldexp(total + (error + (lost + r * r * q)), k)


# --- random draws -----------------------------------------------------------------------------

WORD = 0xFFFFFFFFFFFFFFFF
GOLDEN_GAMMA = 0x9E3779B97F4A7C15
MIX_FIRST = 0xBF58476D1CE4E5B9
MIX_SECOND = 0x94D049BB133111EB
TWO_TO_MINUS_53 = 1.0 / 9007199254740992.0


def as_word(value: int) -> int:
    """An integer modulo 2**64; compiled code has that as a type (see `core.compiler`), Python as a mask."""
    return int(value) & WORD


@compiled
def mix(value: int) -> int:
    """Scramble 64 bits one-to-one (finaliser of SplitMix64: Steele, Lea & Flood, OOPSLA 2014)."""
    z = as_word(value)
    z = as_word(as_word(z ^ (z >> as_word(30))) * as_word(MIX_FIRST))
    z = as_word(as_word(z ^ (z >> as_word(27))) * as_word(MIX_SECOND))
    return as_word(z ^ (z >> as_word(31)))


@compiled
def random_word(seed: int, stream: int, counter: int) -> int:
    """64 random bits, a pure function of three signed 64-bit integers.

    Element ``counter`` of the SplitMix64 sequence whose start is scrambled from seed and stream.
    """
    start = mix(as_word(mix(as_word(seed) + as_word(GOLDEN_GAMMA)) + as_word(stream)))
    step = as_word(as_word(as_word(counter) + as_word(1)) * as_word(GOLDEN_GAMMA))
    return mix(as_word(start + step))


@compiled
def uniform(seed: int, stream: int, counter: int) -> float:
    """A draw from the open interval (0, 1): an odd multiple of 2**-53, symmetric about one half."""
    odd = (random_word(seed, stream, counter) >> as_word(11)) | as_word(1)
    return float(odd) * TWO_TO_MINUS_53


@compiled
def inverse_normal(p: float) -> float:
    """The standard normal quantile, relative error about 1e-15; -inf at 0, inf at 1, NaN outside.

    Algorithm AS 241, PPND16 (Wichura 1988, Applied Statistics 37, 477-484) on our own logarithm.
    """
    p = float(p)
    if not 0.0 < p < 1.0:
        return math.inf if p == 1.0 else -math.inf if p == 0.0 else math.nan
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _central(0.180625 - q * q)
    r = math.sqrt(-log(p if q < 0.0 else 1.0 - p))
    tail = _middle(r - 1.6) if r <= 5.0 else _far(r - 5.0)
    return -tail if q < 0.0 else tail


@compiled
def normal(seed: int, stream: int, counter: int) -> float:
    """A standard normal draw, by inversion of `uniform`."""
    return inverse_normal(uniform(seed, stream, counter))


@compiled
def _central(r: float) -> float:
    """Rational approximation of AS 241 for probabilities within 0.425 of one half."""
    above = 2.5090809287301226727e3
    above = above * r + 3.3430575583588128105e4
    above = above * r + 6.7265770927008700853e4
    above = above * r + 4.5921953931549871457e4
    above = above * r + 1.3731693765509461125e4
    above = above * r + 1.9715909503065514427e3
    above = above * r + 1.3314166789178437745e2
    above = above * r + 3.3871328727963666080e0
    below = 5.2264952788528545610e3
    below = below * r + 2.8729085735721942674e4
    below = below * r + 3.9307895800092710610e4
    below = below * r + 2.1213794301586595867e4
    below = below * r + 5.3941960214247511077e3
    below = below * r + 6.8718700749205790830e2
    below = below * r + 4.2313330701600911252e1
    return above / (below * r + 1.0)


@compiled
def _middle(r: float) -> float:
    """Rational approximation of AS 241 for tails down to about exp(-25)."""
    above = 7.74545014278341407640e-4
    above = above * r + 2.27238449892691845833e-2
    above = above * r + 2.41780725177450611770e-1
    above = above * r + 1.27045825245236838258e0
    above = above * r + 3.64784832476320460504e0
    above = above * r + 5.76949722146069140550e0
    above = above * r + 4.63033784615654529590e0
    above = above * r + 1.42343711074968357734e0
    below = 1.05075007164441684324e-9
    below = below * r + 5.47593808499534494600e-4
    below = below * r + 1.51986665636164571966e-2
    below = below * r + 1.48103976427480074590e-1
    below = below * r + 6.89767334985100004550e-1
    below = below * r + 1.67638483018380384940e0
    below = below * r + 2.05319162663775882187e0
    return above / (below * r + 1.0)


@compiled
def _far(r: float) -> float:
    """Rational approximation of AS 241 for tails beyond exp(-25)."""
    above = 2.01033439929228813265e-7
    above = above * r + 2.71155556874348757815e-5
    above = above * r + 1.24266094738807843860e-3
    above = above * r + 2.65321895265761230930e-2
    above = above * r + 2.96560571828504891230e-1
    above = above * r + 1.78482653991729133580e0
    above = above * r + 5.46378491116411436990e0
    above = above * r + 6.65790464350110377720e0
    below = 2.04426310338993978564e-15
    below = below * r + 1.42151175831644588870e-7
    below = below * r + 1.84631831751005468180e-5
    below = below * r + 7.86869131145613259100e-4
    below = below * r + 1.48753612908506148525e-2
    below = below * r + 1.36929880922735805310e-1
    below = below * r + 5.99832206555887937690e-1
    return above / (below * r + 1.0)
