"""The record of a run: its decisions and bookings in order, and the digest over them."""

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator
from functools import reduce
from itertools import chain
from operator import or_
from tempfile import TemporaryFile, gettempdir
from typing import IO

import msgspec
import numpy as np

from agentic_trading.core.errors import TradingError
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
    """Events in order, to be read as often as needed; later ones of a long run are decoded for each reading.

    They are kept as the lines of JSON that the fingerprint hashes, in a temporary file without a name that
    ends with the object. What the JSON does not tell (NaN from null) no table tells either.
    """

    def __init__(self, whole: int = _WHOLE, only: Container[type[Event]] | None = None) -> None:
        """``whole``: how many events are kept as they are, up to the end of a batch.

        ``only`` events of these types are kept, if it is given.
        """
        self._room = whole
        self._only = only
        self._whole: list[Event] = []
        self._file: IO[bytes] | None = None
        self._ends: list[int] = []
        """Where each batch ends in the file."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Event]:
        return chain(self._whole, chain.from_iterable(self._decoded()))  # without a step of ours per event

    def _decoded(self) -> Iterator[list[Event]]:
        decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(reduce(or_, RECORDED))
        start = 0
        for end in self._ends:
            assert self._file is not None
            self._file.seek(start)
            yield decoder.decode_lines(self._file.read(end - start))
            start = end

    def add(self, events: list[Event], lines: bytes) -> None:
        """Keep a batch of events, given also as lines of JSON; raises TradingError if there is no room."""
        only = self._only
        if only is not None:
            events = [event for event in events if type(event) in only]
        self._count += len(events)
        if len(self._whole) < self._room:
            self._whole += events
        elif events:
            try:
                self._write(lines if only is None else msgspec.json.Encoder().encode_lines(events))
            except OSError as error:
                raise TradingError(
                    f"the records of the run cannot be kept in {gettempdir()}: {error.strerror}; "
                    "TMPDIR may name a folder with more room"
                ) from error

    def _write(self, lines: bytes) -> None:
        if self._file is None:
            self._file = TemporaryFile(prefix="agentic-trading-")  # noqa: SIM115  # it lives as long as this
        end = self._ends[-1] if self._ends else 0
        self._file.seek(end)
        self._file.write(lines)
        self._file.flush()
        self._ends.append(end + len(lines))


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
    def take(self) -> Callable[[Iterable[Event]], None]:
        """Takes several events at once, each of a type that is recorded."""
        return self._heard.extend

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
