"""Where compiled kernels are kept: a folder per state of the code, so that none outlives its source.

A kernel may call another one of another file; keyed on its own file only it would keep that one's old code
after an update, and a backtest would silently compute something else. So Numba's own cache lives here too.
"""

import hashlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

KEPT = 16
"""Folders of earlier states that stay, for people who switch between versions."""
DIGEST_BYTES = 32


@cache
def folder() -> Path | None:
    """The folder for this state of the code; a ``NUMBA_CACHE_DIR`` of the user is where it lies.

    None if nothing can be kept: kernels are then compiled by every process.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentic-trading" / "compiled"
    if os.environ.get("NUMBA_CACHE_DIR"):
        home = Path(os.environ["NUMBA_CACHE_DIR"]) / "agentic-trading"
    chosen = home / sources_digest()[:16]
    try:
        if not chosen.is_dir():
            chosen.mkdir(parents=True)
            _forget_old(home)
    except OSError:
        return None
    return chosen


def read(name: str) -> bytes | None:
    """What was kept under a name; None if it is not there or not whole."""
    chosen = folder()
    try:
        content = (chosen / f"{name}.o").read_bytes() if chosen else b""
    except OSError:
        return None
    kept = content[DIGEST_BYTES:]
    return kept if hashlib.sha256(kept).digest() == content[:DIGEST_BYTES] else None


def write(name: str, content: bytes) -> None:
    """Keep something under a name, in one step; where nothing can be kept, nothing is."""
    chosen = folder()
    if chosen is None:
        return
    try:
        with tempfile.NamedTemporaryFile(dir=chosen, delete=False) as draft:
            draft.write(hashlib.sha256(content).digest() + content)
        Path(draft.name).replace(chosen / f"{name}.o")
    except OSError:
        return


@cache
def sources_digest() -> str:
    """Digest of every file of this package that holds compiled code, or makes it."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        if b"@compiled" in content or b"numba" in content:
            digest.update(str(path.relative_to(package)).encode())
            digest.update(content)
    return digest.hexdigest()


def _forget_old(home: Path) -> None:
    folders = sorted(home.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
