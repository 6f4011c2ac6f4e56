"""The same run under the definitions of other engines, to compare with what those print."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agentic_trading.backtester.peers import backtestingpy, freqtrade
from agentic_trading.backtester.peers.run import PeerRun, peer_run
from agentic_trading.backtester.result import Result


class Peer(NamedTuple):
    """Another engine: its name, the version its figures were compared with, and what computes them."""

    title: str
    version: str
    figures: Callable[[PeerRun], dict[str, float | None]]


PEERS: Mapping[str, Peer] = {
    "backtestingpy": Peer("backtesting.py", backtestingpy.VERSION, backtestingpy.figures),
    "freqtrade": Peer("Freqtrade", freqtrade.VERSION, freqtrade.figures),
}
"""By the name that ``--metrics`` takes."""


def peer_metrics(result: Result, name: str) -> dict[str, Any]:
    """The part ``peer_metrics`` of a summary; raises KeyError for a name that is not in `PEERS`."""
    peer = PEERS[name]
    return {"peer": peer.title, "version": peer.version, "metrics": peer.figures(peer_run(result))}
