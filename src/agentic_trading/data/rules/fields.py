"""Reads the fields of a venue's JSON: what is missing or wrong is named with file, market and field."""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from agentic_trading.core.errors import CorruptData

MS = 1_000_000
T = TypeVar("T")
Offers = Iterator[tuple[str, Callable[[], T]]]
"""Symbols of a document, each with what reads its part: nobody's rules are refused for another market's."""


class Fields:
    """One JSON object and where it is, so that an error can say so."""

    def __init__(self, content: Any, path: Path, place: str = "") -> None:
        """Raises CorruptData if ``content`` is not an object."""
        self._path = path
        self._place = place
        if not isinstance(content, dict):
            raise self.wrong("", content, "an object")
        self.content: dict[str, Any] = content

    def __contains__(self, name: str) -> bool:
        return self.content.get(name) not in (None, "")

    def wrong(self, name: str, found: object, right: str) -> CorruptData:
        """The error about a field: one sentence with file, market, field, what it is and what is right."""
        where = ", ".join(part for part in (self._place, name) if part)
        shown = repr(found) if len(repr(found)) < 40 else f"{repr(found)[:36]}..."
        return CorruptData(f"{self._path}: {where or 'the document'} is {shown}; {right} would be right")

    def within(self, name: str, place: str = "") -> "Fields":
        """An object inside this one."""
        return Fields(
            self.content.get(name), self._path, place or ", ".join(filter(None, (self._place, name)))
        )

    def items(self, name: str, called_by: str = "") -> Iterator["Fields"]:
        """The objects of a list; ``called_by`` is the field that names each in errors."""
        listed = self.content.get(name)
        if not isinstance(listed, list):
            raise self.wrong(name, listed, "a list")
        for number, each in enumerate(listed, 1):
            label = each.get(called_by) if isinstance(each, dict) and called_by else None
            place = str(label) if label else f"{name} {number}"
            yield Fields(each, self._path, ", ".join(filter(None, (self._place, place))))

    def text(self, name: str) -> str:
        """A text that is not empty."""
        found = self.content.get(name)
        if not isinstance(found, str) or not found:
            raise self.wrong(name, found, "a name")
        return found

    def amount(self, name: str) -> Decimal:
        """A number, given as number or text, not below zero; trailing zeros are dropped."""
        found = self.content.get(name)
        try:
            if isinstance(found, bool) or not isinstance(found, (str, int, float)):
                raise InvalidOperation
            value = Decimal(str(found))
        except InvalidOperation:
            raise self.wrong(name, found, "a number") from None
        if not value.is_finite() or value < 0:
            raise self.wrong(name, found, "a number not below 0")
        return plain(value)

    def step(self, name: str) -> Decimal:
        """A number above zero."""
        value = self.amount(name)
        if not value:
            raise self.wrong(name, self.content.get(name), "a step above zero")
        return value

    def limit(self, name: str) -> Decimal | None:
        """An upper limit; None where it is absent or zero, which venues write for "none"."""
        return (self.amount(name) or None) if name in self else None

    def time_ns(self, name: str) -> int | None:
        """A time in milliseconds as nanoseconds; None where it is absent or zero."""
        value = self.limit(name)
        return None if value is None else int(value) * MS


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without exponent: one way to write each."""
    short = value.normalize()
    return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short
