"""Writes settings as TOML that reads back as the same settings."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from pydantic import BaseModel

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(settings: BaseModel | Mapping[str, Any]) -> str:
    """The settings as a TOML document, in field order; values that are None are left out.

    Exact amounts are written in quotes, so they read back digit for digit. Raises TypeError for a value
    that TOML has no form for.
    """
    values = settings.model_dump(mode="python") if isinstance(settings, BaseModel) else settings
    lines: list[str] = []
    _write_table((), values, lines)
    return "\n".join(lines).strip("\n") + "\n"


def toml_value(value: Any) -> str:
    """One value as it is written behind the equals sign."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(str(value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = [f"{_key(key)} = {toml_value(item)}" for key, item in value.items() if item is not None]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if type(value).__name__ in ("Decimal", "PosixPath", "WindowsPath"):
        return _quoted(str(value))
    raise TypeError(f"TOML has no form for a {type(value).__name__}")


def _write_table(path: tuple[str, ...], table: Mapping[str, Any], lines: list[str]) -> None:
    nested: list[tuple[str, Any]] = []
    for key, value in table.items():
        if _is_table(value) or _is_table_list(value):
            nested.append((key, value))
        elif value is not None:
            lines.append(f"{_key(key)} = {toml_value(value)}")
    for key, value in nested:
        inner = (*path, key)
        header = ".".join(_key(part) for part in inner)
        if _is_table(value):
            lines.extend(("", f"[{header}]"))
            _write_table(inner, value, lines)
            continue
        for item in value:
            lines.extend(("", f"[[{header}]]"))
            _write_table(inner, item, lines)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_table_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_is_table(item) for item in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    # JSON's escapes are a subset of TOML's, except that TOML also forbids a raw DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
