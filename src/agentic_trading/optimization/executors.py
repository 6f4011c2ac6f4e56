"""Doing much of the same work at once: worker processes that may die without taking the rest with them."""

import multiprocessing
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from agentic_trading.core.errors import TradingError
from agentic_trading.optimization.sharing import Parcel, pack, unpack

S = TypeVar("S")
R = TypeVar("R")

TRIES = 2
"""How often a piece of work is started before it is given up."""

_LARGEST_BATCH = 16
_ROUNDS = 4
"""Batches shrink with what is left, a worker's share in so many of them: all end at about the same time."""

_CONTEXT = multiprocessing.get_context("spawn")
"""A fresh interpreter per worker, on every platform: a copy of a process with threads may hang."""

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
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Outcome[R]]:
    """Evaluate all ``work`` in ``workers`` processes; outcomes come as they are finished, in any order.

    ``evaluate`` must be picklable; each worker gets its own copy, once, so what it keeps in itself
    serves all work of that worker. Arrays in it are not copied: all workers see the same memory
    (`optimization.sharing`). ``meanwhile`` runs here while the workers start, before ``evaluate`` is
    handed to them. A TradingError makes the outcome's ``error``. A worker that dies is replaced and the
    work it died over started once more; the second time the outcome says so. Leaving the iterator early
    ends the workers.
    """
    with tempfile.TemporaryDirectory(prefix="agentic-trading-", ignore_cleanup_errors=True) as folder:
        team: _Team[S, R] = _Team(evaluate.__module__, work, workers, died)
        try:
            team.hire()
            meanwhile()
            team.begin(pack(evaluate, Path(folder) / "arrays"))
            yield from team.outcomes()
        finally:
            team.stop()


class _Team(Generic[S, R]):
    """The workers, what they have to do, and what is still to be given out."""

    def __init__(self, module: str, work: Sequence[S], size: int, died: Died) -> None:
        self._module = module
        self._work = work
        self._size = size
        self._died = died
        self._parcel = Parcel(b"", Path(), ())
        self._waiting = deque(range(len(work)))
        self._tries = [0] * len(work)
        self._workers: list[_Worker[S, R]] = []

    def hire(self) -> None:
        """As many workers as there is work for; they start, and wait for `begin`."""
        self._workers = [_Worker(self._module) for _ in range(min(self._size, len(self._work)))]

    def begin(self, parcel: Parcel) -> None:
        self._parcel = parcel
        for worker in self._workers:
            self._employ(worker)

    def outcomes(self) -> Iterator[Outcome[R]]:
        while busy := [worker for worker in self._workers if worker.batch]:
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe not in ready:
                    continue
                outcome = worker.take()
                if outcome is None:
                    outcome = self._replace(worker)
                elif not worker.batch:
                    self._assign(worker)
                if outcome is not None:
                    yield outcome

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    def _employ(self, worker: "_Worker[S, R]") -> None:
        worker.begin(self._parcel)
        self._assign(worker)

    def _assign(self, worker: "_Worker[S, R]") -> None:
        left = len(self._waiting)
        size = min(left, _LARGEST_BATCH, 1 + left // (_ROUNDS * self._size))
        batch = [self._waiting.popleft() for _ in range(size)]
        if batch:
            worker.give(batch, [self._work[position] for position in batch])

    def _replace(self, dead: "_Worker[S, R]") -> Outcome[R] | None:
        """Give out anew what a dead worker had; an outcome if its work is given up."""
        exit_code = dead.bury()
        self._workers.remove(dead)
        position, *unbegun = dead.batch
        self._tries[position] += 1
        self._died(position, exit_code)
        again = self._tries[position] < TRIES
        self._waiting.extendleft(reversed([position, *unbegun] if again else unbegun))
        if self._waiting:
            self._workers.append(_Worker(self._module))
            self._employ(self._workers[-1])
        if again:
            return None
        return Outcome(position, None, f"its worker died {TRIES} times (exit code {exit_code})")


class _Worker(Generic[S, R]):
    """One process, seen from its parent: gives it a batch of work and takes one outcome at a time.

    ``batch`` are the positions that have no outcome yet; the worker is busy with the first of them.
    """

    def __init__(self, module: str) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.batch: deque[int] = deque()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, module), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the worker is the end of the pipe

    def begin(self, parcel: Parcel) -> None:
        self._send(parcel)

    def give(self, batch: Sequence[int], items: Sequence[S]) -> None:
        self.batch.extend(batch)
        self._send(items)

    def take(self) -> Outcome[R] | None:
        """The next finished outcome; None if the worker has died."""
        try:
            value, error = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return Outcome(self.batch.popleft(), value, error)

    def bury(self) -> int:
        """How a dead worker ended."""
        self._process.join()
        self.pipe.close()
        return self._process.exitcode or 0

    def stop(self) -> None:
        if self.batch:
            self._process.terminate()
        self.pipe.close()
        self._process.join()

    def _send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError:  # it died while idle: what is read next is the end of the pipe
            return


def _serve(pipe: Connection, module: str) -> None:
    """The life of a worker: the parcel, then batch after batch until the pipe ends.

    ``module`` brings with it what unpacking would have to import, while the parent still prepares.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent, which ends us
    import_module(module)
    parcel = _received(pipe)
    if parcel is None:
        return
    evaluate = unpack(parcel)
    while (batch := _received(pipe)) is not None:
        for item in batch:
            try:
                answer = evaluate(item), ""
            except TradingError as error:
                answer = None, str(error)
            try:
                pipe.send(answer)
            except OSError:  # nobody listens any more
                return


def _received(pipe: Connection) -> Any:
    """The next message; None at the end of the pipe."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None
