"""Other engines on the same work: runs their scripts where somebody has set up an environment for them."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

SCRIPTS = Path(__file__).parents[2] / "shared" / "bench" / "peers"
TIMEOUT_S = 900

Works = dict[str, tuple[str, ...]]

_W1: Works = {"W1": ("500000",)}
_W2: Works = {"W2": ("--w2",)}
_GROWTH: Works = {"W4-50k": ("50000",), "W4-200k": ("200000",), "W4-2M": ("2000000",)}


class Peer(NamedTuple):
    """Another engine: its name, environment, script, and what the script is called with for each workload.

    ``event_driven`` says whether a strategy there is asked candle by candle, ``to_the_cent`` on which
    workloads it fills and charges as ours does, so that both must end with the same equity.
    """

    name: str
    environment: str
    script: str
    works: Works
    event_driven: bool = True
    to_the_cent: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return bench_root() / self.environment / "bin" / "python"


# Those that need minutes for a workload, or cannot do it, are left out of it.
KNOWN = (
    Peer("NautilusTrader 2 (pre-release)", "nautilus2", "w1_nautilus2.py", _W1 | _W2 | _GROWTH),
    Peer(
        "backtesting.py", "backtesting", "w1_backtesting.py", {**_W1, "W3": ("--w3",), **_GROWTH},
        to_the_cent=("W1",),
    ),
    Peer(
        "Jesse", "jesse", "w1_jesse.py", {**_W1, **_W2, "W3": ("100000", "--w3", "--combos", "8")},
        to_the_cent=("W1",),
    ),
    Peer("Freqtrade", "freqtrade", "w1_freqtrade.py", _W1 | _W2),
    Peer("backtrader", "backtrader", "w1_backtrader.py", _W1 | _W2),
    Peer(
        "NautilusTrader", "nautilus", "w1_nautilus.py", {"W1": ("500000", "--no-analysis")},
        to_the_cent=("W1",),
    ),
    Peer(
        "vectorbt (not event-driven)", "vectorbt", "w1_vectorbt.py",
        {**_W1, **_W2, "W3": ("100000", "--w3", "--chunk", "10"), **_GROWTH}, event_driven=False,
        to_the_cent=("W1", "W2"),
    ),
)  # fmt: skip


def bench_root() -> Path:
    """Where the environments of the peers are: ``$BENCH_ROOT``, else ``bench`` in the temporary folder."""
    given = os.environ.get("BENCH_ROOT")
    return Path(given) if given else Path(tempfile.gettempdir()) / "bench"


def found() -> list[Peer]:
    """The peers whose environment and script are there."""
    return [peer for peer in KNOWN if peer.python.exists() and (SCRIPTS / peer.script).exists()]


def to_the_cent(engine: str) -> tuple[str, ...]:
    """The workloads on which an engine must end with our equity; none for one that is not known."""
    return next((peer.to_the_cent for peer in KNOWN if peer.name == engine), ())


def run(peer: Peer, workload: str) -> dict[str, Any]:
    """One run of a peer in a process of its own; ``error`` says why there are no figures."""
    named = {"workload": workload, "engine": peer.name}
    try:
        done = subprocess.run(
            [str(peer.python), "-B", str(SCRIPTS / peer.script), *peer.works[workload]],
            cwd=SCRIPTS, capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return named | {"error": f"stopped after {TIMEOUT_S} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return named | {"error": (done.stderr.strip().splitlines() or ["printed nothing"])[-1]}
    said = json.loads(lines[-1])
    return named | {
        "candles": said["n"],
        "seconds": said["run_seconds"],
        "candles_per_s": round(said["n"] / said["run_seconds"]),
        "us_per_candle": said["us_per_candle"],
        "trades": said["trades"],
        "final_equity": said["final_equity"],
        "peak_rss_mb": said["peak_rss_mb"],
    }
