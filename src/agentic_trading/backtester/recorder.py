"""The record of a run: its decisions and bookings in order, and the digest over them."""

import hashlib
from collections.abc import Callable

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
"""Event types that make the fingerprint: what was decided and what came of it, never the bus numbers."""

_BATCH = 4096


class Recorder:
    """Keeps the recorded events and hashes their canonical JSON, in batches."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._encoder = msgspec.json.Encoder()

    @property
    def tap(self) -> tuple[tuple[type[Event], ...], Callable[[int, int, Event], None]]:
        """What the bus must tell it."""
        return RECORDED, self._hear

    def fingerprint(self, inputs_sha256: str, times: IntArray, rows: FloatArray) -> str:
        """SHA-256 over the inputs' digest, the records, and the equity rows (times, then each column).

        Numbers are hashed as shortest decimals in JSON and as little-endian 64-bit values in rows.
        """
        self._digest_pending()
        whole = hashlib.sha256(inputs_sha256.encode())
        whole.update(self._hash.digest())
        whole.update(np.ascontiguousarray(times, dtype="<i8").data)
        whole.update(np.ascontiguousarray(rows, dtype="<f8").reshape(-1).data)
        return whole.hexdigest()

    def _hear(self, number: int, cause: int, event: Event) -> None:
        self.events.append(event)
        if len(self.events) - self._hashed >= _BATCH:
            self._digest_pending()

    def _digest_pending(self) -> None:
        pending = self.events[self._hashed :]
        self._hash.update(self._encoder.encode_lines(pending))
        self._hashed = len(self.events)
