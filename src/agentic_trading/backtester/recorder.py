"""The record of a run: its decisions and bookings in order, and the digest over them."""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import chain
from operator import or_

import msgspec
import numpy as np

from agentic_trading.core.events import (
    AmendRejected,
    Event,
    Fill,
    Funding,
    FundingPosted,
    Liquidated,
    LiquidationPosted,
    MemoryChanged,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    Proposal,
    Refusal,
    Signal,
    SignalGated,
    TradingStateSet,
)
from agentic_trading.core.models import FloatArray, IntArray

RECORDED: tuple[type[Event], ...] = (
    Signal,
    MemoryChanged,
    SignalGated,
    Proposal,
    Refusal,
    OrderIntent,
    OrderAccepted,
    OrderRejected,
    OrderAmended,
    AmendRejected,
    OrderCanceled,
    OrderUnknown,
    OrderNotSent,
    OrderClosed,
    Fill,
    Funding,
    FundingPosted,
    Liquidated,
    LiquidationPosted,
    TradingStateSet,
)
"""Event types that make the fingerprint: what was decided and what came of it."""


_WHOLE = 32_768
"""So many events are kept as they are, enough for most runs."""


class Records:
    """Events in order, to be read as often as needed; later ones of a long run are unpacked for each reading.

    An event takes a hundred times the memory of its compressed JSON, and what the JSON does not tell
    (NaN from null) no table tells either.
    """

    def __init__(self, whole: int = _WHOLE) -> None:
        """``whole``: how many events are kept as they are, up to the end of a batch."""
        self._room = whole
        self._whole: list[Event] = []
        self._packed: list[bytes] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Event]:
        return chain(self._whole, chain.from_iterable(self._unpacked()))  # without a step of ours per event

    def _unpacked(self) -> Iterator[list[Event]]:
        decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(reduce(or_, RECORDED))
        for lines in self._packed:
            yield decoder.decode_lines(zlib.decompress(lines))

    def add(self, events: list[Event], lines: bytes) -> None:
        """Keep a batch of events, given also as lines of JSON."""
        self._count += len(events)
        if len(self._whole) < self._room:
            self._whole += events
        elif events:
            self._packed.append(zlib.compress(lines, 1))


class Recorder:
    """Keeps the recorded events and hashes their canonical JSON, as much at a time as `digest` finds."""

    def __init__(self, records: Records | None = None) -> None:
        self._records = Records() if records is None else records
        self._heard: list[Event] = []
        self._hash = hashlib.sha256()
        self._encoder = msgspec.json.Encoder()

    @property
    def tap(self) -> tuple[tuple[type[Event], ...], Callable[[Event], None]]:
        """What the bus must tell it: it only appends, since there is hardly a more frequent call."""
        return RECORDED, self._heard.append

    @property
    def events(self) -> Records:
        """All that was heard so far."""
        self.digest()
        return self._records

    def fingerprint(self, inputs_sha256: str, times: IntArray, rows: FloatArray) -> str:
        """SHA-256 over the inputs' digest, the records, and the equity rows (times, then each column).

        Numbers are hashed as shortest decimals in JSON and as little-endian 64-bit values in rows.
        """
        self.digest()
        whole = hashlib.sha256(inputs_sha256.encode())
        whole.update(self._hash.digest())
        whole.update(np.ascontiguousarray(times, dtype="<i8").data)
        for row in rows:  # one by one: a copy of the whole matrix would be as large as the result
            whole.update(np.ascontiguousarray(row, dtype="<f8").data)
        return whole.hexdigest()

    def digest(self) -> None:
        """Hash and put away what has come since; to be called now and then, so that little piles up."""
        lines = self._encoder.encode_lines(self._heard)
        self._hash.update(lines)
        self._records.add(self._heard, lines)
        self._heard.clear()
