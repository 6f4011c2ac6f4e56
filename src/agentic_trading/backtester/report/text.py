"""The smallest pieces of a report: labelled figures, tables of them, and how numbers are written."""

from typing import NamedTuple

NONE_TEXT = "n/a"
"""Stands for a figure that is withheld."""


class Row(NamedTuple):
    """One labelled figure; ``tone`` is good, bad or empty, ``note`` explains it."""

    label: str
    value: str
    tone: str = ""
    note: str = ""


class Grid(NamedTuple):
    """A table: headings, then rows of cells with tones (only figures have one)."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Row, ...], ...]


def money(value: float | None, *, signed: bool = False) -> str:
    """``1,234.50`` or, signed, ``+1,234.50``; what rounds to zero has no sign."""
    if value is None:
        return NONE_TEXT
    if not round(value, 2):
        return "0.00"
    return f"{value:+,.2f}" if signed else f"{value:,.2f}"


def percent(ratio: float | None, *, signed: bool = True, digits: int = 2) -> str:
    """``+12.30 %`` of a ratio of 0.123; what rounds to zero has no sign."""
    if ratio is None:
        return NONE_TEXT
    if not round(ratio, digits + 2):
        return f"{0:.{digits}f} %"
    return f"{100 * ratio:+,.{digits}f} %" if signed else f"{100 * ratio:,.{digits}f} %"


def plain(value: float | None, digits: int = 2) -> str:
    """A figure without unit; whole numbers have no decimals."""
    if value is None:
        return NONE_TEXT
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def tone_of(value: float | None) -> str:
    """Good above zero, bad below."""
    if not value:
        return ""
    return "good" if value > 0 else "bad"
