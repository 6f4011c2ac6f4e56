"""Who takes part in a run and on which symbols: settings joined with the strategies they name."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.features import FeatureSpec, realized_volatility
from agentic_trading.core.sizing import SizingSettings, VolatilityTarget
from agentic_trading.data.universe import select
from agentic_trading.risk.limits import refuse_excess_symbols
from agentic_trading.settings import AppSettings
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import Catalogue, create
from agentic_trading.strategies.settings import StrategySettings


class Contender(msgspec.Struct, frozen=True):
    """A strategy that takes part: its settings, the object, its first timeframe, symbols and features.

    ``volatility`` names the feature its sizing needs stamped on entries.
    """

    settings: StrategySettings
    strategy: BaseStrategy[Any]
    timeframe: Timeframe
    symbols: tuple[str, ...]
    specs: tuple[FeatureSpec, ...]
    sizing: SizingSettings
    volatility: str | None


def choose_symbols(
    settings: AppSettings, daily_volume: Mapping[str, float]
) -> tuple[tuple[str, ...], list[str]]:
    """The symbols that pass white- and blacklist and filters, and a sentence for each that does not.

    ``daily_volume`` is in quote currency, for the symbols where it is known. Raises ConfigError if no
    symbol is left, or more than safe mode allows.
    """
    selection = select(settings.symbols.default, settings.symbols, settings.universe, daily_volume)
    if not selection.selected:
        reasons = "; ".join(f"{symbol}: {reason}" for symbol, reason in selection.dropped)
        raise ConfigError(f"no symbol is left to trade ({reasons or 'none is configured'})")
    refuse_excess_symbols(selection.selected, settings.safe_mode)
    notes = [f"{symbol} is left out: {reason}." for symbol, reason in selection.dropped]
    if settings.symbols.max_spread_bps is not None:
        notes.append("symbols.max_spread_bps is not applied: candles do not show the spread.")
    return selection.selected, notes


def contenders_of(
    settings: AppSettings,
    symbols: Sequence[str],
    catalogue: Catalogue,
    objects: Mapping[str, BaseStrategy[Any]],
) -> tuple[Contender, ...]:
    """The enabled strategies, made and checked; ``objects`` win over the catalogue of names.

    Raises ConfigError or UsageError: none enabled, unknown name, wrong parameter, impossible timeframe.
    """
    enabled = [each for each in settings.strategies if each.enabled]
    if not enabled:
        raise ConfigError("no strategy is enabled: name one with --strategy or enable it in strategies.toml")
    return tuple(_contender(each, settings, symbols, catalogue, objects) for each in enabled)


def _contender(
    own: StrategySettings,
    settings: AppSettings,
    symbols: Sequence[str],
    catalogue: Catalogue,
    objects: Mapping[str, BaseStrategy[Any]],
) -> Contender:
    strategy = objects.get(own.strategy_id)
    if strategy is None:
        strategy = create(own.strategy_id, own.params, catalogue=catalogue)
    first = own.timeframes[0]
    base = settings.backtest.timeframe
    if first.ns % base.ns:
        raise ConfigError(
            f"strategy {own.strategy_id} trades on {first} candles, which cannot be built from the "
            f"{base} candles of the replay: choose a base timeframe that divides it with --timeframe"
        )
    unknown = [symbol for symbol in own.symbols or () if symbol not in symbols]
    if unknown:
        raise ConfigError(
            f"strategy {own.strategy_id} wants {', '.join(unknown)}, which is not among the symbols of "
            f"the run: {', '.join(symbols)}"
        )
    sizing = own.sizing or settings.portfolio.sizing
    specs = list(dict.fromkeys(_on_own_timeframe(spec, own, first) for spec in strategy.features()))
    volatility = None
    if isinstance(sizing, VolatilityTarget):
        needed = realized_volatility(sizing.window)
        volatility = needed.name
        specs.append(needed)
    return Contender(
        own, strategy, first, tuple(own.symbols or symbols), tuple(dict.fromkeys(specs)), sizing, volatility
    )


def _on_own_timeframe(spec: FeatureSpec, own: StrategySettings, first: Timeframe) -> FeatureSpec:
    if spec.timeframe is not None and (spec.timeframe.ns < first.ns or spec.timeframe.ns % first.ns):
        raise ConfigError(
            f"strategy {own.strategy_id} asks for {spec.name}, but trades on {first}: a feature's "
            f"timeframe must be a multiple of the strategy's first"
        )
    return spec
