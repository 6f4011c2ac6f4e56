"""Which parameter sets are tried: all of a grid, or some of it drawn with a seed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import prod

from agentic_trading.core.errors import UsageError
from agentic_trading.core.numerics import random_word

Value = bool | int | float | str
Space = Mapping[str, Sequence[Value]]
"""The values to try by parameter, such as ``{"trend_following.fast": [8, 16, 24]}``."""

MOST_VALUES = 10_000
MOST_SETS = 1_000_000
_LARGEST_SEED = 2**63 - 1
_WORDS = {"true": True, "false": False}


def values_of(text: str) -> list[Value]:
    """The values written as ``V1,V2,V3`` or as ``LOW:HIGH:STEP`` (HIGH included where a step meets it).

    Steps are counted in decimals, so ``0.1:0.3:0.1`` has three values. Raises UsageError saying what is
    wrong with the text.
    """
    if text.count(":") == 2:
        return _range(text)
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"{text!r} has an empty value: write V1,V2,V3 or LOW:HIGH:STEP")
    values = [_value(part) for part in parts]
    for place, value in enumerate(values):
        if any(value == other and type(value) is type(other) for other in values[:place]):
            raise UsageError(f"{text!r} names {value} twice: each value once")
    return values


def size(space: Space) -> int:
    """How many parameter sets the full grid has."""
    return prod(len(values) for values in space.values())


def point(space: Space, number: int) -> dict[str, Value]:
    """Parameter set ``number`` of the grid; the last parameter runs through its values first."""
    chosen: dict[str, Value] = {}
    for name in reversed(list(space)):
        number, place = divmod(number, len(space[name]))
        chosen[name] = space[name][place]
    return {name: chosen[name] for name in space}


def grid(space: Space) -> list[dict[str, Value]]:
    """Every parameter set, in the order of `point`; UsageError if there are more than a million."""
    total = size(space)
    if total > MOST_SETS:
        raise UsageError(
            f"the grid has {total:,} parameter sets: name fewer values, or try some with --epochs"
        )
    return [point(space, number) for number in range(total)]


def sample(space: Space, epochs: int, random_state: int) -> list[dict[str, Value]]:
    """``epochs`` different parameter sets in the order drawn; the full grid if it has no more than that.

    The same seed draws the same sets, and fewer epochs draw the first of them. Draws are without
    replacement (Fisher and Yates), from the counter-based generator of `core.numerics`.
    Raises UsageError for fewer than one epoch or a seed that is negative or beyond 63 bits.
    """
    if not 1 <= epochs <= MOST_SETS:
        raise UsageError(f"--epochs {epochs}: choose from 1 to {MOST_SETS:,}")
    if not 0 <= random_state <= _LARGEST_SEED:
        raise UsageError(f"--random-state {random_state}: choose from 0 to {_LARGEST_SEED}")
    total = size(space)
    if epochs >= total:
        return grid(space)
    moved: dict[int, int] = {}
    numbers = []
    for place in range(epochs):
        other = place + int(random_word(random_state, 0, place)) % (total - place)
        numbers.append(moved.get(other, other))
        moved[other] = moved.get(place, place)
    return [point(space, number) for number in numbers]


def _value(text: str) -> Value:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _range(text: str) -> list[Value]:
    try:
        low, high, step = (Decimal(part.strip()) for part in text.split(":"))
        finite = all(number.is_finite() for number in (low, high, step))
    except InvalidOperation:
        finite = False
    if not finite:
        raise UsageError(f"{text!r} is not LOW:HIGH:STEP in numbers, such as 8:32:8")
    if step <= 0 or high < low:
        raise UsageError(f"{text!r} has no values: LOW must not be above HIGH, and STEP must be above 0")
    if (high - low) / step >= MOST_VALUES:
        raise UsageError(f"{text!r} has more than {MOST_VALUES:,} values: choose a larger STEP")
    numbers = [low + step * place for place in range(int((high - low) / step) + 1)]
    whole = "." not in text and "e" not in text.lower()
    return [int(number) if whole else float(number) for number in numbers]
