"""Where compiled kernels are kept: a folder per state of the code, so that none outlives its source.

Numba keys a cached kernel on its own file only. A kernel that calls another one in another file would
keep that one's old code after an update, and a backtest would silently compute something else.
"""

import hashlib
import os
import shutil
from pathlib import Path

KEPT = 4
"""Folders of earlier states that stay, for people who switch between versions."""


def prepare() -> None:
    """Choose the folder, before Numba is imported; a ``NUMBA_CACHE_DIR`` of the user stays in force."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentic-trading" / "compiled"
    folder = home / sources_digest()[:16]
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _forget_old(home)
    except OSError:
        return  # nothing can be kept there: Numba falls back to its own place or compiles each time
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


def sources_digest() -> str:
    """Digest of every file of this package that holds compiled code."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        if b"@compiled" in content or b"numba.njit" in content:
            digest.update(str(path.relative_to(package)).encode())
            digest.update(content)
    return digest.hexdigest()


def _forget_old(home: Path) -> None:
    folders = sorted(home.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
