"""The house rules hold in every module, and each rule catches what it is there for."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tidy_rules
from tidy_rules import Module, modules_of

PACKAGE = Path(__file__).parents[2] / "src" / "agentic_trading"
MODULES = modules_of(PACKAGE)

MODULE_LINES = 300
FUNCTION_LINES = 60
PACKAGE_MODULES = 14

# Exceptions to the sizes: each with its own limit and the reason why splitting would make it worse.
LONG_MODULES: dict[str, tuple[int, str]] = {
    "core/events.py": (470, "the whole language of the platform in one place, in the order a trade lives"),
}
LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}
LARGE_PACKAGES: dict[str, tuple[int, str]] = {
    "core": (19, "the ground floor that everyone shares; a second one would only hide what is shared"),
}

Rule = Callable[[Module], Iterator[str]]


def broken(rule: Rule) -> str:
    """All findings of a rule over the package, one per line."""
    return "\n".join(finding for module in MODULES for finding in rule(module))


def test_there_is_something_to_check() -> None:
    """The rules look at the package as it is, not at an empty folder."""
    assert len(MODULES) > 5


def test_async_only_on_the_shore() -> None:
    """Async code is found only where the platform meets the outside."""
    assert broken(tidy_rules.asynchronous_code) == ""


def test_time_is_an_argument() -> None:
    """Only the clock reads the wall clock, and only those who report timings use stopwatches."""
    assert broken(tidy_rules.wall_clock) == ""


def test_nothing_is_random() -> None:
    """No module draws from a source of randomness."""
    assert broken(tidy_rules.randomness) == ""


def test_the_mode_is_chosen_once() -> None:
    """Below the composition root nothing asks whether this is backtest, paper or live."""
    assert broken(tidy_rules.mode_checks) == ""


def test_authority_is_minted_in_one_place() -> None:
    """Approved orders come only from the risk engine, the live switch only from safety."""
    assert broken(tidy_rules.minting) == ""


def test_decisions_have_the_same_bits_everywhere() -> None:
    """No path to a decision uses floating point that depends on the machine."""
    assert broken(tidy_rules.unstable_arithmetic) == ""


def test_sets_are_not_walked() -> None:
    """Nothing depends on the order in which a set happens to be walked."""
    assert broken(tidy_rules.unordered_iteration) == ""


def test_no_identity_as_key() -> None:
    """Nothing depends on `hash()` or `id()`, which differ between processes."""
    assert broken(tidy_rules.identity_keys) == ""


def test_output_belongs_to_commands() -> None:
    """Only commands print."""
    assert broken(tidy_rules.printing) == ""


def test_failures_are_caught_by_name() -> None:
    """Catching everything is reserved to the few places that must."""
    assert broken(tidy_rules.blind_excepts) == ""


def test_everything_public_says_what_it_is_for() -> None:
    """Every public module, class and function has a docstring."""
    assert broken(tidy_rules.missing_docstrings) == ""


def test_names_say_something() -> None:
    """No module is named after nothing in particular."""
    assert broken(tidy_rules.empty_names) == ""


def test_nothing_is_left_unfinished() -> None:
    """No stub and no note to oneself is in the package."""
    assert broken(tidy_rules.unfinished_work) == ""


def sizes_beyond(sizes: dict[str, int], limit: int, exceptions: dict[str, tuple[int, str]]) -> str:
    """What is larger than its own limit, and which exceptions are no longer needed, one per line."""
    limits = {name: exceptions.get(name, (limit, ""))[0] for name in sizes}
    found = [
        f"{name} has {size}, the limit is {limits[name]}"
        for name, size in sizes.items()
        if size > limits[name]
    ]
    found += [f"{name} needs no exception any more" for name in exceptions if sizes.get(name, 0) <= limit]
    return "\n".join(found)


def test_modules_stay_readable() -> None:
    """No module is longer than its limit, and no exception outlives its need."""
    sizes = {module.path: len(module.text.splitlines()) for module in MODULES}
    assert sizes_beyond(sizes, MODULE_LINES, LONG_MODULES) == ""


def test_functions_fit_on_a_screen() -> None:
    """No function is longer than its limit, and no exception outlives its need."""
    sizes = {name: lines for module in MODULES for name, lines, _ in tidy_rules.long_functions(module)}
    assert sizes_beyond(sizes, FUNCTION_LINES, LONG_FUNCTIONS) == ""


def test_packages_stay_surveyable() -> None:
    """No package has more modules than its limit, and no exception outlives its need."""
    sizes = Counter(
        Path(module.path).parent.as_posix() for module in MODULES if not module.path.endswith("__init__.py")
    )
    assert sizes_beyond(sizes, PACKAGE_MODULES, LARGE_PACKAGES) == ""


# Each line must be caught by its rule at the given place.
CAUGHT: list[tuple[Rule, str, str]] = [
    (tidy_rules.asynchronous_code, "core/bus.py", "async def f(): ..."),
    (tidy_rules.asynchronous_code, "risk/engine.py", "async def f():\n    await g()"),
    (tidy_rules.wall_clock, "risk/engine.py", "import time\ntime.time_ns()"),
    (tidy_rules.wall_clock, "risk/engine.py", "import time as t\nnow = t.time"),
    (tidy_rules.wall_clock, "data/history.py", "from time import time_ns\ntime_ns()"),
    (tidy_rules.wall_clock, "data/history.py", "from datetime import datetime as d\nd.now()"),
    (tidy_rules.wall_clock, "data/history.py", "import datetime\ndatetime.date.today()"),
    (tidy_rules.wall_clock, "risk/engine.py", "import time\ntime.sleep(1)"),
    (tidy_rules.wall_clock, "features/engine.py", "from time import perf_counter\nperf_counter()"),
    (tidy_rules.randomness, "main.py", "import random\nrandom.random()"),
    (tidy_rules.randomness, "core/ids.py", "from uuid import uuid4\nuuid4()"),
    (tidy_rules.randomness, "core/ids.py", "import os\nos.urandom(8)"),
    (tidy_rules.randomness, "data/sample_market.py", "import numpy as np\nnp.random.default_rng(1)"),
    (tidy_rules.randomness, "data/sample_market.py", "from numpy.random import default_rng\ndefault_rng(1)"),
    (tidy_rules.mode_checks, "risk/engine.py", "if settings.mode == 'live': ..."),
    (tidy_rules.mode_checks, "risk/engine.py", "match mode:\n    case 'live': ..."),
    (tidy_rules.mode_checks, "portfolio/sizing.py", "if ctx.is_live: ..."),
    (tidy_rules.minting, "strategies/agent.py", "OrderIntent('1')"),
    (tidy_rules.minting, "main.py", "events.OrderIntent('1')"),
    (tidy_rules.minting, "main.py", "LiveArmed()"),
    (tidy_rules.unstable_arithmetic, "features/engine.py", "import numpy as np\nnp.log(x)"),
    (tidy_rules.unstable_arithmetic, "features/engine.py", "from math import exp\nexp(x)"),
    (tidy_rules.unstable_arithmetic, "features/engine.py", "import numpy as np\nnp.sum(x)"),
    (tidy_rules.unstable_arithmetic, "core/statistics.py", "x ** 0.5"),
    (tidy_rules.unstable_arithmetic, "core/statistics.py", "x ** y"),
    (tidy_rules.unstable_arithmetic, "core/statistics.py", "a @ b"),
    (tidy_rules.unstable_arithmetic, "risk/engine.py", "frame['x'].sum()"),
    (tidy_rules.unstable_arithmetic, "features/engine.py", "@njit(fastmath=True)\ndef f(): ..."),
    (tidy_rules.unordered_iteration, "core/bus.py", "for x in {1, 2}: ..."),
    (tidy_rules.unordered_iteration, "core/bus.py", "[x for x in set(y)]"),
    (tidy_rules.unordered_iteration, "core/bus.py", "names = set(y)\nfor x in names: ..."),
    (tidy_rules.unordered_iteration, "core/bus.py", "def f(names: frozenset[str]):\n    return list(names)"),
    (tidy_rules.unordered_iteration, "core/bus.py", "', '.join({'a'} | other)"),
    (tidy_rules.unordered_iteration, "core/bus.py", "for x in a.union(b): ..."),
    (tidy_rules.identity_keys, "core/bus.py", "key = hash(x)"),
    (tidy_rules.identity_keys, "core/bus.py", "seen[id(x)] = 1"),
    (tidy_rules.printing, "risk/engine.py", "print('x')"),
    (tidy_rules.blind_excepts, "risk/engine.py", "try: ...\nexcept Exception: ..."),
    (tidy_rules.blind_excepts, "risk/engine.py", "try: ...\nexcept: ..."),
    (tidy_rules.blind_excepts, "risk/engine.py", "try: ...\nexcept (ValueError, BaseException): ..."),
    (tidy_rules.missing_docstrings, "risk/engine.py", "x = 1"),
    (tidy_rules.missing_docstrings, "risk/engine.py", "'''A module.'''\ndef f(): ..."),
    (tidy_rules.missing_docstrings, "risk/engine.py", "'''A module.'''\nclass F: ..."),
    (tidy_rules.empty_names, "core/utils.py", "x = 1"),
    (tidy_rules.empty_names, "common/engine.py", "x = 1"),
    (tidy_rules.unfinished_work, "core/bus.py", "x = 1  # TO" + "DO"),
    (tidy_rules.unfinished_work, "core/bus.py", "raise NotImplemented" + "Error"),
]

# Each line is what the rule asks for instead, or the one place where it may be.
ALLOWED: list[tuple[Rule, str, str]] = [
    (tidy_rules.asynchronous_code, "event_bus/inbox.py", "async def f(): ..."),
    (tidy_rules.wall_clock, "core/clock.py", "import time\ntime.time_ns()"),
    (tidy_rules.wall_clock, "backtester/runner.py", "from time import perf_counter\nperf_counter()"),
    (tidy_rules.wall_clock, "risk/engine.py", "from datetime import datetime\ndatetime.fromtimestamp(1)"),
    (tidy_rules.randomness, "core/ids.py", "def f(random): return random.next()"),
    (tidy_rules.mode_checks, "main.py", "if settings.mode == 'live': ..."),
    (tidy_rules.minting, "risk/engine.py", "OrderIntent('1')"),
    (tidy_rules.minting, "core/safety.py", "LiveArmed()"),
    (tidy_rules.unstable_arithmetic, "core/numerics.py", "import math\nmath.log(x)"),
    (tidy_rules.unstable_arithmetic, "backtester/metrics.py", "import math\nmath.log(x)"),
    (tidy_rules.unstable_arithmetic, "features/engine.py", "import math\nmath.sqrt(x) + x ** 2 + 10 ** n"),
    (tidy_rules.unstable_arithmetic, "features/engine.py", "@njit(cache=True, fastmath=False)\ndef f(): ..."),
    (tidy_rules.unordered_iteration, "core/bus.py", "for x in sorted({1, 2}): ..."),
    (tidy_rules.unordered_iteration, "core/bus.py", "names = set(y)\nprint(x in names)"),
    (tidy_rules.printing, "commands/runs.py", "print('x')"),
    (tidy_rules.blind_excepts, "risk/engine.py", "try: ...\nexcept ValueError: ..."),
    (tidy_rules.missing_docstrings, "risk/engine.py", "'''A module.'''\ndef _f(): ..."),
    (tidy_rules.empty_names, "core/ids.py", "x = 1"),
]


@pytest.mark.parametrize(("rule", "path", "text"), CAUGHT)
def test_a_rule_catches_what_it_is_for(rule: Rule, path: str, text: str) -> None:
    """Every rule finds its planted fault and names the place."""
    findings = list(rule(Module(path, text)))
    assert findings
    assert findings[0].startswith(f"{path}:")


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_a_rule_lets_good_code_pass(rule: Rule, path: str, text: str) -> None:
    """No rule objects to what it asks for."""
    assert list(rule(Module(path, text))) == []


def test_sizes_are_measured() -> None:
    """A function beyond the limit is found, and an exception that is not needed is named."""
    module = Module("core/bus.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES)
    assert [(name, lines) for name, lines, _ in tidy_rules.long_functions(module)] == [("core/bus.py:f", 61)]
    assert sizes_beyond({"a": 5, "b": 1}, 3, {"b": (9, "why")}) == (
        "a has 5, the limit is 3\nb needs no exception any more"
    )
