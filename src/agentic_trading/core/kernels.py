"""Compiled kernels: machine code kept on disk and run without loading the compiler that made it.

Importing Numba and unpacking what it keeps costs a command the better part of a second, every time. So the
machine code of a kernel is stored as a plain object file (`core.compiler` makes it, `core.compile_cache`
keeps it), linked by LLVM's own loader and called as a built-in function. A call that the stored code
was not made for (another layout, an array as its result) goes to Numba, which is loaded then.
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache, cached_property, update_wrapper
from typing import Any, TypeVar, cast

import llvmlite
import numpy as np

from agentic_trading.core import compile_cache

Function = TypeVar("Function", bound=Callable[..., object])

PACKAGE = __name__.partition(".")[0]
CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
"""Bits of ``array.flags.num``; they are part of numpy's binary interface."""
TYPE_NUMBERS = {"d": 12, "l": 7, "?": 0, "b": 1}
"""Element types that stored code can be made for, by ``dtype.char``: float64, int64, bool, int8."""

NDARRAY, FLOAT, FLOAT64, INT, BOOL, NONE, OTHERWISE = range(7)
"""What stored code must know of this process, by position: types, None, and whom to call instead."""
UNREACHED = "unreached_"
NEVER_CALLED = (
    "NRT_Free", "NRT_MemInfo_call_dtor", "numba_do_raise", "numba_gil_ensure", "numba_gil_release",
    "numba_runtime_build_excinfo_struct", "numba_unpickle",
)  # fmt: skip
"""What only a kernel that raises or allocates would call; they are linked, under a prefix, to nothing."""

_METH_FASTCALL = 0x80
_KNOWN_LAYOUT = (
    sys.implementation.name == "cpython" and object.__basicsize__ == 16 and sys.byteorder == "little"
)
"""Whether objects lie in memory as `core.compiler` takes for granted: no other build of Python does."""


def compiled(function: Function) -> Function:
    """Compile a function with Numba for reproducible results, and keep the machine code on disk.

    No fast-math: strict IEEE arithmetic in written order; division by zero gives inf or NaN. It takes
    and gives numbers and arrays; it must not raise.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return function
    return cast(Function, Kernel(function))


class Kernel:
    """A compiled function; the first call with arguments of some kinds loads or makes the code for them."""

    def __new__(cls, function: Callable[..., Any]) -> "Kernel":
        # Each has a class of its own, whose ``__call__`` becomes the machine code: no step in between.
        return object.__new__(type(cls.__name__, (cls,), {"__module__": cls.__module__}))

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self._made: dict[str, Callable[..., Any]] = {}

    def __call__(self, *args: Any) -> Any:
        """What the function gives for these arguments."""
        return self._otherwise(*args)

    def __reduce__(self) -> str:
        return str(self.py_func.__qualname__)

    @cached_property
    def dispatcher(self) -> Callable[..., Any]:
        """The same function as Numba compiles and calls it."""
        from agentic_trading.core import compiler

        return compiler.dispatcher(self.py_func)

    def _otherwise(self, *args: Any) -> Any:
        """Answer a call that the code in use does not fit."""
        values = [_plain(value) for value in (*args, *self._defaults(len(args)))]
        kinds = " ".join(_kind(value) for value in values)
        if kinds not in self._made:
            ours = self.py_func.__module__.startswith(f"{PACKAGE}.")
            stored = _KNOWN_LAYOUT and ours and "x" not in kinds
            self._made[kinds] = (self._load(kinds) if stored else None) or self.dispatcher
            if len(self._made) == 1:
                type(self).__call__ = staticmethod(self._made[kinds])  # type: ignore[method-assign]
        return self._made[kinds](*values)

    def _defaults(self, given: int) -> tuple[Any, ...]:
        missing = self.py_func.__code__.co_argcount - given
        defaults = self.py_func.__defaults__ or ()
        return defaults[len(defaults) - missing :] if 0 < missing <= len(defaults) else ()

    def _load(self, kinds: str) -> Callable[..., Any] | None:
        """A built-in function for arguments of these kinds; None if only Numba can call it."""
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}"
        symbol = f"{name}-{_digest(name, kinds, _machine())}"
        code = compile_cache.read(symbol)
        if code is None:
            from agentic_trading.core import compiler

            code = compiler.object_code(self, kinds.split(), symbol)
            compile_cache.write(symbol, code)
        return _built_in(symbol, code, self._otherwise) if code else None


def _plain(value: Any) -> Any:
    return value.item() if type(value) in (np.int64, np.bool_) else value


def _kind(value: Any) -> str:
    """What stored code distinguishes; ``x`` is anything else."""
    kind = type(value)
    if kind is np.ndarray:
        flags = value.flags.num
        if (
            flags & CONTIGUOUS
            and flags & ALIGNED
            and value.dtype.isnative
            and value.dtype.char in TYPE_NUMBERS
        ):
            return f"{value.dtype.char}{value.ndim}{'w' if flags & WRITEABLE else 'r'}"
        return "x"
    if kind is float or kind is np.float64:
        return "d"
    if kind is bool:
        return "?"
    return "l" if kind is int and -(2**63) <= value < 2**63 else "x"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


# --- loading ----------------------------------------------------------------------------------


class _MethodDef(ctypes.Structure):
    """``PyMethodDef`` of Python's C interface."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )  # fmt: skip


def _built_in(symbol: str, code: bytes, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """The function in an object file, which calls ``otherwise`` for arguments it is not made for."""
    import llvmlite.binding as llvm

    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    method = _MethodDef(symbol.encode(), engine.get_function_address(symbol), _METH_FASTCALL, None)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.argtypes = (ctypes.POINTER(_MethodDef), ctypes.py_object, ctypes.c_void_p)
    make.restype = ctypes.py_object
    # Python reads the description once more when the function dies; what the function holds outlives that.
    known = (np.ndarray, float, np.float64, int, bool, None, otherwise, method)
    return cast(Callable[..., Any], make(method, known, None))


@cache
def target_machine() -> Any:
    """The processor to compile for: this one, or the one that Numba is told to assume."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = _processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True, codemodel="jitdefault"
    )


@cache
def _processor() -> tuple[str, str]:
    import llvmlite.binding as llvm

    assumed = os.environ.get("NUMBA_CPU_NAME")
    if assumed:
        return assumed, os.environ.get("NUMBA_CPU_FEATURES", "")
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@cache
def _machine() -> str:
    """Everything besides its source that machine code depends on."""
    return " ".join((*_processor(), llvmlite.__version__, np.__version__, *map(str, sys.version_info)))


@cache
def _engine() -> Any:
    import llvmlite.binding as llvm

    # It does nothing and answers NULL, which is all that a path nobody takes may do.
    nothing = ctypes.cast(ctypes.pythonapi.PyErr_Occurred, ctypes.c_void_p).value
    for name in NEVER_CALLED:
        llvm.add_symbol(UNREACHED + name, nothing)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
