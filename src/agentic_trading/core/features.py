"""How a strategy names the features it needs: specs with stable names, and the table they end up in.

Every constructor here makes a `FeatureSpec`; the computations live in ``features.indicators``. All read
closed candles only, the current one included. ``timeframe`` asks for a higher timeframe than the
strategy's own. A bad parameter raises `ConfigError` naming it.
"""

from typing import Protocol

import msgspec

from agentic_trading.core.enums import DAY_NS, MINUTE_NS, Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.models import BoolArray, FloatArray

EMA_MEMORY = 20
"""Periods after which an exponential average (weight 2 / (n + 1)) has forgotten its start to the last bit."""

WILDER_MEMORY = 40
"""The same for Wilder's average (weight 1 / n), which is half as fast."""


class FeatureSpec(msgspec.Struct, frozen=True):
    """One feature: which indicator, with which parameters, on which timeframe.

    ``name`` is stable and is how values are read: ``ema_12``, ``1h:adx_14``; a multi-output feature
    is read as ``macd_12_26_9.signal``. ``outputs`` is empty for a single value; an output named ``""``
    is read under the plain name. ``warm_up`` is the number of candles after which the value no longer
    depends, in any bit, on what came before.
    """

    indicator: str
    params: tuple[float, ...]
    warm_up: int
    outputs: tuple[str, ...] = ()
    timeframe: Timeframe | None = None
    """None: the first timeframe of the strategy that asks."""

    @property
    def name(self) -> str:
        prefix = f"{self.timeframe}:" if self.timeframe else ""
        return prefix + self.plain_name

    @property
    def plain_name(self) -> str:
        """The name without its timeframe: what is computed, whoever asks."""
        return "_".join([self.indicator, *(_written(value) for value in self.params)])

    @property
    def columns(self) -> tuple[str, ...]:
        """Names under which the values are read, one per output."""
        name = self.name
        return tuple(f"{name}.{output}" if output else name for output in self.outputs or ("",))


class FeatureTable(Protocol):
    """Feature columns of one symbol over the rows of one timeframe, for vectorised triggers."""

    def __getitem__(self, name: str) -> FloatArray:
        """The column of a declared feature, or ``open high low close volume``; shape (n,)."""
        ...

    @property
    def regime(self) -> FloatArray:
        """Regime code per row (see ``core.enums.REGIMES``)."""
        ...

    @property
    def can_short(self) -> bool:
        """Whether the symbol can be sold short; if not, rows that only a short needs do not matter."""
        ...

    def __len__(self) -> int: ...


class Triggers(msgspec.Struct, frozen=True, eq=False):
    """Rows on which a strategy could act, a superset: ``entry`` while flat, ``exit`` in a position.

    Where ``exit_short`` is given, ``exit`` is for a long position and ``exit_short`` for a short one.
    While an order is under way the rows of every mask count. Each is of shape (n,).
    """

    entry: BoolArray
    exit: BoolArray
    exit_short: BoolArray | None = None


On = Timeframe | str | None
"""The timeframe of a feature as users write it: ``"1h"``, ``Timeframe.H1``, None: the strategy's own."""


def _written(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _spec(
    indicator: str, params: tuple[float, ...], warm_up: int, timeframe: On, outputs: tuple[str, ...] = ()
) -> FeatureSpec:
    return FeatureSpec(indicator, params, warm_up, outputs, _timeframe(indicator, timeframe))


def _timeframe(indicator: str, timeframe: On) -> Timeframe | None:
    if timeframe is None:
        return None
    try:
        return Timeframe(timeframe)
    except ValueError:
        known = ", ".join(Timeframe)
        raise ConfigError(f"{indicator}: timeframe {timeframe!r} is not one of {known}") from None


def _whole(indicator: str, name: str, value: int, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{indicator}: {name} must be a whole number of at least {least}, not {value!r}")
    return value


def _positive(indicator: str, name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigError(f"{indicator}: {name} must be a number above 0, not {value!r}")
    return float(value)


# --- trend ------------------------------------------------------------------------------------


def ema(n: int, *, timeframe: On = None) -> FeatureSpec:
    """Exponential moving average of the close, weight 2 / (n + 1)."""
    return _spec("ema", (_whole("ema", "n", n),), EMA_MEMORY * n, timeframe)


def sma(n: int, *, timeframe: On = None) -> FeatureSpec:
    """Mean of the last n closes."""
    return _spec("sma", (_whole("sma", "n", n),), n, timeframe)


def wma(n: int, *, timeframe: On = None) -> FeatureSpec:
    """Mean of the last n closes with weights 1 (oldest) to n (newest)."""
    return _spec("wma", (_whole("wma", "n", n),), n, timeframe)


def macd(fast: int = 12, slow: int = 26, signal: int = 9, *, timeframe: On = None) -> FeatureSpec:
    """EMA(fast) - EMA(slow), its EMA(signal), and their difference: ``.macd .signal .histogram``."""
    _whole("macd", "fast", fast)
    _whole("macd", "slow", slow, fast + 1)
    _whole("macd", "signal", signal)
    outputs = ("macd", "signal", "histogram")
    return _spec("macd", (fast, slow, signal), EMA_MEMORY * max(slow, signal), timeframe, outputs)


def adx(n: int = 14, *, timeframe: On = None) -> FeatureSpec:
    """Wilder's average directional index, 0..100, read plainly; also ``.plus_di`` and ``.minus_di``."""
    outputs = ("", "plus_di", "minus_di")
    return _spec("adx", (_whole("adx", "n", n),), WILDER_MEMORY * n + 1, timeframe, outputs)


def slope(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Slope of the least-squares line through the last n closes, in price per candle."""
    return _spec("slope", (_whole("slope", "n", n, 2),), n, timeframe)


def supertrend(n: int = 10, k: float = 3.0, *, timeframe: On = None) -> FeatureSpec:
    """Trailing band k ATR(n) from the candle's middle: ``.value`` (a price), ``.direction`` (1 or -1)."""
    params = (_whole("supertrend", "n", n), _positive("supertrend", "k", k))
    return _spec("supertrend", params, WILDER_MEMORY * n + 1, timeframe, ("value", "direction"))


# --- momentum ---------------------------------------------------------------------------------


def rsi(n: int = 14, *, timeframe: On = None) -> FeatureSpec:
    """Wilder's relative strength index, 0..100; 50 when nothing moved."""
    return _spec("rsi", (_whole("rsi", "n", n),), WILDER_MEMORY * n + 1, timeframe)


def stochastic(n: int = 14, smooth: int = 3, signal: int = 3, *, timeframe: On = None) -> FeatureSpec:
    """Close within the range of n candles, 0..100: ``.k`` averaged over smooth, ``.d`` again over signal."""
    params = (
        _whole("stochastic", "n", n),
        _whole("stochastic", "smooth", smooth),
        _whole("stochastic", "signal", signal),
    )
    return _spec("stochastic", params, n + smooth + signal - 2, timeframe, ("k", "d"))


def cci(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Commodity channel index: typical price from its mean, in 0.015 mean deviations."""
    return _spec("cci", (_whole("cci", "n", n, 2),), n, timeframe)


def roc(n: int = 10, *, timeframe: On = None) -> FeatureSpec:
    """Change of the close over n candles, in percent."""
    return _spec("roc", (_whole("roc", "n", n),), n + 1, timeframe)


def zscore(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Close from its mean over n candles, in (population) standard deviations; 0 when nothing moved."""
    return _spec("zscore", (_whole("zscore", "n", n, 2),), n, timeframe)


# --- volatility and channels ------------------------------------------------------------------


def atr(n: int = 14, *, timeframe: On = None) -> FeatureSpec:
    """Wilder's average true range, in price."""
    return _spec("atr", (_whole("atr", "n", n),), WILDER_MEMORY * n + 1, timeframe)


def bollinger(n: int = 20, k: float = 2.0, *, timeframe: On = None) -> FeatureSpec:
    """Mean of n closes, k population deviations around it: ``.upper .middle .lower``, ``.width`` / middle."""
    params = (_whole("bollinger", "n", n, 2), _positive("bollinger", "k", k))
    return _spec("bollinger", params, n, timeframe, ("upper", "middle", "lower", "width"))


def donchian(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Highest high and lowest low of n candles, this one included: ``.upper .middle .lower``.

    ``.prior_upper`` and ``.prior_lower`` are the channel of the n candles before this one: what a
    breakout is measured against.
    """
    outputs = ("upper", "middle", "lower", "prior_upper", "prior_lower")
    return _spec("donchian", (_whole("donchian", "n", n),), n + 1, timeframe, outputs)


def keltner(n: int = 20, k: float = 2.0, *, timeframe: On = None) -> FeatureSpec:
    """EMA(n) of the close and k ATR(n) around it: ``.upper .middle .lower``."""
    params = (_whole("keltner", "n", n), _positive("keltner", "k", k))
    return _spec("keltner", params, WILDER_MEMORY * n + 1, timeframe, ("upper", "middle", "lower"))


def highest(n: int, *, timeframe: On = None) -> FeatureSpec:
    """Highest high of n candles, this one included (for the ones before it see ``donchian.prior_upper``)."""
    return _spec("highest", (_whole("highest", "n", n),), n, timeframe)


def lowest(n: int, *, timeframe: On = None) -> FeatureSpec:
    """Lowest low of n candles, this one included (for the ones before it see ``donchian.prior_lower``)."""
    return _spec("lowest", (_whole("lowest", "n", n),), n, timeframe)


def realized_volatility(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Root mean square of the last n log returns of the close; per candle, not annualised."""
    return _spec("realized_volatility", (_whole("realized_volatility", "n", n),), n + 1, timeframe)


def parkinson(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Parkinson's volatility from the ranges of n candles; per candle, not annualised."""
    return _spec("parkinson", (_whole("parkinson", "n", n),), n, timeframe)


# --- volume -----------------------------------------------------------------------------------


def volume_sma(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Mean of the last n volumes."""
    return _spec("volume_sma", (_whole("volume_sma", "n", n),), n, timeframe)


def volume_ratio(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """Volume over its mean of n candles, this one included; 0 when nothing traded."""
    return _spec("volume_ratio", (_whole("volume_ratio", "n", n),), n, timeframe)


def mfi(n: int = 14, *, timeframe: On = None) -> FeatureSpec:
    """Money flow index over n candles, 0..100; 50 when no money flowed."""
    return _spec("mfi", (_whole("mfi", "n", n),), n + 1, timeframe)


def obv(n: int = 20, *, timeframe: On = None) -> FeatureSpec:
    """On-balance volume of the last n candles: what the endless sum gained over them.

    The endless sum has no meaning of its own (it depends on where the data begins); its change does.
    """
    return _spec("obv", (_whole("obv", "n", n),), n + 1, timeframe)


def vwap(n: int = 0, *, timeframe: On = None) -> FeatureSpec:
    """Volume-weighted typical price of n candles; for n = 0 of the UTC day so far (``vwap_session``).

    The session's value begins with the first candle of a day, so its warm-up is at most a day of candles
    (counted in minutes if the timeframe is left open).
    """
    if n == 0:
        spec = _spec("vwap_session", (), 1, timeframe)
        length_ns = spec.timeframe.ns if spec.timeframe else MINUTE_NS
        return msgspec.structs.replace(spec, warm_up=DAY_NS // length_ns)
    return _spec("vwap", (_whole("vwap", "n", n),), n, timeframe)


def volume_profile(n: int = 96, bins: int = 24, *, timeframe: On = None) -> FeatureSpec:
    """Volume by price over n candles: ``.poc`` (busiest), ``.value_area_high .value_area_low`` (70 %)."""
    params = (_whole("volume_profile", "n", n), _whole("volume_profile", "bins", bins, 2))
    outputs = ("poc", "value_area_high", "value_area_low")
    return _spec("volume_profile", params, n, timeframe, outputs)
