"""Worker processes: all work is done, whoever dies on the way."""

import multiprocessing
from pathlib import Path

import pytest

from agentic_trading.optimization.executors import Outcome, processes
from sweep_work import DEATH, Work


@pytest.mark.parametrize("workers", [1, 3])
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


def test_deadly_work_is_given_up(tmp_path: Path) -> None:
    """Work that kills its worker twice fails with a sentence; all other work is done."""
    deaths: list[tuple[int, int]] = []
    outcomes = list(processes(Work(tmp_path, always=(4,)), [4, 5], 1, lambda *death: deaths.append(death)))
    assert sorted(outcomes, key=lambda each: each.position) == [
        Outcome(0, None, f"its worker died 2 times (exit code {DEATH})"), Outcome(1, 25, ""),
    ]  # fmt: skip
    assert deaths == [(0, DEATH), (0, DEATH)]


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
