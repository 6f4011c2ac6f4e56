"""From what was asked for to the settings that hold: strategies and symbols of a call, on top of files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentic_trading.core.config import to_toml
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import UsageError
from agentic_trading.data.coverage import exchange_for
from agentic_trading.data.instruments import parse_symbol
from agentic_trading.settings import AppSettings, load_settings
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import create, discover
from agentic_trading.strategies.settings import StrategySettings

Objects = dict[str, BaseStrategy[Any]]


def effective_settings(
    settings: AppSettings | Mapping[str, Any] | None,
    strategies: Sequence[str | BaseStrategy[Any]] | None,
    symbols: Sequence[str] | None,
    strategy_dirs: Sequence[Path] = (),
) -> tuple[AppSettings, Objects]:
    """Settings of a library call, and the strategies that were given as objects, by name.

    A mapping is laid over the settings files: nested, or with dotted keys. Raises ConfigError or UsageError.
    """
    if isinstance(settings, AppSettings):
        chosen = settings
    else:
        assignments = list(_assignments(settings or {}))
        chosen = load_settings("backtest", assignments=assignments, environ=os.environ).settings
    names, objects = _named(strategies or ())
    if symbols is not None:
        chosen = with_symbols(chosen, symbols)[0]
    if names:
        chosen = with_strategies(chosen, names, strategy_dirs, objects)
    return with_exchange(chosen), objects


def with_symbols(settings: AppSettings, symbols: Sequence[str]) -> tuple[AppSettings, list[str]]:
    """The settings with these symbols to trade, and a note for every one that was read as another."""
    read = [parse_symbol(symbol) for symbol in symbols]
    chosen = tuple(dict.fromkeys(symbol for symbol, _ in read))
    if not chosen:
        raise UsageError("no symbol is given: name one such as BTC/USDT")
    listed = settings.symbols.model_copy(update={"default": chosen})
    return settings.model_copy(update={"symbols": listed}), [note for _, note in read if note]


def with_strategies(
    settings: AppSettings,
    names: Sequence[str],
    strategy_dirs: Sequence[Path] = (),
    objects: Mapping[str, BaseStrategy[Any]] | None = None,
) -> AppSettings:
    """The settings with exactly these strategies enabled, in this order.

    One that has no block in the settings takes part with its own defaults. Raises UsageError for an
    unknown name.
    """
    known = {each.strategy_id: each for each in settings.strategies}
    given = objects or {}
    catalogue = discover(strategy_dirs)
    blocks = []
    for name in dict.fromkeys(names):
        block = known.get(name)
        if name in given:
            params = given[name].params.model_dump(mode="json")
            frames = block.timeframes if block is not None else given[name].timeframes
            fields = block.model_dump() if block is not None else {}
            block = StrategySettings(**fields | {"strategy_id": name, "timeframes": frames, "params": params})
        elif block is None:
            block = StrategySettings(
                strategy_id=name, timeframes=create(name, catalogue=catalogue).timeframes
            )
        blocks.append(block.model_copy(update={"enabled": True}))
    return settings.model_copy(update={"strategies": tuple(blocks)})


def with_params(settings: AppSettings, params: Mapping[str, Any]) -> AppSettings:
    """The settings with these parameters of strategies, named ``strategy.parameter``, changed.

    Raises UsageError for a strategy that takes no part.
    """
    changes: dict[str, dict[str, Any]] = {}
    for name, value in params.items():
        strategy, _, key = name.partition(".")
        changes.setdefault(strategy, {})[key] = value
    enabled = [each.strategy_id for each in settings.strategies if each.enabled]
    absent = [strategy for strategy in changes if strategy not in enabled]
    if absent:
        raise UsageError(
            f"strategy {absent[0]} takes no part in this run; there are: {', '.join(enabled) or 'none'}"
        )
    strategies = tuple(
        each.model_copy(update={"params": {**each.params, **changes.get(each.strategy_id, {})}})
        for each in settings.strategies
    )
    return settings.model_copy(update={"strategies": strategies})


def with_timeframe(settings: AppSettings, timeframe: Timeframe) -> AppSettings:
    """The settings with this candle interval for the replay and as every strategy's first timeframe."""
    strategies = tuple(
        each.model_copy(
            update={"timeframes": (timeframe, *(f for f in each.timeframes[1:] if f.ns > timeframe.ns))}
        )
        for each in settings.strategies
    )
    regime = settings.regime
    if regime.timeframe.ns < timeframe.ns:
        regime = regime.model_copy(update={"timeframe": timeframe})
    base = settings.backtest.model_copy(update={"timeframe": timeframe})
    return settings.model_copy(update={"strategies": strategies, "backtest": base, "regime": regime})


def with_exchange(settings: AppSettings) -> AppSettings:
    """The settings with ``backtest.exchange = "auto"`` decided by what is stored."""
    if settings.backtest.exchange != "auto":
        return settings
    own = settings.backtest
    venue = exchange_for(Path(own.data_dir), settings.symbols.default, own.timeframe, *own.range_ns)
    return settings.model_copy(update={"backtest": own.model_copy(update={"exchange": venue})})


def _named(strategies: Sequence[str | BaseStrategy[Any]]) -> tuple[list[str], Objects]:
    names: list[str] = []
    objects: Objects = {}
    for strategy in strategies:
        if isinstance(strategy, str):
            names.append(strategy)
            continue
        name = strategy.name or type(strategy).__name__
        if name in objects:
            raise UsageError(f"two strategies are named {name}: give each its own @register_strategy name")
        objects[name] = strategy
        names.append(name)
    return names, objects


def _assignments(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Nested values as the texts of ``--set`` flags."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _assignments(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield f"{prefix}{key}={value}"
        else:
            yield f"{prefix}{key}={to_toml({'value': value}).partition('=')[2].strip()}"
