"""Compute all golden digests anew, write them, and show what moved: review it like code.

A digest moves when a decision, an order, a fill or an equity row of that run is no longer the same.
Commit the new ones only with the reason why they had to move.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
DIGESTS = TESTS / "golden" / "digests.json"


def main() -> None:
    """Write ``digests.json`` and print every value that is not what it was."""
    path = os.pathsep.join((str(TESTS.parent / "src"), str(TESTS)))
    finished = subprocess.run(
        [sys.executable, "-m", "golden_runs"],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    new: dict[str, Any] = json.loads(finished.stdout)
    old: dict[str, Any] = json.loads(DIGESTS.read_text("utf-8")) if DIGESTS.exists() else {}
    moved = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    for name in moved:
        show(name, old.get(name), new.get(name))
    DIGESTS.write_text(json.dumps(new, indent=2) + "\n", "utf-8")
    print(f"{len(moved)} of {len(new)} digests moved; {DIGESTS.name} is written")


def show(name: str, old: Any, new: Any) -> None:
    """Print how one digest moved, value by value."""
    print(name)
    if not isinstance(old, dict) or not isinstance(new, dict):
        print(f"  {old} -> {new}")
        return
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            print(f"  {key}: {old.get(key)} -> {new.get(key)}")


if __name__ == "__main__":
    main()
