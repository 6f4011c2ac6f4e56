"""What all tests share: how hard Hypothesis searches, and the sample market, made once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from terminal import Terminal

# Timings never decide a test. In CI the cases are the same every time; at the desk they vary.
# `make check` asks for the quick search by name, `make test` for the full one.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=15)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def sample_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history folder with the sample market in it, shared by all processes of a test session."""
    from agentic_trading.data.sample_store import ensure_sample

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sample-history"
    ensure_sample(folder)
    return folder


@pytest.fixture
def terminal(
    tmp_path: Path,
    sample_history: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> "Terminal":
    """A command line in an empty folder, with the settings that come along and no others."""
    from terminal import Terminal

    for name in [name for name in os.environ if name.startswith("TRADING_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Terminal(folder, sample_history, capsys)
