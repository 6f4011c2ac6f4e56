"""Compiled kernels: the same bits as the function they were made of, whichever way they are called."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core import compile_cache, numerics
from agentic_trading.core.kernels import Kernel
from agentic_trading.core.models import FloatArray


def ours(function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel whose code is stored, as if it were one of the package."""
    function.__module__ = "agentic_trading.tests"
    return Kernel(function)


@ours
def scaled(values: FloatArray, factor: float, start: int = 0) -> float:
    total = 0.0
    for i in range(start, values.shape[0]):
        total += values[i] * factor
    return total


@ours
def counted(matrix: FloatArray, flags: Any, out: Any) -> None:
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            if flags[column]:
                out[row] += 1


@ours
def described(value: float, count: int, flag: bool) -> tuple[float, int, bool]:
    return value * 2.0, count + 1, not flag


@ours
def is_small(value: float) -> bool:
    return numerics.log(value) < 0.0


@ours
def zeros(count: int) -> FloatArray:
    return np.zeros(count)


@ours
def raising(values: FloatArray) -> float:
    if values[0] > 0.0:
        raise ValueError("no")
    return float(values[0])


@given(st.lists(st.floats(width=64), max_size=20), st.floats(width=64), st.integers(0, 25))
def test_stored_code_gives_the_bits_of_the_function(values: list[float], factor: float, start: int) -> None:
    """Machine code that was stored computes what the Python function computes, in every bit."""
    array = np.array(values)
    found, wanted = scaled(array, factor, start), scaled.py_func(array, factor, start)  # type: ignore[attr-defined]
    assert math.isnan(found) if math.isnan(wanted) else found.hex() == float(wanted).hex()


def test_arguments_of_every_kind() -> None:
    """A call answers the same for layouts, types and defaults that the code in use was not made for."""
    values = np.arange(6.0)
    read_only = values.copy()
    read_only.flags.writeable = False
    assert scaled(values, 2.0, 1) == 30.0
    for same in (
        read_only,
        np.repeat(values, 2)[::2],
        values.astype(">f8").astype("<f8"),
        values.astype(int),
    ):
        assert scaled(same, 2.0, 1) == 30.0
    assert scaled(values, np.float64(2.0), np.int64(1)) == 30.0
    assert scaled(values, 2, True) == 30.0
    assert scaled(values, 2.0) == 30.0
    assert scaled(values[:0], 2.0, 0) == 0.0
    assert numerics.mix(2**64 - 1) == numerics.mix.py_func(2**64 - 1)  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        scaled(values)
    with pytest.raises(refusals_of_numba()):
        scaled("six", 2.0, 1)


def test_a_call_is_no_step_in_python() -> None:
    """Once its code is there, a call goes to machine code without a frame of Python in between."""
    values, events = np.arange(6.0), list[str]()
    scaled(values, 2.0, 1)
    sys.setprofile(lambda frame, event, arg: events.append(event))
    try:
        scaled(values, 2.0, 1)
    finally:
        sys.setprofile(None)
    assert "call" not in events
    assert "c_call" in events


def test_results_of_every_kind() -> None:
    """A kernel gives nothing, a truth, a tuple of numbers, or an array."""
    out = np.zeros(2, dtype=np.int64)
    assert counted(np.ones((2, 3)), np.array([True, False, True]), out) is None
    assert out.tolist() == [2, 2]
    assert (is_small(0.5), is_small(2.0)) == (True, False)
    assert described(1.5, 2**63 - 2, False) == (3.0, 2**63 - 1, True)
    assert zeros(3).tolist() == [0.0, 0.0, 0.0]


def test_results_are_given_away_once() -> None:
    """Calling a kernel again and again leaks no object and takes none away."""
    before = sys.getrefcount(None)
    out, values = np.zeros(2, dtype=np.int64), np.ones((2, 3))
    held = sys.getrefcount(values)
    for _ in range(1000):
        counted(values, np.array([True, False, True]), out)
    assert sys.getrefcount(values) == held
    assert abs(sys.getrefcount(None) - before) < 500


def test_read_only_memory_stays_as_it_is() -> None:
    """A kernel that would write to an array that must not be written is refused, not obeyed."""
    out = np.zeros(2, dtype=np.int64)
    out.flags.writeable = False
    with pytest.raises(refusals_of_numba()):
        counted(np.ones((2, 3)), np.array([True, False, True]), out)
    assert out.tolist() == [0, 0]


def test_a_kernel_that_raises_gives_no_number() -> None:
    """An error inside stored code surfaces as one; no value comes out."""
    assert raising(np.array([-1.0])) == -1.0
    with pytest.raises((SystemError, ValueError)):
        raising(np.array([1.0]))


def refusals_of_numba() -> type[Exception]:
    """What Numba raises for arguments it cannot take; importing it costs a second, for these tests only."""
    import numba

    return numba.TypingError


PROGRAM = """
import sys
from agentic_trading.core import compile_cache, numerics
print(numerics.log(10.0).hex(), "numba" in sys.modules, compile_cache.folder())
"""


def elsewhere(cache: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.integration
def test_the_compiler_is_loaded_once_and_never_for_nothing(tmp_path: Path) -> None:
    """What one process compiled the next one runs without Numba; a damaged file is compiled again."""
    bits, loaded, folder = elsewhere(tmp_path)
    assert loaded == "True"
    assert elsewhere(tmp_path) == [bits, "False", folder]
    stored = next(Path(folder).glob("*log*.o"))
    stored.write_bytes(stored.read_bytes()[:-1])
    assert elsewhere(tmp_path) == [bits, "True", folder]
    assert elsewhere(tmp_path) == [bits, "False", folder]


def test_what_is_kept_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache gives back exactly what was put in, and nothing under an unknown name."""
    monkeypatch.setattr(compile_cache, "folder", lambda: tmp_path)
    compile_cache.write("test-entry", b"")
    assert compile_cache.read("test-entry") == b""
    assert compile_cache.read("test-nothing") is None


def test_the_description_of_a_function_lives_as_long_as_the_function() -> None:
    """Python reads a built-in function's description as the function dies: it is freed later, never before.

    Freed earlier it made a process crash now and then as it ended.
    """
    assert is_small(0.5) is True
    (made,) = is_small._made.values()  # type: ignore[attr-defined]
    assert any(type(held).__name__ == "_MethodDef" for held in made.__self__)
