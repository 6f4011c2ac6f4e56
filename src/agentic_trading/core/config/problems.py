"""Turns what pydantic refuses into one sentence each: place, key, what is wrong, what would be right."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from agentic_trading.core.config.lines import Path, item_at
from agentic_trading.core.config.naming import nearest
from agentic_trading.core.config.writer import toml_value

_WANTED = {
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "list_type": "must be a list in brackets",
    "tuple_type": "must be a list in brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "finite_number": "must be a finite number",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} item(s)",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must match {pattern}",
}
_CONFIDENTIAL = ("secret", "password", "token", "api_key")


class Shape:
    """The JSON schema of a settings model, walked by path to learn which keys are valid where."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root = _schema_of(model)

    def at(self, path: Path, values: Any) -> list[Mapping[str, Any]]:
        """The schemas that may hold at ``path``; a tagged union is decided by the data beside it."""
        schemas = self._open(self._root, values)
        for key in path:
            values = item_at(values, key)
            inner: list[Mapping[str, Any]] = []
            for schema in schemas:
                child = schema.get("items") if isinstance(key, int) else schema.get("properties", {}).get(key)
                if isinstance(child, Mapping):
                    inner += self._open(child, values)
            schemas = inner
        return schemas

    def keys(self, path: Path, values: Any) -> list[str]:
        """Valid keys of the table at ``path``."""
        return list(
            dict.fromkeys(key for schema in self.at(path, values) for key in schema.get("properties", {}))
        )

    def all_keys(self) -> Iterator[str]:
        """Every dotted key outside of lists that has a value of its own."""
        pending: list[tuple[str, Mapping[str, Any]]] = [("", self._root)]
        while pending:
            prefix, schema = pending.pop(0)
            for key, child in schema.get("properties", {}).items():
                inner = self._open(child, None)
                if not any("properties" in item for item in inner):
                    yield prefix + key
                pending += [(f"{prefix}{key}.", item) for item in inner]

    def _open(self, schema: Mapping[str, Any], values: Any) -> list[Mapping[str, Any]]:
        """Follow references and choices to the schemas that say something."""
        if "$ref" in schema:
            target: Any = self._root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return [
                {**item, **{k: v for k, v in schema.items() if k != "$ref"}}
                for item in self._open(target, values)
            ]
        tags = schema.get("discriminator", {})
        tag = item_at(values, tags.get("propertyName", ""))
        chosen = tags.get("mapping", {}).get(tag) if isinstance(tag, str) else None
        if chosen:
            return self._open({"$ref": chosen}, values)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices:
            return [schema]
        outer = {key: schema[key] for key in ("default", "description") if key in schema}
        return [{**item, **outer} for choice in choices for item in self._open(choice, values)]


@cache
def _schema_of(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def data_path(location: Sequence[str | int], values: Any, *, missing: bool = False) -> Path:
    """The path in the data that pydantic's location means: it also names branches of unions."""
    path: list[str | int] = []
    for position, key in enumerate(location):
        is_absent_key = missing and position == len(location) - 1
        present = key in values if isinstance(values, Mapping) else item_at(values, key) is not None
        if present or is_absent_key:
            path.append(key)
            values = item_at(values, key)
    return tuple(path)


def problem_path(error: Mapping[str, Any], values: Any) -> Path:
    """The path of what has to be changed: for a table of no known kind the key that tells its kind.

    A validator of a table points to one of its keys by the context entry ``within``.
    """
    path = data_path(error["loc"], values, missing=error["type"] == "missing")
    context = error.get("ctx", {})
    within = str(context.get("within", context.get("discriminator", ""))).strip("'")
    return (*path, within) if within else path


def sentence(error: Mapping[str, Any], path: Path, dotted: str, values: Any, shape: Shape) -> str:
    """What is wrong with the value at ``path`` and what would be right, without the place."""
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path, dotted, values, shape)
    schemas = shape.at(path, values)
    if kind in ("missing", "union_tag_not_found"):
        return f"{dotted} is missing{_meaning(schemas)}."
    given = error["input"]
    if kind == "union_tag_invalid":
        return _not_a_choice(dotted, item_at(given, path[-1]), (), context)
    if kind in ("enum", "literal_error"):
        return _not_a_choice(dotted, given, schemas, context)
    if kind in _WANTED:
        bounds = {
            name: f"{bound:g}" if isinstance(bound, float) else bound for name, bound in context.items()
        }
        wanted = _WANTED[kind].format(**bounds)
        return f"{dotted} {wanted}, not {_shown(dotted, given)}{_unquoted(kind, given)}{_meaning(schemas)}."
    message = f": {context['error']}" if kind == "value_error" else f" {error['msg']}"
    return f"{dotted}{message}".removesuffix(".") + "."


def _unknown(path: Path, dotted: str, values: Any, shape: Shape) -> str:
    key, section = str(path[-1]), dotted.rpartition(".")[0]
    valid = shape.keys(path[:-1], values)
    near = nearest(key, valid)
    if near:
        return f"{dotted} is not a setting; did you mean {f'{section}.{near}' if section else near}?"
    others = [name for name in shape.all_keys() if name != dotted]  # it may be a key of another kind of table
    elsewhere = next((name for name in others if name.split(".")[-1] == key), None)
    if elsewhere is None:
        elsewhere = nearest(dotted, others, cutoff=0.75)
    if elsewhere:
        return f"{dotted} is not a setting; did you mean {elsewhere}?"
    closest = nearest(key, valid, cutoff=0.0)
    hint = f"the nearest is {f'{section}.' if section else ''}{closest}, " if closest else ""
    return f"{dotted} is not a setting; {hint}valid here: {', '.join(valid) or 'no keys'}."


def _not_a_choice(
    dotted: str, given: Any, schemas: Sequence[Mapping[str, Any]], context: Mapping[str, Any]
) -> str:
    names = [
        str(name)
        for schema in schemas
        for name in schema.get("enum", [schema["const"]] if "const" in schema else [])
    ]
    if not names:
        names = [
            part.strip(" '")
            for part in str(context.get("expected_tags", context.get("expected", ""))).split(",")
        ]
    near = nearest(given, names) if isinstance(given, str) else None
    hint = f"; did you mean {toml_value(near)}?" if near else "."
    choices = ", ".join(toml_value(name) for name in names)
    return f"{dotted} must be one of {choices}, not {_shown(dotted, given)}{hint}"


def _shown(dotted: str, given: Any) -> str:
    if any(word in dotted.lower() for word in _CONFIDENTIAL):
        return "what stands there"
    try:
        text = toml_value(given)
    except TypeError:
        return f"a {type(given).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unquoted(kind: str, given: Any) -> str:
    if kind not in ("float_type", "int_type", "bool_type") or not isinstance(given, str):
        return ""
    return " (write it without quotes)" if given.strip().strip("+-").replace(".", "", 1).isdigit() else ""


def _meaning(schemas: Sequence[Mapping[str, Any]]) -> str:
    """What the setting is for, and its default as an example."""
    for schema in schemas:
        description, default = schema.get("description", ""), schema.get("default")
        example = f", for example {toml_value(default)}" if default not in (None, "", {}, []) else ""
        if description and schema.get("type") != "object":
            return f"; it is: {description}{example}"
        if example:
            return f"; {example[2:]}"
    return ""
