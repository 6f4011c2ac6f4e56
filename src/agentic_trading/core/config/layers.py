"""The layers settings are made of, each remembering where every value was written, and their merging."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from agentic_trading.core.config.lines import Path, item_at, key_lines
from agentic_trading.core.config.naming import nearest_text
from agentic_trading.core.errors import ConfigError, UsageError

PREFIX = "TRADING_"


@dataclass(frozen=True)
class Layer:
    """Nested values and the place of each: ``configs/default.toml:12``, ``--set risk.max_order_pct``.

    ``texts`` holds the values as typed for layers whose source has only text (environment, flags): a
    setting that wants text takes them unparsed. ``patches`` says that such a layer changes single items
    of a list of tables (``strategies.breakout.enabled``) instead of replacing the list.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[Path, str] = field(default_factory=dict)
    texts: Mapping[Path, str] = field(default_factory=dict)
    patches: bool = False


def file_layer(file: File, shown_as: str = "") -> Layer:
    """The layer of a TOML file; raises ConfigError naming file and line if it cannot be read as one."""
    name = shown_as or str(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        siblings = (
            sorted(str(other.name) for other in file.parent.glob("*.toml")) if file.parent.is_dir() else []
        )
        raise ConfigError(f"{name}: there is no such file{nearest_text(file.name, siblings)}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: this is not UTF-8 text; save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}.") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_sentence(name, text, str(error))) from None
    places = {path: f"{name}:{line}" for path, line in key_lines(text).items()}
    return Layer(values, places)


def _syntax_sentence(name: str, text: str, message: str) -> str:
    what, _, position = message.partition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", position)
    line = int(found[1]) if found else len(text.splitlines())
    column = f" in column {found[2]}" if found else " at the end of the file"
    rule = "each line is key = value or [section], text is in quotes, a key stands once"
    return f"{name}:{line}: this is not valid TOML{column} ({what[:1].lower()}{what[1:]}); {rule}."


def environment_layer(
    environ: Mapping[str, str],
    is_reserved: Callable[[str], bool] = lambda name: False,
    source: str = "environment",
) -> Layer:
    """The layer of ``TRADING_<SECTION>__<KEY>`` variables, nested by ``__``, upper or lower case.

    Variables for which ``is_reserved(NAME)`` are not settings. Raises ConfigError for a name that has
    an empty part.
    """
    assignments: list[tuple[tuple[str, ...], str, str]] = []
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or is_reserved(name.upper()):
            continue
        keys = tuple(name[len(PREFIX) :].lower().split("__"))
        if not all(keys):
            raise ConfigError(
                f"{source} {name}: settings are named TRADING_<SECTION>__<KEY>, parts joined by __."
            )
        assignments.append((keys, environ[name], f"{source} {name}"))
    return _text_layer(assignments)


def flag_layer(assignments: Iterable[str]) -> Layer:
    """The layer of ``--set section.key=value`` flags; raises UsageError for one without key or equals."""
    parsed: list[tuple[tuple[str, ...], str, str]] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        keys = tuple(part.strip() for part in name.split("."))
        if not equals or not all(keys):
            raise UsageError(
                f"--set {assignment}: write --set section.key=value, such as --set risk.max_order_pct=0.1."
            )
        parsed.append((keys, text.strip(), f"--set {'.'.join(keys)}"))
    return _text_layer(parsed)


def _text_layer(assignments: Iterable[tuple[tuple[str, ...], str, str]]) -> Layer:
    values: dict[str, Any] = {}
    places: dict[Path, str] = {}
    texts: dict[Path, str] = {}
    for keys, text, place in assignments:
        table = values
        for depth, key in enumerate(keys[:-1], start=1):
            inner = table.setdefault(key, {})
            places.setdefault(keys[:depth], place)
            if not isinstance(inner, dict):
                raise ConfigError(
                    f"{place}: {places[keys[:depth]]} already gives {'.'.join(keys[:depth])} a value."
                )
            table = inner
        table[keys[-1]] = _parsed(text)
        places[keys] = place
        texts[keys] = text
    return Layer(values, places, texts, patches=True)


def _parsed(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return document["value"] if len(document) == 1 else text


class Merged:
    """The values of all layers so far, later ones winning; tables merge, everything else replaces.

    ``names`` maps the key of a list of tables to the key that names its items, so that a patching layer
    can write ``strategies.breakout.enabled``. ``kinds`` maps the key of a table to the key that says
    what kind it is: a table of another kind replaces, it does not inherit keys that mean nothing to it.
    """

    def __init__(self, names: Mapping[str, str], kinds: Mapping[str, str]) -> None:
        self._names = names
        self._kinds = kinds
        self.values: dict[str, Any] = {}
        self.places: dict[Path, str] = {}
        self.texts: dict[Path, str] = {}
        self.notes: list[str] = []

    def add(self, layer: Layer) -> None:
        """Put a layer on top; raises ConfigError for a patch of a list item that is not there."""
        self._merge(self.values, layer.values, (), (), layer)

    def _merge(self, base: Any, over: Mapping[str, Any], path: Path, source: Path, layer: Layer) -> None:
        """Merge table ``over``, at ``source`` in its layer, into the table or list ``base`` at ``path``."""
        for key, value in over.items():
            written = (*source, key)
            place = layer.places.get(written, "")
            slot: str | int = self._position(base, path, key, place) if isinstance(base, list) else key
            here = (*path, slot)
            present = item_at(base, slot)
            if layer.patches and present is None and key in self._names and isinstance(value, Mapping):
                present = base[slot] = []
            if isinstance(value, Mapping) and self._merges(key, present, value, layer):
                self.places[here] = place
                self._merge(present, value, here, written, layer)
                continue
            if _is_table_list(present) and not layer.patches:
                self.notes.append(f"{place}: this list of {key} replaces the one of {self.places[here]}.")
            self._replace(base, slot, value, here, written, layer)

    def _merges(self, key: str, present: Any, value: Mapping[str, Any], layer: Layer) -> bool:
        if isinstance(present, list):
            return layer.patches and (not present or _is_table_list(present))
        if not isinstance(present, dict):
            return False
        kind = self._kinds.get(key)
        return kind is None or value.get(kind, present.get(kind)) == present.get(kind)

    def _position(self, items: list[Any], path: Path, key: str, place: str) -> int:
        naming = self._names.get(str(path[-1]), "")
        named = [str(item.get(naming, position)) for position, item in enumerate(items)]
        for position, name in enumerate(named):
            if key == str(position) or key.lower() == name.lower():
                return position
        there = ", ".join(named) or "none"
        raise ConfigError(
            f"{place}: there is no {key} among the {path[-1]}{nearest_text(key, named)}; there are: {there}."
        )

    def _replace(self, base: Any, slot: Any, value: Any, here: Path, written: Path, layer: Layer) -> None:
        for known in (self.places, self.texts):
            for path in [path for path in known if path[: len(here)] == here]:
                del known[path]
        base[slot] = _copied(value)
        depth = len(written)
        for path, place in layer.places.items():
            if path[:depth] == written:
                self.places[here + path[depth:]] = place
        for path, text in layer.texts.items():
            if path[:depth] == written:
                self.texts[here + path[depth:]] = text


def _is_table_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
