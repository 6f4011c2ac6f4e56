"""The indicators by name: how each is advanced, how much state it carries, how many values it gives.

Nothing is compiled by importing this table; an indicator is compiled when it first runs on a machine
and read from the cache on disk after that. To add one: write its function (see ``stepping``) and its
state size, add a line here and a constructor in ``core.features``.
"""

from collections.abc import Callable
from typing import NamedTuple

from agentic_trading.features.indicators import momentum, trend, volatility, volume, volume_profile
from agentic_trading.features.indicators.stepping import ring_state


class Indicator(NamedTuple):
    """``advance(state, bars, clock, out, start, stop, *params)``, ``state_size(*params)``, outputs."""

    advance: Callable[..., None]
    state_size: Callable[..., int]
    outputs: int = 1


INDICATORS: dict[str, Indicator] = {
    "ema": Indicator(trend.ema, trend.ema_state),
    "sma": Indicator(trend.sma, ring_state),
    "wma": Indicator(trend.wma, ring_state),
    "macd": Indicator(trend.macd, trend.macd_state, 3),
    "adx": Indicator(trend.adx, trend.adx_state, 3),
    "slope": Indicator(trend.slope, ring_state),
    "supertrend": Indicator(trend.supertrend, trend.supertrend_state, 2),
    "rsi": Indicator(momentum.rsi, momentum.rsi_state),
    "stochastic": Indicator(momentum.stochastic, momentum.stochastic_state, 2),
    "cci": Indicator(momentum.cci, ring_state),
    "roc": Indicator(momentum.roc, momentum.roc_state),
    "zscore": Indicator(momentum.zscore, ring_state),
    "atr": Indicator(volatility.atr, volatility.atr_state),
    "bollinger": Indicator(volatility.bollinger, volatility.bollinger_state, 4),
    "donchian": Indicator(volatility.donchian, volatility.donchian_state, 5),
    "keltner": Indicator(volatility.keltner, volatility.keltner_state, 3),
    "highest": Indicator(volatility.highest, volatility.extreme_state),
    "lowest": Indicator(volatility.lowest, volatility.extreme_state),
    "realized_volatility": Indicator(volatility.realized_volatility, volatility.realized_volatility_state),
    "parkinson": Indicator(volatility.parkinson, ring_state),
    "volume_sma": Indicator(volume.volume_sma, ring_state),
    "volume_ratio": Indicator(volume.volume_ratio, ring_state),
    "mfi": Indicator(volume.mfi, volume.mfi_state),
    "obv": Indicator(volume.obv, volume.obv_state),
    "vwap": Indicator(volume.vwap, volume.vwap_state),
    "vwap_session": Indicator(volume.vwap_session, volume.vwap_session_state),
    "volume_profile": Indicator(volume_profile.volume_profile, volume_profile.volume_profile_state, 3),
}
