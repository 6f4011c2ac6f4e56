"""Which rows may matter to a strategy, and which comes next."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.backtester.timeline import Timeline, build_timeline
from agentic_trading.backtester.wake import NEVER, Lookout, Watch, rows_of, watch_of
from agentic_trading.core.enums import MINUTE_NS, Posture, Timeframe
from agentic_trading.core.events import Refusal
from agentic_trading.core.features import Triggers
from agentic_trading.core.models import CandleColumns

START_NS = 1_704_067_200_000_000_000
COUNT = 41
ROWS = st.lists(st.integers(0, COUNT - 1), unique=True).map(sorted)


def minutes(*at: int) -> Timeline:
    """A timeline of one symbol with candles opening at these minutes."""
    return build_timeline([candles(*at)])


def candles(*at: int, timeframe: Timeframe = Timeframe.M1) -> CandleColumns:
    """Candles opening at these minutes."""
    open_ns = START_NS + np.array(at, dtype=np.int64) * MINUTE_NS
    bars = np.ones((5, len(at)))
    return CandleColumns("A", timeframe, open_ns, bars, np.zeros(len(at), bool), np.array([0]))


class Rows:
    """A feature table of which only the length is asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


def watch(flat: list[int], long: list[int], short: list[int], name: str = "s A") -> Watch:
    """A watch of "strategy symbol" with these trigger rows."""
    return Watch(*name.split(), None, *[np.isin(np.arange(COUNT), rows) for rows in (flat, long, short)])


def moved(strategy: str, symbol: str) -> Refusal:
    """An event after which a strategy may stand elsewhere on a symbol."""
    return Refusal(1, "p", strategy, symbol, "code", None, None, None)


class Stances:
    """Postures by (strategy, symbol), flat until set; notes who is asked about."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], Posture] = {}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, strategy: str, symbol: str) -> Posture:
        self.asked.append((strategy, symbol))
        return self.of.get((strategy, symbol), Posture.FLAT)

    def at(self, watched: Watch) -> Posture:
        """Where the strategy of a watch stands."""
        return self.of.get((watched.strategy, watched.symbol), Posture.FLAT)


@given(flat=ROWS, long=ROWS, short=ROWS, row=st.integers(0, COUNT))
@pytest.mark.property
def test_the_posture_chooses_the_mask(flat: list[int], long: list[int], short: list[int], row: int) -> None:
    """Flat, long or short: the next row of that mask; in between: of any. The row itself counts."""
    watched = watch(flat, long, short)
    for posture, rows in (
        (Posture.FLAT, flat), (Posture.LONG, long), (Posture.SHORT, short),
        (Posture.BETWEEN, flat + long + short),
    ):  # fmt: skip
        assert watched.following(posture, row) == min((each for each in rows if each >= row), default=NEVER)


# --- the lookout ------------------------------------------------------------------------------

NAMES = ("s A", "s B", "t A")
CHANGE = st.tuples(st.sampled_from(NAMES), st.sampled_from(Posture))


@given(
    masks=st.lists(st.tuples(ROWS, ROWS, ROWS), min_size=3, max_size=3),
    changes=st.lists(st.lists(CHANGE, max_size=2), max_size=8),
    steps=st.lists(st.integers(0, 12), min_size=8, max_size=8),
)
@pytest.mark.property
def test_the_next_row_is_the_first_of_all_watches(
    masks: list[tuple[list[int], list[int], list[int]]],
    changes: list[list[tuple[str, Posture]]],
    steps: list[int],
) -> None:
    """However postures change, as long as it is announced, the next row is the first that any watch wants."""
    watches = [watch(*rows, name) for rows, name in zip(masks, NAMES, strict=True)]
    stances = Stances()
    lookout, row = Lookout(watches, stances), 0
    for changed, step in zip([[], *changes], [0, *steps], strict=False):
        for name, posture in changed:
            strategy, symbol = name.split()
            stances.of[strategy, symbol] = posture
            lookout.hear(moved(strategy, symbol))
        row += step
        wanted = [each.following(stances.at(each), row) for each in watches]
        found = lookout.next_row(row)
        assert found == min(wanted)
        if found != NEVER:
            assert list(lookout.acting(found)) == [at for at, first in enumerate(wanted) if first == found]


def test_nobody_to_ask_means_never() -> None:
    """Without watches, and beyond the last row of all, nothing comes next."""
    assert Lookout([], Stances()).next_row(0) == NEVER
    assert Lookout([watch([3], [], [])], Stances()).next_row(4) == NEVER


def test_who_changed_is_asked_once_and_nobody_else() -> None:
    """Every posture is asked at first, then only that of an announced change, once however often said."""
    stances = Stances()
    lookout = Lookout([watch([1, 5], [4], [], name) for name in NAMES], stances)
    lookout.next_row(0)
    assert stances.asked == [("s", "A"), ("s", "B"), ("t", "A")]
    stances.asked.clear()
    stances.of["s", "B"] = Posture.LONG
    for symbol in ("B", "B", "unwatched"):
        lookout.hear(moved("s", symbol))
    assert (lookout.next_row(2), lookout.acting(4)) == (4, (1,))
    assert (lookout.next_row(5), lookout.acting(5)) == (5, (0, 2))
    assert stances.asked == [("s", "B")]


def test_a_row_on_which_nobody_could_act_has_nobody() -> None:
    """A row that is looked at for another reason, before the next trigger row, wakes no strategy."""
    lookout = Lookout([watch([7], [], []), watch([9], [], [], "t A")], Stances())
    assert lookout.next_row(3) == 7
    assert [lookout.acting(row) for row in (3, 6, 7)] == [(), (), (0,)]


def test_who_moved_is_asked_again_before_somebody_acts() -> None:
    """Also between finding a row and acting on it: only those act whose posture has a trigger there."""
    stances = Stances()
    lookout = Lookout([watch([4], [], []), watch([4], [], [], "t A")], stances)
    assert lookout.next_row(2) == 4
    stances.of["s", "A"] = Posture.LONG
    lookout.hear(moved("s", "A"))
    assert lookout.acting(4) == (1,)


# --- from masks to rows -----------------------------------------------------------------------


def test_triggers_are_rows_of_the_timeline() -> None:
    """Rows of a coarser table are looked at where their candles close, holes in the timeline or not."""
    timeline = minutes(0, 1, 2, 3, 4, 7, 8, 9)
    mask = np.array([True, True])
    triggers = Triggers(entry=mask, exit=np.array([False, True]))
    rows = rows_of(timeline, candles(0, 5, timeframe=Timeframe.M5))
    watched = watch_of("s", "A", Rows(2), rows, mask, triggers)  # type: ignore[arg-type]
    assert [watched.following(Posture.FLAT, row) for row in (0, 5)] == [4, 7]
    assert [watched.following(posture, 0) for posture in (Posture.LONG, Posture.SHORT)] == [7, 7]


def test_a_short_may_have_a_mask_of_its_own() -> None:
    """Where an exit mask for shorts is given, the other one is for longs only; flat uses neither."""
    entry, long, short = np.eye(3, dtype=np.bool_)
    everywhere = np.ones(3, dtype=np.bool_)
    triggers = Triggers(entry=entry, exit=long, exit_short=short)
    watched = watch_of("s", "A", Rows(3), None, everywhere, triggers)  # type: ignore[arg-type]
    first = [watched.following(posture, 0) for posture in (Posture.FLAT, Posture.LONG, Posture.SHORT)]
    assert first == [0, 1, 2]
    assert [watched.following(Posture.BETWEEN, row) for row in range(4)] == [0, 1, 2, NEVER]


def test_only_warm_rows_can_matter() -> None:
    """While a feature has no value the strategy is not asked: neither its masks nor every row wake."""
    warm = np.array([False, False, True, True])
    assert rows_of(minutes(0, 1, 2, 3), candles(0, 1, 2, 3)) is None
    everywhere = np.ones(4, dtype=bool)
    for triggers in (None, Triggers(entry=everywhere, exit=everywhere)):
        watched = watch_of("s", "A", Rows(4), None, warm, triggers)  # type: ignore[arg-type]
        assert [watched.following(posture, 0) for posture in Posture] == [2] * 4
        assert [watched.following(posture, 3) for posture in Posture] == [3] * 4


@pytest.mark.parametrize(
    ("mask", "said"), [(np.ones(3), "ndarray"), (np.ones(2, dtype=bool), r"\(2,\)"), ([True] * 3, "list")]
)
def test_a_mask_must_fit_the_table(mask: Any, said: str) -> None:
    """What is no boolean per row is refused with the strategy, the mask and what it was."""
    fine = np.ones(3, dtype=bool)
    for name, triggers in (
        ("entry", Triggers(entry=mask, exit=fine)), ("exit", Triggers(entry=fine, exit=mask)),
        ("exit_short", Triggers(entry=fine, exit=fine, exit_short=mask)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"strategy s: triggers must give {name} as .*3.*{said}"):
            watch_of("s", "A", Rows(3), None, fine, triggers)  # type: ignore[arg-type]
