"""Which rows may matter to a strategy, and which comes next."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.backtester.timeline import Timeline, build_timeline
from agentic_trading.backtester.wake import NEVER, Watch, next_trigger, watch_of
from agentic_trading.core.enums import MINUTE_NS, Posture, Timeframe
from agentic_trading.core.features import Triggers
from agentic_trading.core.models import CandleColumns, IntArray

START_NS = 1_704_067_200_000_000_000
ROWS = st.lists(st.integers(0, 40), unique=True).map(sorted)


def minutes(*at: int) -> Timeline:
    """A timeline of one symbol with candles opening at these minutes."""
    open_ns = START_NS + np.array(at, dtype=np.int64) * MINUTE_NS
    bars = np.ones((5, len(at)))
    columns = CandleColumns("A", Timeframe.M1, open_ns, bars, np.zeros(len(at), bool), np.array([0]))
    return build_timeline([columns])


def closes(*at: int) -> IntArray:
    return START_NS + np.array(at, dtype=np.int64) * MINUTE_NS


class Rows:
    """A feature table of which only the length is asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


def watch(entry: list[int], exit_: list[int], symbol: str = "A") -> Watch:
    return Watch("s", symbol, np.array(entry, dtype=np.int64), np.array(exit_, dtype=np.int64))


@given(entry=ROWS, exit_=ROWS, row=st.integers(0, 41))
@pytest.mark.property
def test_the_posture_chooses_the_mask(entry: list[int], exit_: list[int], row: int) -> None:
    """Flat: the next entry row; holding: the next exit row; in between: either. The row itself counts."""
    watched = watch(entry, exit_)
    for posture, rows in (
        (Posture.FLAT, entry), (Posture.HOLDING, exit_), (Posture.BETWEEN, entry + exit_),
    ):  # fmt: skip
        assert watched.following(posture, row) == min((each for each in rows if each >= row), default=NEVER)


def test_the_first_of_all_strategies_wakes() -> None:
    """Each strategy is asked in its own posture on its own symbol; nobody to ask means never."""
    postures = {"A": Posture.FLAT, "B": Posture.HOLDING}
    watches = [watch([7], [2], "A"), watch([3], [5], "B")]
    assert next_trigger(watches, lambda strategy, symbol: postures[symbol], 0) == 5
    assert next_trigger(watches, lambda strategy, symbol: postures[symbol], 6) == 7
    assert next_trigger([], lambda strategy, symbol: Posture.FLAT, 0) == NEVER


def test_triggers_are_rows_of_the_timeline() -> None:
    """Rows of a coarser table are looked at where their candles close, holes in the timeline or not."""
    timeline = minutes(0, 1, 2, 3, 4, 7, 8, 9)
    mask = np.array([True, True])
    triggers = Triggers(entry=mask, exit=np.array([False, True]))
    watched = watch_of("s", timeline, Rows(2), closes(5, 10), mask, triggers, "A")  # type: ignore[arg-type]
    assert [watched.following(Posture.FLAT, row) for row in (0, 5)] == [4, 7]
    assert watched.following(Posture.HOLDING, 0) == 7


def test_only_warm_rows_can_matter() -> None:
    """While a feature has no value the strategy is not asked: neither its masks nor every row wake."""
    timeline, warm = minutes(0, 1, 2, 3), np.array([False, False, True, True])
    everywhere = np.ones(4, dtype=bool)
    for triggers in (None, Triggers(entry=everywhere, exit=everywhere)):
        watched = watch_of("s", timeline, Rows(4), closes(1, 2, 3, 4), warm, triggers, "A")  # type: ignore[arg-type]
        assert [watched.following(posture, 0) for posture in Posture] == [2, 2, 2]
        assert [watched.following(posture, 3) for posture in Posture] == [3, 3, 3]


@pytest.mark.parametrize(
    ("mask", "said"), [(np.ones(3), "ndarray"), (np.ones(2, dtype=bool), r"\(2,\)"), ([True] * 3, "list")]
)
def test_a_mask_must_fit_the_table(mask: Any, said: str) -> None:
    """What is no boolean per row is refused with the strategy, the mask and what it was."""
    fine = np.ones(3, dtype=bool)
    for name, triggers in (
        ("entry", Triggers(entry=mask, exit=fine)), ("exit", Triggers(entry=fine, exit=mask)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"strategy s: triggers must give {name} as .*3.*{said}"):
            watch_of("s", minutes(0, 1, 2), Rows(3), closes(1, 2, 3), fine, triggers, "A")  # type: ignore[arg-type]
