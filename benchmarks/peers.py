"""Other engines on the same work: runs their scripts where somebody has set up an environment for them."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

SCRIPTS = Path(__file__).parents[2] / "shared" / "bench" / "peers"
TIMEOUT_S = 900

# name, environment, script, flags, and whether it can do W2
KNOWN = (
    ("NautilusTrader 2 (pre-release)", "nautilus2", "w1_nautilus2.py", (), True),
    ("backtesting.py", "backtesting", "w1_backtesting.py", (), False),
    ("Jesse", "jesse", "w1_jesse.py", (), True),
    ("Freqtrade", "freqtrade", "w1_freqtrade.py", (), True),
    ("backtrader", "backtrader", "w1_backtrader.py", (), True),
    ("NautilusTrader", "nautilus", "w1_nautilus.py", ("--no-analysis",), False),
    ("vectorbt (not event-driven)", "vectorbt", "w1_vectorbt.py", (), True),
)


class Peer(NamedTuple):
    """An engine that can be run: its name, its Python and its script with flags."""

    name: str
    python: Path
    script: Path
    flags: tuple[str, ...]
    many_symbols: bool


def bench_root() -> Path:
    """Where the environments of the peers are: ``$BENCH_ROOT``, else ``bench`` in the temporary folder."""
    given = os.environ.get("BENCH_ROOT")
    return Path(given) if given else Path(tempfile.gettempdir()) / "bench"


def found() -> list[Peer]:
    """The peers whose environment and script are there."""
    peers = []
    for name, environment, script, flags, many in KNOWN:
        peer = Peer(name, bench_root() / environment / "bin" / "python", SCRIPTS / script, flags, many)
        if peer.python.exists() and peer.script.exists():
            peers.append(peer)
    return peers


def arguments(peer: Peer, workload: str) -> list[str] | None:
    """What the peer's script is called with for a workload; None if it has no such work."""
    if workload == "W2":
        return ["--w2", *peer.flags] if peer.many_symbols else None
    rows = {"W1": 500_000, "W4-50k": 50_000, "W4-200k": 200_000, "W4-500k": 500_000}.get(workload)
    return None if rows is None else [str(rows), *peer.flags]


def run(peer: Peer, workload: str) -> dict[str, Any]:
    """One run of a peer in a process of its own; ``error`` says why there are no figures."""
    words = arguments(peer, workload) or []
    named = {"workload": workload, "engine": peer.name}
    try:
        done = subprocess.run(
            [str(peer.python), "-B", str(peer.script), *words],
            cwd=peer.script.parent, capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
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
