"""Feature specs: the names values are read by, and parameters that cannot be meant."""

from collections.abc import Callable

import pytest

import agentic_trading.features as catalogue
from agentic_trading.core import features as make
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.features import FeatureSpec

CHANNEL = ("upper", "middle", "lower", "prior_upper", "prior_lower")


def bands(name: str) -> tuple[str, ...]:
    """The outputs of Bollinger's bands."""
    return tuple(f"{name}.{part}" for part in ("upper", "middle", "lower", "width"))


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        (make.ema(12), ("ema_12",)),
        (make.adx(14, timeframe="1h"), ("1h:adx_14", "1h:adx_14.plus_di", "1h:adx_14.minus_di")),
        (make.volume_ratio(20), ("volume_ratio_20",)),
        (make.macd(), ("macd_12_26_9.macd", "macd_12_26_9.signal", "macd_12_26_9.histogram")),
        (make.bollinger(20, 2), bands("bollinger_20_2")),
        (make.bollinger(20, 2.5), bands("bollinger_20_2.5")),
        (make.vwap(), ("vwap_session",)),
        (make.vwap(1_000_000), ("vwap_1000000",)),
        (make.donchian(9, timeframe=Timeframe.D1), tuple(f"1d:donchian_9.{part}" for part in CHANNEL)),
    ],
)  # fmt: skip
def test_names_are_stable(spec: FeatureSpec, columns: tuple[str, ...]) -> None:
    """A spec is read by timeframe, indicator, parameters and output, as users' strategies have it written."""
    assert spec.columns == columns
    assert all(column == spec.name or column.startswith(spec.name + ".") for column in columns)


def test_equal_wishes_are_equal_specs() -> None:
    """Two strategies that ask for the same thing get one column, however they wrote it."""
    assert make.bollinger(20, 2) == make.bollinger(20, 2.0)
    assert make.ema(9, timeframe="4h") == make.ema(9, timeframe=Timeframe.H4)
    assert len({make.rsi(), make.rsi(14)}) == 1


def test_different_parameters_never_share_a_name() -> None:
    """A name has all digits of its parameters: features that differ cannot be mistaken for each other."""
    assert make.keltner(20, 2.0000001).name != make.keltner(20, 2.0).name


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: make.ema(0), "ema: n must be a whole number of at least 1, not 0"),
        (lambda: make.sma(2.5), "sma: n must be a whole number of at least 1, not 2.5"),  # type: ignore[arg-type]
        (lambda: make.rsi(True), "rsi: n must be a whole number of at least 1, not True"),
        (lambda: make.slope(1), "slope: n must be a whole number of at least 2, not 1"),
        (lambda: make.macd(26, 12), "macd: slow must be a whole number of at least 27, not 12"),
        (lambda: make.bollinger(20, 0.0), "bollinger: k must be a number above 0, not 0.0"),
        (lambda: make.supertrend(10, float("nan")), "supertrend: k must be a number above 0, not nan"),
        (lambda: make.vwap(-1), "vwap: n must be a whole number of at least 1, not -1"),
        (lambda: make.atr(14, timeframe="7m"), "atr: timeframe '7m' is not one of 1m, 3m, 5m"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(wrong: Callable[[], FeatureSpec], sentence: str) -> None:
    """One sentence names the feature, the parameter, what would be right and what was given."""
    with pytest.raises(ConfigError) as refusal:
        wrong()
    assert sentence in str(refusal.value)


def test_windows_warm_up_in_their_length_and_recursions_in_their_memory() -> None:
    """The declared warm-up is the window itself, or the periods an average needs to forget."""
    assert make.sma(20).warm_up == 20
    assert make.roc(10).warm_up == 11
    assert make.stochastic(14, 3, 3).warm_up == 18
    assert make.ema(12).warm_up == 240
    assert make.rsi(14).warm_up == 561
    assert make.vwap(timeframe="1h").warm_up == 24


def test_users_find_every_constructor() -> None:
    """`agentic_trading.features` offers each constructor of `core.features`, and they stay functions."""
    import agentic_trading.features.indicators.volume_profile  # noqa: F401  a module must not take the name

    for name in catalogue.__all__:
        assert getattr(catalogue, name) is getattr(make, name)
    made = {
        name for name, value in vars(make).items() if callable(value) and name.islower() and name[0] != "_"
    }
    assert made <= set(catalogue.__all__)
