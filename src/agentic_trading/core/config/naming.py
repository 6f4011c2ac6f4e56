"""Finding what a mistyped name was meant to be."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher


def nearest(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name most like ``word``, the first of equals; None if none is like it by ``cutoff`` (0..1)."""
    best, best_ratio = None, cutoff
    for name in names:
        ratio = SequenceMatcher(None, word.lower(), name.lower(), autojunk=False).ratio()
        if ratio > best_ratio or (best is None and ratio >= cutoff):
            best, best_ratio = name, ratio
    return best


def nearest_text(word: str, names: Sequence[str]) -> str:
    """``, did you mean X?`` without the mark, to put behind a sentence; empty if nothing is near."""
    name = nearest(word, names)
    return f"; did you mean {name}" if name else ""
