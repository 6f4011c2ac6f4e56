"""Decodes layers into a frozen settings model, or says every problem at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from agentic_trading.core.config.layers import Layer, Merged
from agentic_trading.core.config.lines import Path, item_at
from agentic_trading.core.config.problems import Shape, data_path, problem_path, sentence
from agentic_trading.core.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)

_NONE: Mapping[str, str] = {}
DEFAULT = "default"
"""The origin of a value that no layer gave."""


@dataclass(frozen=True)
class Loaded(Generic[Model]):
    """Settings, and for every value (dotted key, in field order) where it came from.

    ``notes`` are sentences the user should see, such as which list of tables another file replaced.
    """

    settings: Model
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()


def load(
    model: type[Model],
    layers: Sequence[Layer],
    names: Mapping[str, str] = _NONE,
    kinds: Mapping[str, str] = _NONE,
) -> Loaded[Model]:
    """Merge the layers, later ones winning, and decode them strictly.

    Tables merge key by key, everything else (lists of tables too) replaces as a whole. ``names`` maps
    the key of a list of tables to the key that names its items: ``{"strategies": "strategy_id"}`` lets
    flags and environment change ``strategies.breakout.enabled``. ``kinds`` maps the key of a table to
    the key that tells its kind: a table of another kind replaces (``{"sizing": "method"}``).
    Raises ConfigError with one sentence per problem, each naming place, key and what would be right.
    """
    merged = Merged(names, kinds)
    for layer in layers:
        merged.add(layer)
    try:
        settings = _validated(model, merged)
    except ValidationError as error:
        raise ConfigError(_explained(error, model, merged, names)) from None
    effective = settings.model_dump(mode="python")
    origins = {
        dotted(path, effective, names): merged.places.get(path, DEFAULT) for path in _leaves(effective, ())
    }
    return Loaded(settings, origins, tuple(merged.notes))


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a settings model."""
    return model.model_json_schema()


def dotted(path: Path, values: Any, names: Mapping[str, str]) -> str:
    """A path as people write it; items of named lists by their name: ``strategies.breakout.enabled``."""
    parts: list[str] = []
    for position, key in enumerate(path):
        naming = names.get(str(path[position - 1])) if position and isinstance(key, int) else None
        values = item_at(values, key)
        name = values.get(naming) if naming and isinstance(values, Mapping) else None
        parts.append(name if isinstance(name, str) and name else str(key))
    return ".".join(parts)


def leaf_values(settings: BaseModel, names: Mapping[str, str]) -> dict[str, Any]:
    """Every single value by its dotted key, in the order and under the names of ``Loaded.origins``."""
    effective = settings.model_dump(mode="python")
    values: dict[str, Any] = {}
    for path in _leaves(effective, ()):
        value: Any = effective
        for key in path:
            value = value[key]
        values[dotted(path, effective, names)] = value
    return values


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        for position, item in enumerate(value):
            yield from _leaves(item, (*path, position))
    else:
        yield path


def _validated(model: type[Model], merged: Merged) -> Model:
    """Validate; where the environment or a flag gave text that was parsed too eagerly, try the text."""
    try:
        return model.model_validate(merged.values)
    except ValidationError as error:
        if not _use_texts(error, merged):
            raise
    return model.model_validate(merged.values)


def _use_texts(error: ValidationError, merged: Merged) -> bool:
    changed = False
    for problem in error.errors(include_url=False):
        path = data_path(problem["loc"], merged.values)
        text = merged.texts.get(path)
        if text is None:
            continue
        table: Any = merged.values
        for key in path[:-1]:
            table = table[key]
        if problem["type"] == "string_type":
            table[path[-1]] = text
            changed = True
        elif problem["type"] in ("list_type", "tuple_type") and not text.startswith(("[", "{")):
            table[path[-1]] = [part.strip() for part in text.split(",") if part.strip()]
            changed = True
    return changed


def _explained(
    error: ValidationError, model: type[BaseModel], merged: Merged, names: Mapping[str, str]
) -> str:
    shape = Shape(model)
    sentences: list[str] = []
    for problem in error.errors(include_url=False):
        path = problem_path(dict(problem), merged.values)
        name = dotted(path, merged.values, names)
        text = sentence(dict(problem), path, name, merged.values, shape)
        place = _place(path, merged.places)
        sentences.append(f"{place}: {text}" if place else text)
    return "\n".join(dict.fromkeys(sentences))


def _place(path: Path, places: Mapping[Path, str]) -> str:
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return ""
