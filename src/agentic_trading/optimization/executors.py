"""Doing much of the same work at once: worker processes that may die without taking the rest with them."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Generic, NamedTuple, TypeVar

from agentic_trading.core.errors import TradingError

S = TypeVar("S")
R = TypeVar("R")

TRIES = 2
"""How often a piece of work is started before it is given up."""

_CONTEXT = multiprocessing.get_context("spawn")
"""A fresh interpreter per worker: a copy of a process with threads may hang."""

Died = Callable[[int, int], None]
"""Told the position of the work and the exit code when a worker died over it."""


class Outcome(NamedTuple, Generic[R]):
    """What came of the work at a position: a value, or None and the sentence that says why not."""

    position: int
    value: R | None
    error: str


def processes(
    evaluate: Callable[[S], R],
    work: Sequence[S],
    workers: int,
    died: Died = lambda position, exit_code: None,
) -> Iterator[Outcome[R]]:
    """Evaluate all ``work`` in ``workers`` processes; outcomes come as they are finished, in any order.

    ``evaluate`` must be picklable; each worker gets its own copy, once, so what it keeps in itself
    serves all work of that worker. A TradingError makes the outcome's ``error``. A worker that dies is
    replaced and its work started once more; the second time the outcome says so. Leaving the iterator
    early ends the workers.
    """
    waiting = deque(range(len(work)))
    tries = [0] * len(work)
    team: list[_Worker[S, R]] = []

    def assign(worker: _Worker[S, R]) -> None:
        if waiting:
            position = waiting.popleft()
            tries[position] += 1
            worker.give(position, work[position])

    try:
        for _ in range(min(workers, len(work))):
            team.append(_Worker(evaluate))
            assign(team[-1])
        while busy := [worker for worker in team if worker.position is not None]:
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe not in ready:
                    continue
                outcome = worker.take()
                if outcome is None:
                    position, code = worker.bury()
                    died(position, code)
                    team.remove(worker)
                    if tries[position] < TRIES:
                        waiting.appendleft(position)
                    else:
                        outcome = Outcome(position, None, f"its worker died {TRIES} times (exit code {code})")
                    if waiting:
                        team.append(_Worker(evaluate))
                        assign(team[-1])
                else:
                    assign(worker)
                if outcome is not None:
                    yield outcome
    finally:
        for worker in team:
            worker.stop()


class _Worker(Generic[S, R]):
    """One process, seen from its parent: gives it one piece of work at a time."""

    def __init__(self, evaluate: Callable[[S], R]) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.position: int | None = None
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, evaluate), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the worker is the end of the pipe

    def give(self, position: int, item: S) -> None:
        self.position = position
        try:
            self.pipe.send(item)
        except OSError:  # it died while idle: what is read next is the end of the pipe
            return

    def take(self) -> Outcome[R] | None:
        """The finished outcome; None if the worker has died."""
        try:
            value, error = self.pipe.recv()
        except (EOFError, OSError):
            return None
        position, self.position = self.position, None
        assert position is not None
        return Outcome(position, value, error)

    def bury(self) -> tuple[int, int]:
        """Where a dead worker was and how it ended."""
        self._process.join()
        self.pipe.close()
        assert self.position is not None
        return self.position, self._process.exitcode or 0

    def stop(self) -> None:
        if self.position is not None:
            self._process.terminate()
        self.pipe.close()
        self._process.join()


def _serve(pipe: Connection, evaluate: Callable[[S], R]) -> None:
    """The life of a worker: work until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent, which ends us
    while True:
        try:
            item: S = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[R | None, str] = (evaluate(item), "")
        except TradingError as error:
            answer = (None, str(error))
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return
