"""The record of a run and its fingerprint."""

import numpy as np
import pytest

from agentic_trading.backtester.recorder import RECORDED, Recorder, Records
from agentic_trading.backtester.summary import BOOKINGS
from agentic_trading.core.enums import Direction
from agentic_trading.core.events import (
    CandlesClosed,
    Event,
    OrderAccepted,
    Refusal,
    Signal,
    SubmitOrder,
)
from random_runs import random_case

SEEDS = (3, 7)
BATCH = 20
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
    for event in events:
        record.tap[1](event)
    return record.fingerprint(inputs, times, rows)


def test_what_was_heard_is_kept_in_order() -> None:
    """The record is every event that was told, in the order of telling."""
    record = Recorder()
    for event in EVENTS:
        record.tap[1](event)
    assert list(record.events) == EVENTS
    assert len(record.events) == len(EVENTS)


def test_batches_do_not_show() -> None:
    """However many records are hashed at a time, and however often one asks, the digest is the same."""
    expected = fingerprint(EVENTS)
    for batch in (1, 2, 3):
        record = Recorder()
        for number, event in enumerate(EVENTS):
            record.tap[1](event)
            if number % batch == 0:
                record.digest()
            assert record.fingerprint("inputs", TIMES, ROWS) == fingerprint(EVENTS[: number + 1])
        assert record.fingerprint("inputs", TIMES, ROWS) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_packed_reads_as_it_was(seed: int) -> None:
    """The records of a run are the same, in the same order, however many of them are packed."""
    case = random_case(seed)
    with case.loaded() as (inputs, settings):
        events = case.run(inputs, settings, "auto").events
    assert len(events) > 3 * BATCH
    for whole in (0, BATCH + 1):
        record = Recorder(Records(whole))
        for number, event in enumerate(events, start=1):
            record.tap[1](event)
            if number % BATCH == 0:
                record.digest()
        assert len(record.events) == len(events)
        for _ in range(2):
            assert list(record.events) == events


@pytest.mark.parametrize("whole", [0, BATCH + 1])
def test_what_nobody_will_read_is_hashed_all_the_same(whole: int) -> None:
    """A record that keeps some types of events has those in their order, and the fingerprint of all."""
    case = random_case(SEEDS[0])
    with case.loaded() as (inputs, settings):
        events = case.run(inputs, settings, "auto").events
    record = Recorder(Records(whole, only=BOOKINGS))
    for number, event in enumerate(events, start=1):
        record.tap[1](event)
        if number % BATCH == 0:
            record.digest()
    booked = [event for event in events if isinstance(event, BOOKINGS)]
    assert booked
    assert list(record.events) == booked
    assert len(record.events) == len(booked)
    assert record.fingerprint("inputs", TIMES, ROWS) == fingerprint(list(events))


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
