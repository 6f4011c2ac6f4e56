"""Worker processes: all work is done, whoever dies on the way."""

import multiprocessing
import signal
import sys
from pathlib import Path

import pytest

from agentic_trading.core.errors import MissingData
from agentic_trading.optimization.executors import Outcome, processes
from sweep_work import DEATH, Work, ones


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.integration), 3])
def test_every_piece_of_work_has_one_outcome(tmp_path: Path, workers: int) -> None:
    """However many workers there are, each position comes back once, with its own value or sentence."""
    outcomes = list(processes(Work(tmp_path), [3, -1, 4, 5], workers))
    assert sorted(outcomes) == [
        Outcome(0, 9, ""), Outcome(1, None, "-1 is below zero"), Outcome(2, 16, ""), Outcome(3, 25, ""),
    ]  # fmt: skip


def test_work_of_a_dead_worker_is_done_again(tmp_path: Path) -> None:
    """A worker that dies is reported with its exit code, and its work is finished by another."""
    deaths: list[tuple[int, int]] = []
    outcomes = list(processes(Work(tmp_path, once=(5,)), [4, 5, 6], 2, lambda *death: deaths.append(death)))
    assert sorted(outcomes) == [Outcome(0, 16, ""), Outcome(1, 25, ""), Outcome(2, 36, "")]
    assert deaths == [(1, DEATH)]


@pytest.mark.integration
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_worker_killed_amid_a_batch(tmp_path: Path) -> None:
    """Of a batch whose worker is killed, only what it was busy with is begun again; nothing is lost."""
    deaths: list[tuple[int, int]] = []
    work = Work(tmp_path, once=(2, 17), by_signal=True)
    outcomes = list(processes(work, list(range(40)), 2, lambda *death: deaths.append(death)))
    assert sorted(outcomes) == [Outcome(number, number * number, "") for number in range(40)]
    assert sorted(deaths) == [(2, -signal.SIGKILL), (17, -signal.SIGKILL)]
    assert [work.begun(number) for number in range(40)] == [1 + (number in (2, 17)) for number in range(40)]


@pytest.mark.integration
def test_deadly_work_is_given_up(tmp_path: Path) -> None:
    """Work that kills its worker twice fails with a sentence; all other work is done."""
    deaths: list[tuple[int, int]] = []
    outcomes = list(processes(Work(tmp_path, always=(4,)), [4, 5], 1, lambda *death: deaths.append(death)))
    assert sorted(outcomes, key=lambda each: each.position) == [
        Outcome(0, None, f"its worker died 2 times (exit code {DEATH})"), Outcome(1, 25, ""),
    ]  # fmt: skip
    assert deaths == [(0, DEATH), (0, DEATH)]


@pytest.mark.integration
def test_arrays_are_shared_and_yet_each_workers_own() -> None:
    """Workers see the parent's array without a copy; what one of them writes there, no other finds."""
    evaluate = ones(1000)
    outcomes = list(processes(evaluate, [1.0, 1.0], 2))
    assert [outcome.value for outcome in outcomes] == [(1.0, False), (1.0, False)]
    assert evaluate(0.0) == (1.0, True)


@pytest.mark.integration
def test_workers_start_while_the_parent_prepares() -> None:
    """What ``meanwhile`` changes in the work is what the workers get; they are there while it runs."""
    evaluate = ones(10)
    there: list[int] = []

    def prepare() -> None:
        there.append(len(multiprocessing.active_children()))
        evaluate(4.0)

    assert [outcome.value for outcome in processes(evaluate, [0.0], 1, meanwhile=prepare)] == [(5.0, False)]
    assert there == [1]


@pytest.mark.integration
def test_a_parent_that_cannot_prepare_leaves_nobody_waiting(tmp_path: Path) -> None:
    """An error while preparing is the caller's to hear, and ends the workers."""

    def prepare() -> None:
        raise MissingData("there are no candles")

    with pytest.raises(MissingData, match="there are no candles"):
        list(processes(Work(tmp_path), [1, 2], 2, meanwhile=prepare))
    assert multiprocessing.active_children() == []


@pytest.mark.integration
def test_no_worker_is_left_behind(tmp_path: Path) -> None:
    """Whoever stops listening early leaves no worker running."""
    outcomes = processes(Work(tmp_path), [1, 2, 3, 4], 2)
    next(outcomes)
    assert multiprocessing.active_children()
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_no_work_needs_no_worker(tmp_path: Path) -> None:
    """Nothing to do is done at once."""
    assert list(processes(Work(tmp_path), [], 2)) == []
