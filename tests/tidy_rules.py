"""House rules as functions over source text: each takes one module and yields what breaks the rule.

A path is relative to the package, such as ``core/clock.py``; a finding reads ``path:line: what``.
"""

import ast
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

EDGE = ("main.py", "cli.py", "__main__.py", "commands/*")
"""The composition root and the commands: the only place that knows modes, people and terminals."""

ASYNC_HOME = (
    *EDGE, "data/feed_manager.py", "data/download.py", "event_bus/inbox.py",
    "execution/adapters/ccxt_adapter.py", "storage/*", "observability/*", "dashboard/*", "sandbox/*",
)  # fmt: skip
CLOCK_HOME = ("core/clock.py",)
WAITING_HOME = (*EDGE, *CLOCK_HOME, "data/download.py")
STOPWATCH_HOME = (*EDGE, "inputs.py", "backtester/*", "optimization/*", "observability/*")
MODE_HOME = (*EDGE, "settings.py")
PRINT_HOME = ("cli.py", "__main__.py", "commands/*")
BLIND_EXCEPT_HOME = (
    "cli.py",  # the last line of defence: a bug becomes one sentence and exit code 1
    "strategies/agent.py",  # calls a user's strategy: the run ends with its name, the candle and the line
    "strategies/registry.py",  # runs a user's file: whatever it raises is theirs and is named so
    "optimization/executors.py",  # a worker must report any death, not take the search down
)
DECISION_PATH = (
    "core/*", "event_bus/*", "simulation/*", "features/*", "strategies/*", "portfolio/*", "risk/*",
    "execution/*", "data/sample_market*",
)  # fmt: skip
NUMERICS_HOME = ("core/numerics.py", "strategies/research/*")
MINTED_IN = {"OrderIntent": "risk/engine.py", "LiveArmed": "core/safety.py"}

WALL_CLOCK = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
}  # fmt: skip
STOPWATCH = {
    f"time.{name}{suffix}" for name in ("perf_counter", "monotonic", "process_time") for suffix in ("", "_ns")
}
RANDOM = ("random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom", "numpy.random", "os.getrandom")
MODE_NAMES = {"Mode", "is_live", "is_paper", "is_backtest", "live_mode", "paper_mode", "backtest_mode"}
UNSTABLE_FUNCTIONS = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "power", "float_power", "cbrt",
    "sin", "cos", "tan", "tanh", "sinh", "cosh", "arctan", "erf", "gamma", "lgamma",
    "sum", "nansum", "mean", "nanmean", "average", "std", "nanstd", "var", "nanvar", "prod", "fsum",
    "dot", "vdot", "inner", "outer", "matmul", "einsum", "convolve", "corrcoef", "cov", "quantile",
    "percentile", "polyfit",
}  # fmt: skip
UNSTABLE_METHODS = {"sum", "mean", "std", "var", "dot", "prod", "product"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
SET_TYPES = {"set", "frozenset", "AbstractSet", "MutableSet"}
WALKERS = {"list", "tuple", "enumerate", "join", "iter"}
BANNED_MODULE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "NotImplemented" + "Error")


class Module:
    """One source file: its path inside the package, its text, and what is in it, worked out once."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def uses(self) -> tuple[tuple[ast.AST, str], ...]:
        """Every use of something imported, with its full name."""
        origins = _origins(self.nodes)
        names = [node for node in self.nodes if isinstance(node, ast.Attribute | ast.Name)]
        return tuple((node, name) for node in names if (name := _dotted(node, origins)))


def modules_of(package: Path) -> list[Module]:
    """All modules of a package folder, in the order of their paths."""
    return [
        Module(file.relative_to(package).as_posix(), file.read_text(encoding="utf-8"))
        for file in sorted(package.rglob("*.py"))
    ]


def lives_in(path: str, homes: Iterable[str]) -> bool:
    """Whether the path matches one of the patterns; ``*`` crosses folders."""
    return any(fnmatch(path, home) for home in homes)


def _finding(module: Module, node: ast.AST, what: str) -> str:
    return f"{module.path}:{getattr(node, 'lineno', 1)}: {what}"


def _origins(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """What imported names stand for: ``{"np": "numpy", "now": "datetime.datetime.now"}``."""
    origins: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                origins[name.asname or name.name.split(".")[0]] = (
                    name.name if name.asname else name.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                origins[name.asname or name.name] = f"{node.module}.{name.name}"
    return origins


def _dotted(node: ast.AST, origins: dict[str, str]) -> str:
    """``numpy.random.normal`` for ``np.random.normal``; empty if the root is not an imported name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in origins:
        return ""
    return ".".join([origins[node.id], *reversed(parts)])


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


# --- what belongs where ------------------------------------------------------------------------


def asynchronous_code(module: Module) -> Iterator[str]:
    """Async functions and awaits away from the shore."""
    if lives_in(module.path, ASYNC_HOME):
        return
    for node in module.nodes:
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield _finding(module, node, "async code belongs to the shore")


def wall_clock(module: Module) -> Iterator[str]:
    """Reading the time, or waiting, outside the clock; stopwatches outside the places that report timings."""
    for node, name in module.uses:
        if name in WALL_CLOCK and not lives_in(module.path, CLOCK_HOME):
            yield _finding(module, node, f"{name}: time is an argument, or comes from core.clock")
        if name == "time.sleep" and not lives_in(module.path, WAITING_HOME):
            yield _finding(module, node, f"{name}: the core never waits, it asks for an alarm")
        if name in STOPWATCH and not lives_in(module.path, STOPWATCH_HOME):
            yield _finding(module, node, f"{name}: stopwatches belong to who reports timings")


def randomness(module: Module) -> Iterator[str]:
    """Any source of randomness: seeds and counters are arguments of our own generator."""
    for node, name in module.uses:
        if any(name == source or name.startswith(source + ".") for source in RANDOM):
            yield _finding(module, node, f"{name}: draw from core.numerics with a seed and a counter")


def mode_checks(module: Module) -> Iterator[str]:
    """Asking below the composition root whether this is backtest, paper or live."""
    if lives_in(module.path, MODE_HOME):
        return
    for node in module.nodes:
        sides: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject]
        asked = any(_last_name(side) == "mode" for side in sides)
        if asked or (isinstance(node, ast.Attribute | ast.Name) and _last_name(node) in MODE_NAMES):
            yield _finding(module, node, "the mode is chosen once, in main")


def minting(module: Module) -> Iterator[str]:
    """Making an approved order or an armed live switch anywhere but in its one mint."""
    for node in module.nodes:
        if isinstance(node, ast.Call):
            home = MINTED_IN.get(_last_name(node.func))
            if home is not None and module.path != home:
                yield _finding(module, node, f"{_last_name(node.func)} is made only in {home}")


def printing(module: Module) -> Iterator[str]:
    """Printing outside the commands."""
    if lives_in(module.path, PRINT_HOME):
        return
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield _finding(module, node, "print belongs to commands")


def blind_excepts(module: Module) -> Iterator[str]:
    """Catching everything: it makes bugs look like outages."""
    if lives_in(module.path, BLIND_EXCEPT_HOME):
        return
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or _last_name(kind) in {"Exception", "BaseException"} for kind in caught):
                yield _finding(module, node, "name what you expect to fail")


# --- the same bits everywhere ------------------------------------------------------------------


def unstable_arithmetic(module: Module) -> Iterator[str]:
    """Floating point whose bits depend on the machine, on paths that lead to a decision."""
    if not lives_in(module.path, DECISION_PATH) or lives_in(module.path, NUMERICS_HOME):
        return
    for node, name in module.uses:
        library, _, function = name.rpartition(".")
        if (library in {"math", "numpy"} and function in UNSTABLE_FUNCTIONS) or library == "numpy.linalg":
            yield _finding(module, node, f"{name}: use core.numerics or a loop in a fixed order")
    for node in module.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield _finding(module, node, "matrix product: its bits depend on the kernel of the machine")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _whole_power(node):
            yield _finding(module, node, "power: multiply, or use sqrt or core.numerics")
        elif isinstance(node, ast.keyword) and node.arg in {"fastmath", "parallel"}:
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield _finding(module, node.value, f"{node.arg} reorders sums")
        elif isinstance(node, ast.Call) and _is_aggregation(node):
            yield _finding(module, node, f".{_last_name(node.func)}(): sum in a loop, in a fixed order")


def _is_aggregation(call: ast.Call) -> bool:
    """``column.sum()`` of an array or frame: it adds pairwise, or in threads."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in UNSTABLE_METHODS and not call.args


def _whole_power(node: ast.BinOp) -> bool:
    """``x ** 2`` with a whole exponent, or an integer base such as ``10 ** digits``."""
    exponent, base = node.right, node.left
    if isinstance(exponent, ast.UnaryOp):
        exponent = exponent.operand
    if isinstance(exponent, ast.Constant):
        return isinstance(exponent.value, int)
    return isinstance(base, ast.Constant) and isinstance(base.value, int)


def _annotates_set(annotation: ast.AST | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return annotation is not None and _last_name(annotation) in SET_TYPES


def _is_set(node: ast.AST, known: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        name = _last_name(node.func)
        return name in {"set", "frozenset"} or (isinstance(node.func, ast.Attribute) and name in SET_METHODS)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left, known) or _is_set(node.right, known)
    return _last_name(node) in known


def _names_of_sets(nodes: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_set(node.value, set()):
            names |= {_last_name(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign) and _annotates_set(node.annotation):
            names.add(_last_name(node.target))
        elif isinstance(node, ast.arg) and _annotates_set(node.annotation):
            names.add(node.arg)
    return names - {""}


def unordered_iteration(module: Module) -> Iterator[str]:
    """Going through a set in whatever order it has: sort it first."""
    known = _names_of_sets(module.nodes)
    for node in module.nodes:
        walked: list[ast.AST] = []
        if isinstance(node, ast.For | ast.comprehension):
            walked = [node.iter]
        elif isinstance(node, ast.Call) and _last_name(node.func) in WALKERS:
            walked = list(node.args[:1])
        for source in walked:
            if _is_set(source, known):
                yield _finding(module, source, "a set has no order: sort it, or keep a dict")


def identity_keys(module: Module) -> Iterator[str]:
    """``hash()`` and ``id()``: they change from process to process."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"hash", "id"}:
            yield _finding(module, node, f"{node.func.id}() differs between processes")


# --- shape and words ---------------------------------------------------------------------------


def long_functions(module: Module, limit: int = 60) -> Iterator[tuple[str, int, int]]:
    """Functions that do not fit on a screen: (name with its module, lines, line number)."""
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > limit:
                yield f"{module.path}:{node.name}", lines, node.lineno


def missing_docstrings(module: Module) -> Iterator[str]:
    """Public modules, classes and functions that do not say what they are for."""
    if ast.get_docstring(module.tree) is None and module.text.strip():
        yield _finding(module, module.tree, "the module does not say what it is for")
    for node in module.tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_") and ast.get_docstring(node) is None:
            yield _finding(module, node, f"{node.name} does not say what it is for")


def empty_names(module: Module) -> Iterator[str]:
    """Modules and packages whose name says nothing."""
    for part in Path(module.path).with_suffix("").parts:
        if part in BANNED_MODULE_NAMES:
            yield f"{module.path}:1: {part!r} says nothing about what is in it"


def unfinished_work(module: Module) -> Iterator[str]:
    """Notes to oneself and stubs: a part either works or is not there."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        if any(mark in line for mark in UNFINISHED):
            yield f"{module.path}:{number}: finish it or leave it out"
