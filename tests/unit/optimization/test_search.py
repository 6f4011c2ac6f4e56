"""Parameter sets: how values are written, the order of a grid, and what a seed draws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.errors import UsageError
from agentic_trading.optimization.search import Space, grid, point, sample, size, values_of

FIRST_OF_SEED_7 = [{"a.x": 775, "a.y": 211}, {"a.x": 265, "a.y": 881}, {"a.x": 23, "a.y": 397}]
SPACES = st.dictionaries(
    st.sampled_from(["a.x", "a.y", "b.z"]),
    st.lists(st.integers(0, 99), min_size=1, max_size=6, unique=True),
    min_size=1,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8,16, 24", [8, 16, 24]),
        ("8:24:8", [8, 16, 24]),
        ("8:23:8", [8, 16]),
        ("0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("5:5:1", [5]),
        ("true,False", [True, False]),
        ("1,1.5,close", [1, 1.5, "close"]),
    ],
)
def test_values(text: str, values: list[object]) -> None:
    """Lists and ranges give the values a reader expects, of the type they are written in."""
    assert [(type(value), value) for value in values_of(text)] == [(type(value), value) for value in values]


@pytest.mark.parametrize(
    "text", ["", "1,,2", "3,3", "5:1:1", "1:5:0", "1:5:-1", "1:x:1", "1:nan:1", "0:9e9:1"]
)
def test_values_that_make_no_sense(text: str) -> None:
    """A text without clear values is refused."""
    with pytest.raises(UsageError):
        values_of(text)


def test_grid_order() -> None:
    """The last parameter runs first, so that sets that share the first ones are neighbours."""
    assert grid({"a.x": [1, 2], "a.y": [3, 4]}) == [
        {"a.x": 1, "a.y": 3}, {"a.x": 1, "a.y": 4}, {"a.x": 2, "a.y": 3}, {"a.x": 2, "a.y": 4},
    ]  # fmt: skip


@given(SPACES)
def test_grid_is_complete(space: Space) -> None:
    """A grid has every combination exactly once, as `point` numbers them."""
    sets = grid(space)
    assert len({tuple(each.items()) for each in sets}) == len(sets) == size(space)
    assert sets == [point(space, number) for number in range(size(space))]


@given(SPACES, st.integers(1, 250), st.integers(0, 2**63 - 1))
def test_sample(space: Space, epochs: int, seed: int) -> None:
    """A sample holds different sets of the grid, is the same for a seed, and grows at its end."""
    drawn = sample(space, epochs, seed)
    everything = grid(space)
    assert len(drawn) == min(epochs, len(everything))
    assert all(each in everything for each in drawn)
    assert len({tuple(each.items()) for each in drawn}) == len(drawn)
    assert drawn == sample(space, epochs, seed)
    if 1 < epochs < len(everything):
        assert sample(space, epochs - 1, seed) == drawn[:-1]


def test_sample_reaches_everything() -> None:
    """Every set can be drawn first."""
    space = {"a.x": [1, 2, 3, 4]}
    firsts = {sample(space, 1, seed)[0]["a.x"] for seed in range(64)}
    assert firsts == {1, 2, 3, 4}


def test_seeds_differ() -> None:
    """Another seed draws another sample, and this one never changes."""
    space = {"a.x": list(range(1000)), "a.y": list(range(1000))}
    assert sample(space, 3, 7) == FIRST_OF_SEED_7
    assert sample(space, 3, 8) != FIRST_OF_SEED_7


@pytest.mark.parametrize(("epochs", "seed"), [(0, 1), (-1, 1), (5, -1), (5, 2**63)])
def test_impossible_samples(epochs: int, seed: int) -> None:
    """No epochs and seeds outside the range are refused."""
    with pytest.raises(UsageError):
        sample({"a.x": [1, 2]}, epochs, seed)


def test_too_large_a_grid() -> None:
    """A grid beyond a million sets is refused before it is made; a sample of it is not."""
    space: Space = {"a.x": list(range(2000)), "a.y": list(range(2000))}
    with pytest.raises(UsageError, match="--epochs"):
        grid(space)
    assert len(sample(space, 10, 1)) == 10
