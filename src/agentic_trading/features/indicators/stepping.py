"""What every indicator is made of: compilation, rings of the last inputs, and lanes that forget.

One function per indicator advances it over rows, ``advance(state, bars, clock, out, start, stop, *params)``:

* ``state`` float64 1-d, all zeros before the first row of a stretch; it carries everything;
* ``bars`` float64 (5, rows): open, high, low, close, volume;
* ``clock`` int64 (2, rows): number of the candle since the epoch, and within its UTC day;
* ``out`` float64 (outputs, rows): NaN until the declared warm-up has been seen.

A table calls it once over all rows, a live engine with one row at a time; same code, same bits.

A **windowed** indicator keeps a ring of its last inputs and works the value out afresh on every row,
oldest first, so the value is a function of that window in every bit (running sums drift).

A **recursive** one never forgets its start exactly: two runs that began at different rows end up a last
bit apart and stay there (on flat prices for ever). So it runs in `LANES` lanes; one of them is started
afresh at every block of candles, blocks being counted from the epoch, and the oldest is the value.
It is then a function of the last ``LANES * block`` candles and of nothing else.
"""

from agentic_trading.core.models import FloatArray
from agentic_trading.core.numerics import compiled

LANES = 10
SEEN = 0
"""Every state counts the rows of its stretch in ``state[SEEN]``."""
BLOCK = 1
"""Laned states keep the number of the current block in ``state[BLOCK]``."""


def ring_state(n: int) -> int:
    """State size of the commonest case: the counter and one ring of n values."""
    return 1 + 2 * n


@compiled
def count_row(state: FloatArray) -> int:
    """Count one more row of the stretch; returns how many came before it."""
    seen = int(state[SEEN])
    state[SEEN] = seen + 1
    return seen


@compiled
def push(state: FloatArray, at: int, width: int, seen: int, value: float) -> int:
    """Put a value into the ring ``state[at : at + 2 * width]``; returns where the window now begins.

    Everything is written twice, a width apart, so that the last ``width`` values always lie side by
    side, oldest first.
    """
    slot = seen % width
    state[at + slot] = value
    state[at + width + slot] = value
    return at + slot + 1


@compiled
def total(state: FloatArray, first: int, count: int) -> float:
    """Sum of ``count`` values from ``first``, always in the same order: four interleaved sums."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    window = state[first : first + count]
    whole = count - count % 4
    for i in range(0, whole, 4):
        a += window[i]
        b += window[i + 1]
        c += window[i + 2]
        d += window[i + 3]
    for i in range(whole, count):
        a += window[i]
    return (a + b) + (c + d)


@compiled
def spread(state: FloatArray, first: int, count: int, mean: float) -> float:
    """Sum of squared distances from ``mean``, in the order of `total`."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    window = state[first : first + count]
    whole = count - count % 4
    for i in range(0, whole, 4):
        a += (window[i] - mean) * (window[i] - mean)
        b += (window[i + 1] - mean) * (window[i + 1] - mean)
        c += (window[i + 2] - mean) * (window[i + 2] - mean)
        d += (window[i + 3] - mean) * (window[i + 3] - mean)
    for i in range(whole, count):
        a += (window[i] - mean) * (window[i] - mean)
    return (a + b) + (c + d)


@compiled
def slide_highest(state: FloatArray, at: int, width: int, seen: int, value: float) -> float:
    """Largest of the last ``width`` values; owns ``state[at : at + width + 2]``: best, rows left to it, ring.

    The ring is searched only when the best value leaves it. The lowest is minus the highest of minus.
    """
    slot = seen % width
    state[at + 2 + slot] = value
    left = state[at + 1] - 1
    if seen == 0 or value >= state[at]:
        state[at] = value
        left = width - 1
    elif left < 0:
        state[at] = value
        left = width - 1
        for age in range(1, min(width, seen + 1)):
            slot = slot - 1 if slot > 0 else width - 1  # quicker than dividing
            older = state[at + 2 + slot]
            if older > state[at]:
                state[at] = older
                left = width - 1 - age
    state[at + 1] = left
    best: float = state[at]
    return best


@compiled
def lanes_to_start(state: FloatArray, candle: int, block: int) -> tuple[int, int]:
    """Count a row; returns the range of lanes that start on it.

    All of them on the first row of a stretch (they serve until replaced), one at the start of a
    block, none in between.
    """
    number = candle // block
    first = 0
    last = 0
    if count_row(state) == 0:
        last = LANES
    elif number != int(state[BLOCK]):
        first = number % LANES
        last = first + 1
    state[BLOCK] = number
    return first, last


@compiled
def oldest_lane(state: FloatArray) -> int:
    """The lane that started longest ago: the one that is read."""
    return (int(state[BLOCK]) + 1) % LANES


@compiled
def true_range(high: float, low: float, previous_close: float) -> float:
    """Wilder's true range: the candle's range, stretched to the previous close."""
    return max(high, previous_close) - min(low, previous_close)
