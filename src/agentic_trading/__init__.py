"""Event-driven crypto trading: the strategy that was tested is the one that trades."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentic_trading.backtester.result import Result
    from agentic_trading.core.events import FeatureVector, Signal
    from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers
    from agentic_trading.core.interfaces import TradingContext
    from agentic_trading.core.models import Candle
    from agentic_trading.main import backtest
    from agentic_trading.strategies.base import BaseStrategy, StrategyParams
    from agentic_trading.strategies.registry import register_strategy

_CATALOGUE = {
    "BaseStrategy": "strategies.base",
    "Candle": "core.models",
    "FeatureSpec": "core.features",
    "FeatureTable": "core.features",
    "FeatureVector": "core.events",
    "Result": "backtester.result",
    "Signal": "core.events",
    "StrategyParams": "strategies.base",
    "TradingContext": "core.interfaces",
    "Triggers": "core.features",
    "backtest": "main",
    "register_strategy": "strategies.registry",
}

__all__ = [
    "BaseStrategy",
    "Candle",
    "FeatureSpec",
    "FeatureTable",
    "FeatureVector",
    "Result",
    "Signal",
    "StrategyParams",
    "TradingContext",
    "Triggers",
    "backtest",
    "register_strategy",
]


def __getattr__(name: str) -> Any:
    """What users import from here, loaded when asked for: a command must not pay for all of it."""
    from importlib import import_module

    if name not in _CATALOGUE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_CATALOGUE[name]}"), name)
