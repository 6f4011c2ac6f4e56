"""Everything a strategy's code could keep something in, other than ``ctx.memory``.

Attributes of the object and its classes, defaults and attributes of its functions, variables that they
enclose, globals of its module that they name. Where a value cannot be looked into (an iterator, a
compiled function), only the answers can tell.
"""

import hashlib
import inspect
from collections import deque
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

import msgspec
import numpy as np
import pydantic

from agentic_trading.strategies.base import BaseStrategy

_DEPTH = 5
"""How far values are looked into."""

_ORDERED = (list, tuple, deque)
_TYPED = (pydantic.BaseModel, msgspec.Struct)


def belongings(strategy: BaseStrategy[Any]) -> dict[str, str]:
    """What the strategy could keep something in, by name, each as a comparable text."""
    found = {f"self.{name}": written(value) for name, value in vars(strategy).items() if name != "params"}
    seen: set[str] = set()
    own = [kind for kind in type(strategy).__mro__ if kind.__module__ != BaseStrategy.__module__]
    for kind in own:
        if kind is not object and issubclass(kind, BaseStrategy):
            found.update(_of_class(kind, seen))
    return found


def written(value: Any, depth: int = _DEPTH) -> str:
    """A text that changes when the value does, as far as it can be looked into."""
    if depth == 0 or isinstance(value, type | ModuleType | FunctionType):
        return type(value).__name__
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, _ORDERED):
        return f"[{', '.join(written(each, depth - 1) for each in value)}]"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(written(each, depth - 1) for each in value))}}}"
    if isinstance(value, Mapping):
        pairs = (f"{written(key, depth - 1)}: {written(each, depth - 1)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, msgspec.Struct):
        return written(msgspec.structs.asdict(value), depth)
    state = _state_of(value)
    return repr(value) if state is None else f"{type(value).__name__} {written(state, depth - 1)}"


def _state_of(value: Any) -> Any:
    """What an object holds; None for one that only its own text tells about."""
    if callable(getattr(value, "getstate", None)):
        return value.getstate()
    generator = getattr(value, "bit_generator", None)
    if generator is not None:
        return generator.state
    attributes = getattr(value, "__dict__", None)
    return None if attributes is None else dict(attributes)


def _of_class(kind: type, seen: set[str]) -> Iterator[tuple[str, str]]:
    if kind.__qualname__ in seen:
        return
    seen.add(kind.__qualname__)
    for name, member in vars(kind).items():
        value = getattr(member, "__func__", getattr(member, "fget", None) or member)
        if isinstance(value, FunctionType):
            yield from _of_function(value, kind.__module__, seen)
        elif not name.startswith(("__", "_abc")):
            yield f"{kind.__name__}.{name}", written(value)


def _of_function(function: FunctionType, module: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """What a function keeps, and what of its module it names; other modules are not followed."""
    # A wrapper carries the name of what it wraps; only the code tells them apart.
    name, code = function.__qualname__, function.__code__
    place = f"{code.co_filename}:{code.co_firstlineno}:{code.co_qualname}"
    if place in seen or function.__module__ != module:
        return
    seen.add(place)
    if function.__defaults__ or function.__kwdefaults__:
        defaults = (function.__defaults__, function.__kwdefaults__)
        yield f"the defaults of {name}", written(defaults)
    if function.__dict__:
        yield f"attributes of {name}", written(function.__dict__)
    kept = inspect.getclosurevars(function).nonlocals
    for variable, value in kept.items():
        yield from _named(f"{variable} around {name}", value, module, seen)
    for variable in _names(code):
        if variable in function.__globals__:
            yield from _named(f"global {variable}", function.__globals__[variable], module, seen)


def _named(name: str, value: Any, module: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, FunctionType):
        yield from _of_function(value, module, seen)
    elif isinstance(value, type):
        if value.__module__ == module and not issubclass(value, _TYPED):
            yield from _of_class(value, seen)
    elif not isinstance(value, ModuleType):
        yield name, written(value)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
