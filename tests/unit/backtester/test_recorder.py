"""The record of a run and its fingerprint."""

import numpy as np
import pytest

from agentic_trading.backtester import recorder
from agentic_trading.backtester.recorder import RECORDED, Recorder
from agentic_trading.core.enums import Direction
from agentic_trading.core.events import (
    CandlesClosed,
    Event,
    OrderAccepted,
    Refusal,
    Signal,
    SubmitOrder,
)

TIMES = np.arange(3, dtype=np.int64)
ROWS = np.ones((5, 3))
EVENTS: list[Event] = [
    Signal("s", "BTC/USDT", Direction.LONG, id="signal-1"),
    OrderAccepted("A", 5),
    Refusal(5, "proposal-1", "s", "BTC/USDT", "missing_price", float("nan"), float("nan"), float("nan")),
    OrderAccepted("B", 7),
]


def fingerprint(
    events: list[Event], inputs: str = "inputs", times: np.ndarray = TIMES, rows: np.ndarray = ROWS
) -> str:
    record = Recorder()
    for number, event in enumerate(events):
        record.tap[1](number, 0, event)
    return record.fingerprint(inputs, times, rows)


def test_bus_numbers_are_not_in_it() -> None:
    """The same decisions with other bus numbers are the same run."""
    record = Recorder()
    for event in EVENTS:
        record.tap[1](99, 42, event)
    assert record.fingerprint("inputs", TIMES, ROWS) == fingerprint(EVENTS)
    assert record.events == EVENTS


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_batches_do_not_show(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many records are hashed at a time, and however often one asks, the digest is the same."""
    expected = fingerprint(EVENTS)
    monkeypatch.setattr(recorder, "_BATCH", batch)
    assert fingerprint(EVENTS) == expected
    record = Recorder()
    for event in EVENTS:
        record.tap[1](0, 0, event)
        record.fingerprint("inputs", TIMES, ROWS)
    assert record.fingerprint("inputs", TIMES, ROWS) == expected


def test_everything_that_was_decided_counts() -> None:
    """Another record or order of records, other inputs, another time or equity: another run."""
    later = TIMES + 1
    richer = ROWS.copy()
    richer[0, 2] = np.nextafter(1.0, 2.0)
    moved = [EVENTS[1], EVENTS[0], *EVENTS[2:]]
    other = [*EVENTS[:3], OrderAccepted("B", 8)]
    found = [
        fingerprint(EVENTS),
        fingerprint(EVENTS[:3]),
        fingerprint(moved),
        fingerprint(other),
        fingerprint(EVENTS, inputs="others"),
        fingerprint(EVENTS, times=later),
        fingerprint(EVENTS, rows=richer),
    ]
    assert len(dict.fromkeys(found)) == len(found)


def test_what_is_heard() -> None:
    """Decisions and bookings are recorded; candles and commands, which repeat others, are not."""
    assert {Signal, Refusal, OrderAccepted} <= {*RECORDED}
    assert not {CandlesClosed, SubmitOrder} & {*RECORDED}
    assert Recorder().tap[0] is RECORDED
