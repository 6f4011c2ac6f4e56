"""The catalogue of strategies: a decorator names them, a scan finds them, there is no other wiring."""

import difflib
import hashlib
import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from agentic_trading.core.errors import ConfigError, UsageError
from agentic_trading.strategies.base import BaseStrategy

Catalogue = Mapping[str, type[BaseStrategy[Any]]]
S = TypeVar("S", bound=type[BaseStrategy[Any]])

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_USER_MODULES = "agentic_trading_user_strategies"


def register_strategy(name: str) -> Callable[[S], S]:
    """Give a strategy the name under which settings and commands know it.

    It only stamps the class; `discover` finds it. Raises UsageError for an impossible name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a strategy: use letters, digits, _ and -, a letter first")

    def stamp(strategy: S) -> S:
        if not (isinstance(strategy, type) and issubclass(strategy, BaseStrategy)):
            raise TypeError(f"@register_strategy({name!r}) must stand above a subclass of BaseStrategy")
        strategy.name = name
        return strategy

    return stamp


def user_dirs(strategy_path: Sequence[Path], working_dir: Path) -> tuple[Path, ...]:
    """Where users' strategies live: the folders they named, else ``strategies/`` of the working folder."""
    if strategy_path:
        return tuple(strategy_path)
    default = working_dir / "strategies"
    # Inside a package the folder is somebody's code, not a collection of strategy files.
    return (default,) if default.is_dir() and not (default / "__init__.py").exists() else ()


def discover(extra_dirs: Iterable[Path] = ()) -> dict[str, type[BaseStrategy[Any]]]:
    """All strategies of this package and of the ``*.py`` files in ``extra_dirs``, by name, sorted.

    Sub-packages (``research`` among them) and names that begin with an underscore are left out.
    Raises UsageError if a folder does not exist, ConfigError naming file and line if a user's file
    fails, and ConfigError naming both files if two strategies have one name.
    """
    package = importlib.import_module(__package__)
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
        if not found.ispkg and not found.name.startswith("_")
    ]
    paths = dict.fromkeys(path for folder in extra_dirs for path in _files(folder))
    modules.extend(_load(path) for path in paths)
    catalogue: dict[str, type[BaseStrategy[Any]]] = {}
    for module in modules:
        for strategy in _strategies(module):
            other = catalogue.setdefault(strategy.name, strategy)
            if other is not strategy:
                raise ConfigError(
                    f"two strategies are named {strategy.name!r}: {source_file(other)} and "
                    f"{source_file(strategy)}; rename one of them"
                )
    return dict(sorted(catalogue.items()))


def create(
    name: str, params: Mapping[str, Any] | None = None, *, catalogue: Catalogue | None = None
) -> BaseStrategy[Any]:
    """A strategy by name with its parameters checked; ``catalogue`` defaults to the built-in ones.

    Raises UsageError with the nearest names if there is none, ConfigError if a parameter is wrong.
    """
    known = discover() if catalogue is None else catalogue
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(repr(near) for near in nearest)}?" if nearest else ";"
        raise UsageError(f"there is no strategy {name!r}{hint} Known are: {', '.join(known) or 'none'}")
    return known[name](params)


def source_file(strategy: type[BaseStrategy[Any]]) -> str:
    """The file in which the strategy is written."""
    return str(sys.modules[strategy.__module__].__file__)


def _strategies(module: ModuleType) -> list[type[BaseStrategy[Any]]]:
    return [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, BaseStrategy)
        and member.__module__ == module.__name__
        and "name" in vars(member)
        and member.name
    ]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"the strategy folder {folder} does not exist")
    return [path.resolve() for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def _load(path: Path) -> ModuleType:
    """Run a user's file as a module whose name is unique to its path; a second call runs it afresh."""
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    name = f"{_USER_MODULES}.{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Pydantic and msgspec look types up there while the file runs.
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{path}:{_line(error, path)}: {type(error).__name__}: {_text(error)}") from error
    return module


def _line(error: Exception, path: Path) -> int:
    """The line of the user's file that led to the error."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)


def _text(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)
