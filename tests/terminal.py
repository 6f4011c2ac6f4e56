"""The command line as people use it: a folder to be in, what is typed, what comes out."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from agentic_trading import cli

ROOT = Path(__file__).parents[1]


class Answer(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs commands in one folder, in this process: compiled code stays warm."""

    def __init__(self, folder: Path, history: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.history = history
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Answer:
        """Run ``agentic-trading ARGUMENTS``."""
        self._capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Answer(code, *self._capsys.readouterr())

    def backtest(self, *arguments: str | Path) -> Answer:
        """Run a short backtest on the sample market."""
        return self("backtest", "-d", self.history, *SHORT, *arguments)

    def script(self, *arguments: str | Path, **environ: str) -> Answer:
        """Run a Python program in an interpreter of its own."""
        finished = subprocess.run(
            [sys.executable, *(str(argument) for argument in arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environ},
            capture_output=True, text=True, check=False, cwd=self.folder,
        )  # fmt: skip
        return Answer(finished.returncode, finished.stdout, finished.stderr)


SHORT = ("-i", "15m", "--timerange", "20240301-20240306", "--symbols", "BTC/USDT")
"""Five days of one symbol: fast, and long enough to trade."""
