"""In which line of a TOML text each key stands; the parser of the standard library does not tell."""

import tomllib
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]
"""Where a value is: table keys and list positions from the root."""


def item_at(values: Any, key: str | int) -> Any:
    """The value under a table key or at a list position; None if there is none."""
    if isinstance(values, Mapping):
        return values.get(key)
    if isinstance(values, list | tuple) and isinstance(key, int) and key < len(values):
        return values[key]
    return None


_BARE_END = frozenset(" \t=.]\r\n")


def key_lines(text: str) -> dict[Path, int]:
    """Line number (from 1) of every table, key and list item of a *valid* TOML text.

    The text must have been accepted by ``tomllib`` before: the scanner relies on its syntax and only
    finds where things begin. Intermediate tables of dotted keys have the line of their first key.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0
        self._line = 1
        self._lists: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        keys = self._dotted_key()
        self._at = self._text.index("]", self._at) + (2 if is_list else 1)
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            self._note(path)
            if is_list and position == len(keys) - 1:
                self._lists[path] = self._lists.get(path, 0) + 1
            if path in self._lists:
                path = (*path, self._lists[path] - 1)
                self._note(path)
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self._note(path)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        opening = self._text[self._at]
        if opening in "\"'":
            self._string()
        elif opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\r\n":
                self._at += 1

    def _list(self, path: Path) -> None:
        self._at += 1
        position = 0
        while self._skip_blank() != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._note((*path, position))
            self._value((*path, position))
            position += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_blank() != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1

    def _string(self) -> str:
        """Pass over a string of any of the four kinds and return it as written."""
        start, mark = self._at, self._text[self._at]
        fence = mark * 3 if self._text.startswith(mark * 3, start) else mark
        self._at += len(fence)
        while not self._text.startswith(fence, self._at):
            self._at += 2 if mark == '"' and self._text[self._at] == "\\" else 1
        self._at += len(fence)
        if len(fence) == 3:  # up to two quotes may stand before the closing fence
            while self._at < len(self._text) and self._text[self._at] == mark:
                self._at += 1
        return self._text[start : self._at]

    def _dotted_key(self) -> list[str]:
        keys = [self._key()]
        while self._skip_spaces() == ".":
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        if self._skip_spaces() in ('"', "'"):
            key = tomllib.loads(f"key = {self._string()}")["key"]
            return str(key)
        start = self._at
        while self._text[self._at] not in _BARE_END:
            self._at += 1
        return self._text[start : self._at]

    def _skip_spaces(self) -> str:
        while self._text[self._at] in " \t":
            self._at += 1
        return self._text[self._at]

    def _skip_blank(self) -> str:
        """Go to the next character that is not space, line end or comment; empty at the end."""
        while self._at < len(self._text):
            if self._text[self._at] == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif self._text[self._at] in " \t\r\n":
                self._at += 1
            else:
                return self._text[self._at]
        return ""

    def _note(self, path: Path) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self.lines.setdefault(path, self._line)
