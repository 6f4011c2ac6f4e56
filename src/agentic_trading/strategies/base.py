"""What a strategy author extends: typed, frozen parameters and an immutable strategy."""

import difflib
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, cast, get_args, get_origin

import msgspec
import pydantic
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypeVar

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, TradingError
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle


class StrategyParams(pydantic.BaseModel):
    """Parameters of a strategy, from ``[strategies.params]``: typed, frozen, no unknown keys, no NaN.

    Numbers are not read from strings, nor whole numbers from fractions or booleans.
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


class OpenParams(StrategyParams):
    """Parameters of a strategy that declares none: whatever the settings give, read by attribute."""

    model_config = pydantic.ConfigDict(extra="allow")

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class StrategyChanged(TradingError, AttributeError):
    """A strategy tried to keep something on itself; what it remembers belongs into ``ctx.memory``."""


P = TypeVar("P", bound=StrategyParams, default=OpenParams)

_MUTABLE = (list, dict, set, bytearray)


class _FrozenAfterInit(ABCMeta):
    """Lets ``__init__`` of any depth assign attributes and nothing after it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        strategy = super().__call__(*args, **kwargs)
        for name, value in vars(strategy).items():
            if isinstance(value, _MUTABLE):
                raise StrategyChanged(
                    f"strategy {_label(cls)} keeps a {type(value).__name__} in self.{name}: strategies are "
                    "immutable; use a tuple for constants and ctx.memory for what must be remembered"
                )
        object.__setattr__(strategy, "_frozen", True)
        return strategy


class BaseStrategy(Generic[P], metaclass=_FrozenAfterInit):
    """A trading idea: reads features and its own position, answers with the position it wants.

    ``BaseStrategy[Params]`` types ``self.params``. The object is immutable after ``__init__``: an
    assignment raises StrategyChanged. What it must remember lives in ``ctx.memory``, an instance
    of the class ``Memory`` (a mutable ``msgspec.Struct`` whose fields all have defaults).
    """

    name: ClassVar[str] = ""
    """The registered name; it is the ``strategy_id`` of the settings."""
    timeframes: ClassVar[tuple[Timeframe, ...]] = (Timeframe.M15,)
    """Timeframes it trades on when the settings name none, finest first."""
    Memory: ClassVar[type[msgspec.Struct] | None] = None
    params_type: ClassVar[type[StrategyParams]] = OpenParams
    params: P

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, BaseStrategy):
                declared = get_args(base)[0]
                if isinstance(declared, type) and issubclass(declared, StrategyParams):
                    cls.params_type = declared
        _check_memory(cls)

    def __init__(self, params: P | Mapping[str, Any] | None = None) -> None:
        """Take typed parameters, or plain values to be checked, or nothing for the defaults.

        Raises ConfigError naming strategy, parameter and the nearest valid one.
        """
        if isinstance(params, self.params_type):
            self.params = params
        elif isinstance(params, StrategyParams):
            wanted, given = self.params_type.__qualname__, type(params).__qualname__
            raise ConfigError(f"strategy {_label(type(self))} takes {wanted}, not {given}")
        else:
            self.params = cast(P, read_params(type(self), params or {}))

    def __setattr__(self, name: str, value: Any) -> None:
        self._refuse_change(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._refuse_change(name)
        super().__delattr__(name)

    def _refuse_change(self, name: str) -> None:
        if "_frozen" in self.__dict__:
            raise StrategyChanged(
                f"strategy {_label(type(self))} changed self.{name}: strategies are immutable; "
                "declare a Memory struct and keep it in ctx.memory"
            )

    def features(self) -> list[FeatureSpec]:
        """The features it reads; declared once, computed by the platform."""
        return []

    @abstractmethod
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        """Called once per closed candle of its first timeframe; None leaves everything as it is."""

    def triggers(self, table: FeatureTable) -> Triggers | None:
        """Rows on which `on_candle` could answer or change memory, a superset; None means every row."""
        return None


def has_triggers(strategy: type[BaseStrategy[Any]]) -> bool:
    """Whether the strategy says on which rows it could act, so that the others can be skipped."""
    return strategy.triggers is not BaseStrategy.triggers


def read_params(strategy: type[BaseStrategy[Any]], values: Mapping[str, Any]) -> StrategyParams:
    """Check plain values (as TOML gives them) against the strategy's parameters.

    Values follow JSON's rules, so an enum is given by its text and a tuple as a list.
    Raises ConfigError with one sentence per problem: strategy, key, what is wrong, what would be right.
    """
    try:
        return strategy.params_type.model_validate_json(to_json(dict(values), inf_nan_mode="constants"))
    except pydantic.ValidationError as error:
        problems = [_problem(strategy, problem) for problem in error.errors()]
        raise ConfigError("\n".join(problems)) from None
    except PydanticSerializationError as error:
        raise ConfigError(f"strategy {_label(strategy)}: a parameter is not a plain value: {error}") from None


def _problem(strategy: type[BaseStrategy[Any]], problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    valid = list(strategy.params_type.model_fields)
    if problem["type"] != "extra_forbidden":
        what = problem["msg"][:1].lower() + problem["msg"][1:]
        given = "" if problem["type"] == "missing" else f", not {problem['input']!r}"
        subject = f"parameter {key!r}" if key else "parameters"
        return f"strategy {_label(strategy)}: {subject}: {what}{given}"
    nearest = difflib.get_close_matches(key, valid, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    takes = f" It takes: {', '.join(valid)}" if valid else " It takes none"
    return f"strategy {_label(strategy)} has no parameter {key!r}{hint or ';'}{takes}"


def _label(strategy: type) -> str:
    return repr(getattr(strategy, "name", "") or strategy.__qualname__)


def _check_memory(strategy: type[BaseStrategy[Any]]) -> None:
    """A memory that cannot be made from nothing or cannot be changed would only fail while trading."""
    memory = strategy.Memory
    if memory is None:
        return
    if not (isinstance(memory, type) and issubclass(memory, msgspec.Struct)):
        raise TypeError(f"Memory of {strategy.__qualname__} must be a msgspec.Struct class")
    if memory.__struct_config__.frozen:
        raise TypeError(f"Memory of {strategy.__qualname__} is frozen: it could never change")
    if len(memory.__struct_defaults__) < len(memory.__struct_fields__):
        raise TypeError(f"Memory of {strategy.__qualname__} needs a default for every field")
    for name, value in msgspec.structs.asdict(memory()).items():
        if not isinstance(value, int | float | str | None):
            raise TypeError(
                f"Memory of {strategy.__qualname__} keeps a {type(value).__name__} in {name}: only numbers, "
                "texts, truths and None can be recorded and compared"
            )
