"""The figures under other engines' definitions: equal to what those engines' own functions say."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentic_trading.backtester.peers import PEERS, peer_metrics
from agentic_trading.backtester.peers.run import PeerRun, peer_run
from agentic_trading.core.enums import HOUR_NS
from made_results import build_result
from peer_cases import CASES, asked

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("peer_metrics.json").read_text("utf-8"))
"""What the peers' own functions said about each case, with their versions."""

each_peer = pytest.mark.parametrize("peer", PEERS)
each_case = pytest.mark.parametrize("case", CASES)


def differences(ours: dict[str, float | None], theirs: dict[str, float | None]) -> list[str]:
    """The figures that differ by more than 1e-9, or that only one side has."""
    found = []
    for key in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(key, math.inf), theirs.get(key, math.inf)
        if one is None or other is None:
            same = one is other
        else:
            same = math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
        if not same:
            found.append(f"{key}: {one} here, {other} there")
    return found


@each_peer
@each_case
def test_equal_to_what_the_peer_said(peer: str, case: str) -> None:
    """Every figure is that of the peer's own function on the same equity and trades, to 1e-9."""
    recorded = RECORDED[peer]
    assert recorded["version"] == PEERS[peer].version
    assert differences(PEERS[peer].figures(CASES[case]), recorded["figures"][case]) == []


@each_peer
@pytest.mark.slow
def test_equal_to_what_the_peer_says(peer: str) -> None:
    """Where the peer is installed it is asked again: what is recorded is what it says."""
    answer = asked(peer, CASES)
    if answer is None:
        pytest.skip(f"{peer} is not installed under $BENCH_ROOT")
    if answer["version"] != RECORDED[peer]["version"]:
        pytest.skip(f"{peer} {answer['version']} is installed, {RECORDED[peer]['version']} is recorded")
    for case in CASES:
        assert differences(RECORDED[peer]["figures"][case], answer["figures"][case]) == []


@each_peer
def test_figures_of_nothing(peer: str) -> None:
    """A run that lost all, one without candles to speak of, one at rest: figures or None, never NaN."""
    at_ns = np.arange(3, dtype=np.int64) * HOUR_NS
    none, no_time = np.empty(0), np.empty(0, dtype=np.int64)
    for equity in ([100.0, 0.0, 0.0], [100.0, -5.0, -5.0], [100.0, 100.0, 100.0], [100.0]):
        run = PeerRun(100.0, at_ns[: len(equity)], np.array(equity), no_time, no_time, none, none)
        found = PEERS[peer].figures(run)
        assert all(value is None or math.isfinite(value) for value in found.values())


def test_what_a_result_gives_to_its_peers() -> None:
    """Candles go by their opens, profit is the exact net, a return is that over the value at entry."""
    result = build_result()
    run = peer_run(result)
    first, trade = result.equity["timestamp_ns"][0], result.trades.row(0, named=True)
    assert int(run.open_ns[0]) == first - HOUR_NS
    assert run.profit[0] == float(trade["net"])
    value = float(trade["quantity"]) * float(trade["entry_price"])
    assert run.return_ratio[0] == pytest.approx(float(trade["net"]) / value, rel=1e-12)
    assert (np.diff(run.exit_ns) >= 0).all()
    told = peer_metrics(result, "freqtrade")
    assert (told["peer"], told["metrics"]["trades"]) == ("Freqtrade", result.trades.height)
