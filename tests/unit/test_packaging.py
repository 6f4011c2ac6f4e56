"""The lock file, the project file and the wheel say the same thing."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE, REST = re.split(r"^# === rest.*$", LOCK, maxsplit=1, flags=re.MULTILINE)
TEXTS = {".py", ".toml", ".md", ".ipynb", ".html", ".lock", ".json", ""}


def locked(part: str) -> dict[str, str]:
    """Requirement lines of a part of the lock by package name, hashes left out."""
    lines = [line.rstrip("\\ ") for line in part.splitlines() if re.match(r"[a-z0-9]", line)]
    return {re.split(r"[=;\s]", line, maxsplit=1)[0]: line for line in lines}


def named(requirements: list[str]) -> set[str]:
    """Normalised package names of requirement texts such as ``TA-Lib>=0.6``."""
    return {re.split(r"[<>=\[;\s]", wish, maxsplit=1)[0].lower().replace("_", "-") for wish in requirements}


def test_the_lock_names_no_address() -> None:
    """The lock says what to install and never from where."""
    assert "://" not in LOCK
    assert "--index" not in LOCK
    assert "--find-links" not in LOCK


def test_everything_locked_is_exact_and_hashed() -> None:
    """Every requirement of the lock has one exact version and at least one sha256."""
    blocks = re.split(r"\n(?=[a-z0-9#])", LOCK)
    packages = [block for block in blocks if re.match(r"[a-z0-9]", block)]
    assert len(packages) > 20
    for package in packages:
        assert re.match(r"[a-z0-9.-]+==[^\s;]+", package), package
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package.splitlines()[0]


def test_the_base_is_complete_and_light() -> None:
    """The base part holds what a backtest needs and nothing of exchanges, servers or tests."""
    base = locked(BASE)
    assert named(PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]) <= base.keys()
    assert not {"ccxt", "aiohttp", "sqlalchemy", "redis", "pytest", "mypy"} & base.keys()


def test_every_extra_is_locked() -> None:
    """What an extra asks for is in the lock, once."""
    base, rest = locked(BASE), locked(REST)
    for wishes in PROJECT["project"]["optional-dependencies"].values():
        assert named(wishes) <= base.keys() | rest.keys()
    assert not base.keys() & rest.keys()


def test_numerics_are_the_same_on_every_python() -> None:
    """The numeric libraries are locked at the pinned version with no condition attached."""
    pins = PROJECT["tool"]["uv"]["constraint-dependencies"]
    assert named(pins) >= {"numpy", "numba", "llvmlite", "polars"}
    for pin in pins:
        assert locked(BASE)[pin.split("==")[0]] == pin


def test_nothing_points_at_one_machine() -> None:
    """No committed text names a folder that exists on one machine only."""
    folders = [ROOT / name for name in ("src", "tests", "configs", "docs", "scripts", "research", ".ci")]
    files = [file for folder in folders for file in sorted(folder.rglob("*"))] + sorted(
        ROOT.glob("[A-Za-z]*")
    )
    private = re.compile(r"(?<![\w.])/" + r"(?:work|root|home/\w+|Users/\w+)/")
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files
        if file.is_file() and file.suffix in TEXTS and "__pycache__" not in file.parts
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), start=1)
        if private.search(line)
    ]
    assert found == []


@pytest.mark.integration
def test_the_wheel_holds_settings_and_no_experiments(tmp_path: Path) -> None:
    """A built wheel brings the default settings and the type marker, and leaves experiments out."""
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"agentic_trading/_configs/{file.name}" for file in (ROOT / "configs").glob("*.toml")} <= set(
        names
    )
    assert "agentic_trading/py.typed" in names
    assert not [name for name in names if "strategies/research" in name]
