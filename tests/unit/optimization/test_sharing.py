"""One object for many processes: the same object everywhere, and nobody can spoil it for another."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from agentic_trading.optimization.sharing import pack, unpack

ARRAYS = arrays.arrays(
    st.sampled_from([np.float64, np.int64, np.bool_]), arrays.array_shapes(min_dims=1, max_dims=2, min_side=0)
)


def packed_and_unpacked(thing: object, times: int = 1) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        parcel = pack(thing, Path(folder) / "arrays")
        return [unpack(parcel) for _ in range(times)]


@given(st.lists(ARRAYS, max_size=5))
def test_arrays_come_back_as_they_were(given_arrays: list[npt.NDArray[Any]]) -> None:
    """Every array has its values, type and shape again, and lies where any processor can load it."""
    (found,) = packed_and_unpacked(given_arrays)
    assert len(found) == len(given_arrays)
    for array, again in zip(given_arrays, found, strict=True):
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
        assert np.array_equal(again, array, equal_nan=array.dtype == np.float64)
        assert again.flags.aligned
        assert again.flags.writeable  # compiled code knows one kind of array


def test_what_was_one_is_one() -> None:
    """An array that stands in two places is one array still."""
    array = np.arange(5.0)
    ((one, two),) = packed_and_unpacked([array, array])
    assert one is two


def test_copies_do_not_see_each_other() -> None:
    """Who writes to an array changes neither the parcel nor what another has unpacked from it."""
    one, two = packed_and_unpacked(np.arange(5.0), times=2)
    one += 1.0
    assert two.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_things_without_arrays() -> None:
    """An object without arrays needs no memory to share."""
    assert packed_and_unpacked({"a": (1, "b")}) == [{"a": (1, "b")}]
