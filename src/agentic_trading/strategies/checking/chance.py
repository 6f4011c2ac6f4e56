"""Does a strategy ask for anything but its arguments: the time, a random number, the system?"""

import logging
import pickle
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import msgspec

from agentic_trading.core.events import FeatureVector
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.checking.ground import (
    Finding,
    Ground,
    Make,
    Masks,
    differing,
    masks_of,
    spread,
)
from agentic_trading.strategies.checking.stances import ONE_AGE, Probe, stances_of

_MODULES = {"time", "posix", "nt", "_socket", "_random"}
_FUNCTIONS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "Random.random"}
_FUNCTIONS |= {"Random.getrandbits", "Random.seed", "open", "input"}
_GENERATORS = {"random": "getstate", "numpy.random": "get_state"}
"""The generators that everybody shares, and what reads their state."""


class Statement(msgspec.Struct, frozen=True, eq=False):
    """What a strategy says on a ground: its masks, and (close, state, answer) of some rows."""

    symbol: str
    masks: Masks | Finding
    said: list[tuple[int, str, str]]


def statement_of(make: Make, ground: Ground) -> Statement:
    """Ask a new strategy for its masks, and on some rows in every stance."""
    strategy = make()
    masks = masks_of(strategy, ground)
    said = [
        (vector.at_ns, probe.stance.name, probe.ask_afresh(vector, row).text)
        for probe, row, vector in _questions(strategy, ground)
    ]
    return Statement(ground.symbol, masks, said)


def contradictions(ground: Ground, one: Statement, two: Statement, when: str) -> list[Finding]:
    """The first mask and answer in which two statements differ; ``when`` completes the sentence."""
    found = []
    if isinstance(one.masks, Masks) and isinstance(two.masks, Masks):
        other = differing(one.masks, two.masks, len(ground.table))
        if other is not None:
            column, row = other
            at_ns, what = ground.close_ns(row), f"the mask is another one {when}"
            found.append(Finding("determinism", one.symbol, at_ns, f"column {column}", what))
    for (at_ns, state, said), (_, _, now) in zip(one.said, two.said, strict=True):
        if said != now:
            what = f"the answer ({said}; then {now}) is another one {when}"
            return [*found, Finding("determinism", one.symbol, at_ns, state, what)]
    return found


def check_chance(make: Make, ground: Ground) -> list[Finding]:
    """Some rows are asked in every stance while every call of a system function is listened to.

    Names the first row and state of each thing that no argument of ``on_candle`` holds.
    """
    strategy = make()
    listening = _Listening(strategy)
    found: dict[str, Finding] = {}

    def report(at_ns: int, where: str) -> None:
        for what in listening.take():
            found.setdefault(what, Finding("determinism", ground.symbol, at_ns, where, what))

    with listening:
        masks_of(strategy, ground)
    report(0, "triggers")
    for probe, row, vector in _questions(strategy, ground):
        with listening:
            probe.ask_afresh(vector, row)
        report(vector.at_ns, probe.stance.name)
    return list(found.values())


def _questions(strategy: BaseStrategy[Any], ground: Ground) -> Iterator[tuple[Probe, int, FeatureVector]]:
    probes = [Probe(strategy, ground, stance) for stance in stances_of(ground.instrument, ONE_AGE)]
    for row in spread(ground.warm_rows):
        vector = ground.vector(row)
        yield from ((probe, row, vector) for probe in probes if probe.covers(row))


class _Listening:
    """Hears what is called while it is entered, and whether a shared generator was drawn from."""

    def __init__(self, strategy: BaseStrategy[Any]) -> None:
        self._files = {
            getattr(sys.modules.get(kind.__module__), "__file__", None) for kind in type(strategy).__mro__
        }
        self._heard: dict[str, None] = {}

    def __enter__(self) -> "_Listening":
        self._generators = dict(_generators())
        self._before = sys.getprofile()
        sys.setprofile(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)
        for name, state in _generators():
            if self._generators.get(name, state) != state:
                self._heard[f"draws from the shared generator of {name}"] = None

    def take(self) -> list[str]:
        """What was heard since the last time."""
        heard = list(self._heard)
        self._heard.clear()
        return heard

    def _hear(self, frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call":
            return
        name = getattr(called, "__qualname__", "")
        module = getattr(called, "__module__", None)
        if name not in _FUNCTIONS and module not in _MODULES:
            return
        caller: FrameType | None = frame
        while caller is not None and caller.f_code.co_filename not in self._files:
            if caller.f_globals.get("__name__") == logging.__name__:
                return  # A log line carries its time, and nobody decides on it.
            caller = caller.f_back
        full = f"{module}.{name}" if module in _MODULES else name
        line = f" (line {caller.f_lineno})" if caller is not None else ""
        self._heard[f"calls {full}{line}"] = None


def _generators() -> Iterator[tuple[str, bytes]]:
    for name, state in _GENERATORS.items():
        if name in sys.modules:
            yield name, pickle.dumps(getattr(sys.modules[name], state)())
