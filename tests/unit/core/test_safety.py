"""Laws of the gates in front of real money."""

import copy
import pickle

import pytest

from agentic_trading.core.safety import UNDERSTOOD, Disarmed, LiveArmed, arm


def test_both_gates_together_arm() -> None:
    """The flag and the exact word true in the environment arm live trading."""
    assert isinstance(arm({UNDERSTOOD: "true"}, live_flag=True), LiveArmed)


@pytest.mark.parametrize(
    ("environ", "flag", "named"),
    [
        ({}, False, ["--live", f"{UNDERSTOOD} is not set"]),
        ({}, True, [f"{UNDERSTOOD} is not set", f"{UNDERSTOOD}=true"]),
        ({UNDERSTOOD: "true"}, False, ["--live"]),
        ({UNDERSTOOD: "True"}, True, ["not exactly the word true"]),
        ({UNDERSTOOD: "1"}, True, ["not exactly the word true"]),
        ({UNDERSTOOD: " true"}, True, ["not exactly the word true"]),
        ({UNDERSTOOD: ""}, True, ["not exactly the word true"]),
        ({UNDERSTOOD.lower(): "true"}, True, ["is not set"]),
    ],
)
def test_one_closed_gate_keeps_live_off(environ: dict[str, str], flag: bool, named: list[str]) -> None:
    """Anything but both gates open is a refusal that names each closed gate and no open one."""
    answer = arm(environ, live_flag=flag)
    assert isinstance(answer, Disarmed)
    assert all(part in answer.reason for part in named)
    assert ("--live" in answer.reason) is (not flag)


def test_nobody_else_can_mint_the_proof() -> None:
    """Construction, pickling, copying and subclassing do not make a LiveArmed."""
    proof = arm({UNDERSTOOD: "true"}, live_flag=True)
    forgeries = [LiveArmed, lambda: LiveArmed(object())]
    forgeries += [lambda: copy.copy(proof), lambda: copy.deepcopy(proof)]
    forgeries += [lambda protocol=protocol: pickle.dumps(proof, protocol) for protocol in range(6)]
    for forge in forgeries:
        with pytest.raises(TypeError):
            forge()
    with pytest.raises(TypeError, match="subclassed"):
        type("Forged", (LiveArmed,), {})
