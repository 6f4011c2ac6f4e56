"""Run a program as if on another machine: older CPU features, other locale of time and hashing."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"


def _numpy_features_that_can_go() -> str:
    """The CPU features numpy found beyond its baseline; it refuses to start on any other name."""
    from numpy._core import _multiarray_umath as umath  # numpy has no public list of them

    return " ".join(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name))


OTHER_MACHINES: dict[str, dict[str, str]] = {
    "older_cpu": {
        "NUMBA_CPU_NAME": "generic",
        "NPY_DISABLE_CPU_FEATURES": _numpy_features_that_can_go(),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX2_Usable,-FMA,-FMA_Usable",
        "PYTHONHASHSEED": "4711",
        "TZ": "Asia/Kathmandu",
    },
    "one_thread": {
        "NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "42",
        "TZ": "Pacific/Auckland",
    },
    "no_compiler": {"NUMBA_DISABLE_JIT": "1", "PYTHONHASHSEED": "1", "TZ": "America/New_York"},
}  # fmt: skip


def run_elsewhere(program: str, machine: str, python: str = sys.executable) -> str:
    """What a Python program prints in a fresh interpreter on one of `OTHER_MACHINES`, or ``here``."""
    path = os.pathsep.join((str(SOURCE), str(TESTS)))
    finished = subprocess.run(
        [python, "-c", program],
        env={**os.environ, "PYTHONPATH": path, **OTHER_MACHINES.get(machine, {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()
