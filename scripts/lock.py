"""Write `requirements.lock`: every version and hash for every supported Python, addresses left out.

Needs `uv` on the path (`pip install uv`). Versions already locked are kept unless `--upgrade` is given.
The base that a backtest needs comes first, so that set-up can install it alone: see `Makefile`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
OLDEST_PYTHON = "3.11"

HEADER = """\
# Versions and hashes of everything, for every supported Python and platform. Written by `make lock`.
# The base comes first and ends at the second heading; why: docs/decisions/0002-one-lock-file.md.
"""
BASE_HEADING = "# === base: what a backtest needs, and the build backend ==="
REST_HEADING = "# === rest: tests, checks, live trading ==="  # the Makefile looks for this prefix


def compile_lock(requirements: list[str], *options: str, known: str = "") -> str:
    """The locked text of these requirements; ``known`` is an earlier lock whose versions are preferred."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, locked = Path(folder, "wanted.in"), Path(folder, "locked.txt")
        wanted.write_text("\n".join(requirements) + "\n")
        locked.write_text(known)
        command = [
            "uv", "pip", "compile", "--universal", "--python-version", OLDEST_PYTHON,
            "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url",
            "--no-emit-find-links", "--quiet", *options, "--output-file", str(locked), str(wanted),
        ]  # fmt: skip
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return locked.read_text()


def blocks(lock: str) -> dict[str, str]:
    """Each package's lines (requirement and hashes) by package name and marker, in the order of the lock."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.strip()):
        found[block.split(" \\\n")[0]] = block
    return found


def name_of(requirement: str) -> str:
    """``numpy`` of ``numpy==2.4.6 ; python_version < '3.12'``."""
    return re.split(r"[=\s\[;]", requirement, maxsplit=1)[0]


def main() -> int:
    """Lock everything, then sort it into the base and the rest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    if shutil.which("uv") is None:
        print("lock: `uv` was not found on the path; install it with `pip install uv`.", file=sys.stderr)
        return 2

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    base = project["project"]["dependencies"] + project["build-system"]["requires"]
    extras = [wish for group in project["project"]["optional-dependencies"].values() for wish in group]
    pins = project["tool"]["uv"]["constraint-dependencies"]

    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(pins))
        constraints.flush()
        known = LOCK.read_text() if LOCK.exists() else ""
        locked = compile_lock(base + extras, "--constraint", constraints.name, *upgrade, known=known)
    everything = blocks(locked)
    base_names = {name_of(requirement) for requirement in blocks(compile_lock(base, known=locked))}

    first = [text for requirement, text in everything.items() if name_of(requirement) in base_names]
    second = [text for requirement, text in everything.items() if name_of(requirement) not in base_names]
    LOCK.write_text("\n".join([HEADER + BASE_HEADING, *first, REST_HEADING, *second]) + "\n")
    if "://" in LOCK.read_text():
        print("lock: an address got into requirements.lock; remove it before committing.", file=sys.stderr)
        return 1
    print(f"{LOCK.name}: {len(first)} packages in the base, {len(second)} more for tests, checks and live")
    return 0


if __name__ == "__main__":
    sys.exit(main())
