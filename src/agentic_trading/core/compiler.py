"""Makes the machine code of kernels with Numba; loaded only where there is something to compile.

Stored code is one function that Python calls like any built-in one. It looks at its arguments itself,
by the layouts that the binary interfaces of Python and numpy fix, and hands a call that does not fit
to the function that `core.kernels` gave it.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic, overload, typeof_impl
from numba.np import arrayobj as untyped_arrayobj

from agentic_trading.core import compile_cache, kernels, numerics
from agentic_trading.core.kernels import Kernel

cgutils: Any = untyped_cgutils
arrayobj: Any = untyped_arrayobj
config: Any = numba.config

if (folder := compile_cache.folder()) is not None:
    config.CACHE_DIR = str(folder)  # Numba keys on one file only; the folder, on all of them

ELEMENTS = {"d": types.float64, "l": types.int64, "?": types.boolean, "b": types.int8}
LIBM = {"numba_frexp": "frexp", "numba_ldexp": "ldexp"}
"""Exact functions that Numba wraps only to say what becomes of infinities."""

# Where fields lie in the objects of Python and numpy, in words of eight bytes.
TYPE, TUPLE_ITEMS = 1, 3
ARRAY_DATA, ARRAY_AXES, ARRAY_SHAPE, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = 2, 3, 4, 5, 7, 8
DTYPE_ORDER_AND_NUMBER = 3
HALF, ORDER, SWAPPED = 0xFFFFFFFF, 0xFF0000, ord(">") << 16

WORD, INT, DOUBLE, NOTHING = ir.IntType(64), ir.IntType(32), ir.DoubleType(), ir.VoidType()

GIVEN: dict[Any, tuple[str, Any]] = {
    types.float64: ("PyFloat_FromDouble", DOUBLE),
    types.int64: ("PyLong_FromLongLong", WORD),
    types.uint64: ("PyLong_FromUnsignedLongLong", WORD),
    types.boolean: ("PyBool_FromLong", WORD),
}
"""How a result becomes a Python object, and what that takes."""


def dispatcher(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as Numba compiles and calls it, for arguments of any kind."""
    found_again = function.__module__ in sys.modules  # what is of no module could not be loaded from disk
    made: Callable[..., Any] = numba.njit(cache=found_again, fastmath=False, error_model="numpy")(function)
    return made


def object_code(kernel: Kernel, kinds: Sequence[str], symbol: str) -> bytes:
    """An object file whose function ``symbol`` takes arguments of these kinds; empty if there cannot be one.

    ``kinds`` are those of `core.kernels`.
    """
    inner: Any = kernel.dispatcher
    signature = tuple(_type_of(kind) for kind in kinds)
    inner.compile(signature)
    result: Any = inner.overloads[signature].signature.return_type
    if not all(part in GIVEN for part in _parts(result) if part != types.none):
        return b""
    call = types.intp(types.intp, types.intp, types.intp)

    @intrinsic
    def unpack(typing: Any, me: Any, given: Any, count: Any) -> Any:
        def code(context: Any, builder: Any, _: Any, args: Any) -> Any:
            return _Writer(context, builder, *args).written(inner, kinds, signature, result)

        return call, code

    written: Any = unpack

    def entry(me: int, given: int, count: int) -> Any:
        return written(me, given, count)

    outer = numba.cfunc(call)(entry)
    return _linkable(llvm.parse_assembly(outer.inspect_llvm()), outer.native_name, symbol)


def _type_of(kind: str) -> types.Type:
    if len(kind) == 1:
        return ELEMENTS[kind]
    return types.Array(ELEMENTS[kind[0]], int(kind[1:-1]), "C", readonly=kind[-1] == "r")


def _parts(result: Any) -> tuple[Any, ...]:
    """The types of what a kernel gives: one, or those of a tuple."""
    several = isinstance(result, types.BaseTuple)
    return tuple(result) if several else (result,)


class _Writer:
    """Writes the built-in function: check and unpack the arguments, call the kernel, wrap its result.

    Objects are their addresses: ``me`` the tuple of what the function knows, ``given`` its arguments.
    """

    def __init__(self, context: Any, builder: Any, me: Any, given: Any, count: Any) -> None:
        self._context, self._builder = context, builder
        self._me, self._given, self._count = me, given, count
        self._otherwise = builder.append_basic_block("otherwise")

    def written(
        self, inner: Any, kinds: Sequence[str], signature: tuple[types.Type, ...], result: Any
    ) -> Any:
        """The value that the function returns."""
        build = self._builder
        answer = cgutils.alloca_once(build, WORD)
        self._require("==", self._count, WORD(len(kinds)))
        values = [
            self._array(self._word(self._given, at), kind, of) if len(kind) > 1
            else self._number(self._word(self._given, at), kind)
            for at, (kind, of) in enumerate(zip(kinds, signature, strict=True))
        ]  # fmt: skip
        function = types.Dispatcher(inner)
        kernel = self._context.get_function(function, result(*signature))
        build.store(self._object(kernel(build, values), result), answer)
        end = build.append_basic_block("end")
        build.branch(end)
        build.position_at_end(self._otherwise)
        other = self._known(kernels.OTHERWISE)
        build.store(self._c("PyObject_Vectorcall", WORD, other, self._given, self._count, WORD(0)), answer)
        build.branch(end)
        build.position_at_end(end)
        return build.load(answer)

    def _number(self, value: Any, kind: str) -> Any:
        actual = self._word(value, TYPE)
        if kind == "d":
            build = self._builder
            plain = build.icmp_signed("==", actual, self._known(kernels.FLOAT))
            numpys = build.icmp_signed("==", actual, self._known(kernels.FLOAT64))
            self._go_on_if(build.or_(plain, numpys))
            return self._c("PyFloat_AsDouble", DOUBLE, value)
        if kind == "?":
            self._require("==", actual, self._known(kernels.BOOL))
            return self._builder.trunc(self._c("PyObject_IsTrue", INT, value), ir.IntType(1))
        self._require("==", actual, self._known(kernels.INT))
        overflow = cgutils.alloca_once(self._builder, INT)
        number = self._c("PyLong_AsLongLongAndOverflow", WORD, value, overflow)
        self._require("==", self._builder.load(overflow), INT(0))
        return number

    def _array(self, value: Any, kind: str, of: Any) -> Any:
        build = self._builder
        self._require("==", self._word(value, TYPE), self._known(kernels.NDARRAY))
        self._require("==", build.and_(self._word(value, ARRAY_AXES), WORD(HALF)), WORD(of.ndim))
        flags = kernels.CONTIGUOUS | kernels.ALIGNED | kernels.WRITEABLE
        wanted = flags if kind[-1] == "w" else flags - kernels.WRITEABLE
        self._require("==", build.and_(self._word(value, ARRAY_FLAGS), WORD(flags)), WORD(wanted))
        element = self._word(self._word(value, ARRAY_DTYPE), DTYPE_ORDER_AND_NUMBER)
        self._require("==", build.lshr(element, WORD(32)), WORD(kernels.TYPE_NUMBERS[kind[0]]))
        self._require("!=", build.and_(element, WORD(ORDER)), WORD(SWAPPED))
        item = self._context.get_data_type(of.dtype)
        made = self._context.make_array(of)(self._context, build)
        arrayobj.populate_array(
            made,
            data=build.inttoptr(self._word(value, ARRAY_DATA), item.as_pointer()),
            shape=[self._word(self._word(value, ARRAY_SHAPE), axis) for axis in range(of.ndim)],
            strides=[self._word(self._word(value, ARRAY_STRIDES), axis) for axis in range(of.ndim)],
            itemsize=WORD(self._context.get_abi_sizeof(item)),
            meminfo=None,  # the array stays the caller's
        )
        return made._getvalue()

    def _object(self, value: Any, result: Any) -> Any:
        if result == types.none:
            none = self._known(kernels.NONE)
            self._c("Py_IncRef", NOTHING, none)
            return none
        parts = _parts(result)
        if parts == (result,):
            name, takes = GIVEN[result]
            widened = value if value.type == takes else self._builder.zext(value, takes)
            return self._c(name, WORD, widened)
        made = self._c("PyTuple_New", WORD, WORD(len(parts)))
        for at, part in enumerate(parts):
            item = self._object(self._builder.extract_value(value, at), part)
            self._c("PyTuple_SetItem", INT, made, WORD(at), item)
        return made

    # --- words and calls ----------------------------------------------------------------------

    def _known(self, position: int) -> Any:
        return self._word(self._me, TUPLE_ITEMS + position)

    def _word(self, address: Any, position: int) -> Any:
        words = self._builder.inttoptr(address, WORD.as_pointer())
        return self._builder.load(self._builder.gep(words, [WORD(position)]))

    def _c(self, name: str, returns: Any, *args: Any) -> Any:
        """Call a function of Python's C interface."""
        kind = ir.FunctionType(returns, [each.type for each in args])
        return self._builder.call(cgutils.get_or_insert_function(self._builder.module, kind, name), args)

    def _require(self, comparison: str, left: Any, right: Any) -> None:
        self._go_on_if(self._builder.icmp_signed(comparison, left, right))

    def _go_on_if(self, fits: Any) -> None:
        following = self._builder.append_basic_block("fits")
        self._builder.cbranch(fits, following, self._otherwise)
        self._builder.position_at_end(following)


def _linkable(module: Any, entry: str, symbol: str) -> bytes:
    """The module as an object file that shows only ``symbol`` and needs nothing of Numba's."""
    for each in (*module.functions, *module.global_variables):
        if each.name == entry:
            each.name = symbol
        elif not each.is_declaration:
            each.linkage = "internal"
        elif each.name in LIBM:
            each.name = LIBM[each.name]
        elif each.name in kernels.NEVER_CALLED:
            each.name = kernels.UNREACHED + each.name
        elif each.name.startswith(("numba_", "NRT_")):
            return b""
    tuning = llvm.PipelineTuningOptions(speed_level=2)
    passes = llvm.create_pass_builder(kernels.target_machine(), tuning)
    passes.getModulePassManager().run(module, passes)
    code: bytes = kernels.target_machine().emit_object(module)
    return code


# --- what Numba is told about our own ---------------------------------------------------------


@overload(numerics.as_word)
def _word_compiled(value: int) -> Callable[[int], int]:
    def as_unsigned(value: int) -> int:
        return np.uint64(value)  # type: ignore[return-value]

    return as_unsigned


@typeof_impl.register(Kernel)
def _type_of_kernel(kernel: Kernel, context: Any) -> types.Type:
    """A kernel that another one calls is what Numba makes of it."""
    return types.Dispatcher(kernel.dispatcher)  # type: ignore[type-var]
