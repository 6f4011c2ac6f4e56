"""The settings of the whole platform: the sum of all sections, and which files they are read from."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from agentic_trading.backtester.settings import BacktestSettings
from agentic_trading.core.config import (
    Layer,
    Loaded,
    Section,
    environment_layer,
    file_layer,
    flag_layer,
    load,
    read_dotenv,
)
from agentic_trading.core.config.naming import nearest
from agentic_trading.core.config.section import Many
from agentic_trading.core.errors import ConfigError
from agentic_trading.data.universe import SymbolsSettings, UniverseSettings
from agentic_trading.execution.settings import ExchangeSettings
from agentic_trading.observability.settings import ObservabilitySettings
from agentic_trading.portfolio.settings import ExecutionSettings, PortfolioSettings
from agentic_trading.risk.limits import RiskSettings, SafeModeSettings
from agentic_trading.simulation.settings import SimulationSettings
from agentic_trading.strategies.regime.settings import RegimeSettings
from agentic_trading.strategies.settings import StrategySettings

Mode = Literal["backtest", "paper", "live"]

ITEM_NAMES = {"strategies": "strategy_id", "exchanges": "name"}
"""Lists of tables whose items go by a name: ``--set strategies.breakout.enabled=false``."""

TABLE_KINDS = {"sizing": "method"}
"""Tables whose keys depend on another one: a layer that names another method starts afresh."""

SERVERS = ("TRADING_POSTGRES_URL", "TRADING_REDIS_URL")
_CREDENTIAL = re.compile(r"TRADING_[A-Z0-9]+(_[A-Z0-9]+)*_(API_KEY|SECRET)")


class AppSettings(Section):
    """Everything that can be set, one field per section."""

    mode: Mode = Field("backtest", description="which front door: backtest, paper or live")
    symbols: SymbolsSettings = Field(default_factory=SymbolsSettings)
    universe: UniverseSettings = Field(default_factory=UniverseSettings)
    regime: RegimeSettings = Field(default_factory=RegimeSettings)
    risk: RiskSettings = Field(default_factory=RiskSettings)
    safe_mode: SafeModeSettings = Field(default_factory=SafeModeSettings)
    portfolio: PortfolioSettings = Field(default_factory=PortfolioSettings)
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings)
    simulation: SimulationSettings = Field(default_factory=SimulationSettings)
    backtest: BacktestSettings = Field(default_factory=BacktestSettings)
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings)
    strategies: Many[StrategySettings] = Field((), description="the strategies, in the order they are asked")
    exchanges: Many[ExchangeSettings] = Field((), description="the venues of paper and live")

    @field_validator("strategies")
    @classmethod
    def _each_strategy_once(cls, value: tuple[StrategySettings, ...]) -> tuple[StrategySettings, ...]:
        _refuse_twice([item.strategy_id for item in value], "strategy_id")
        return value

    @field_validator("exchanges")
    @classmethod
    def _each_exchange_once(cls, value: tuple[ExchangeSettings, ...]) -> tuple[ExchangeSettings, ...]:
        _refuse_twice([item.name for item in value], "name")
        return value


def _refuse_twice(names: Sequence[str], key: str) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise PydanticCustomError(
                "twice",
                "has two blocks with {key} = {name}: give each its own",
                {"key": key, "name": f'"{name}"'},
            )


def load_settings(
    mode: Mode | None = None,
    config_files: Sequence[Path] = (),
    assignments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    folder: Path = Path(),
) -> Loaded[AppSettings]:
    """Effective settings of a command, each with its origin.

    Layers, later ones winning: ``default.toml``, the mode files (``config_files``, or ``<mode>.toml``),
    ``strategies.toml``, ``instruments.toml``, ``.env`` of ``folder``, ``environ``, ``assignments``
    (``section.key=value``). The named files are those beside the first config file, else in ``configs/``
    of the working ``folder``, else the ones the package brings. ``mode`` is what the command is for;
    None takes what the files say.
    Raises ConfigError for anything that cannot be read or meant, and for a layer of another mode.
    """
    home = _folder_of(config_files[0], folder) if config_files else config_folder(folder)
    mode_files = [folder / file for file in config_files] or [home / f"{mode or 'backtest'}.toml"]
    chosen = [_shown(file, folder) for file in mode_files if config_files or file.is_file()]
    upper = [*chosen, *_beside(home, ("strategies.toml", "instruments.toml"), folder)]
    above = _without_repeats([file_layer(file, shown_as) for file, shown_as in upper])
    lowest = [
        _without_mode(file_layer(file, name)) for file, name in _beside(home, ("default.toml",), folder)
    ]
    overrides = _environment_layers([*lowest, *above], environ or {}, folder)
    overrides.append(flag_layer(assignments))
    if mode is not None:
        for layer in (*above, *overrides):
            _refuse_other_mode(layer, mode)
        lowest.append(Layer({"mode": mode}, {("mode",): f"command {mode}"}))
    return load(AppSettings, [*lowest, *above, *overrides], ITEM_NAMES, TABLE_KINDS)


def config_folder(folder: Path) -> Path:
    """Where the named files are without ``-c``: ``configs/`` of the folder, else the ones that came along.

    Works from a checkout, an editable install and an installed wheel.
    """
    package = Path(__file__).parent
    places = (folder / "configs", package / "_configs", package.parents[1] / "configs")
    for place in places:
        if any(place.glob("*.toml")):
            return place
    raise ConfigError(
        "The settings that come with agentic-trading are missing: install it again, or name a file with -c."
    )


def _folder_of(file: Path, folder: Path) -> Path:
    return (folder / file).parent


def _beside(home: Path, names: Sequence[str], folder: Path) -> list[tuple[Path, str]]:
    return [_shown(home / name, folder) for name in names if (home / name).is_file()]


def _shown(file: Path, folder: Path) -> tuple[Path, str]:
    """A file with the name to show: relative to the working folder where it lies inside."""
    full, base = file.resolve(), folder.resolve()
    return file, full.relative_to(base).as_posix() if full.is_relative_to(base) else str(full)


def _without_repeats(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, each file once: a file named with ``-c`` may also be one that is loaded by its name."""
    return [layer for position, layer in enumerate(layers) if layer not in layers[:position]]


def _without_mode(layer: Layer) -> Layer:
    """A mode in ``default.toml`` is only the usual one; the command or a mode file decides."""
    values = {key: value for key, value in layer.values.items() if key != "mode"}
    return Layer(values, layer.places)


def _refuse_other_mode(layer: Layer, mode: Mode) -> None:
    stated = layer.values.get("mode", mode)
    if stated != mode and stated in ("backtest", "paper", "live"):
        raise ConfigError(
            f'{layer.places[("mode",)]}: mode = "{stated}" but the command is {mode}; '
            f"use settings of that mode, or the command {stated}."
        )


def _environment_layers(below: Sequence[Layer], environ: Mapping[str, str], folder: Path) -> list[Layer]:
    reserved = {*SERVERS, *(name for layer in below for name in _variables_named_in(layer.values))}

    def is_reserved(name: str) -> bool:
        return name in reserved or _CREDENTIAL.fullmatch(name) is not None

    file = folder / ".env"
    sources = [(read_dotenv(file), ".env"), (environ, "environment")]
    for variables, source in sources:
        for name in sorted(variables):
            near = nearest(name.upper(), SERVERS, cutoff=0.85)
            if near and not is_reserved(name.upper()):
                raise ConfigError(f"{source} {name}: this is not a setting; did you mean {near}?")
    return [environment_layer(variables, is_reserved, source) for variables, source in sources]


def _variables_named_in(values: Any) -> list[str]:
    """Names of environment variables that settings refer to: the values of keys that end in ``_env``."""
    if isinstance(values, list):
        return [name for item in values for name in _variables_named_in(item)]
    if not isinstance(values, Mapping):
        return []
    own = [value for key, value in values.items() if key.endswith("_env") and isinstance(value, str)]
    return own + [name for value in values.values() for name in _variables_named_in(value)]
