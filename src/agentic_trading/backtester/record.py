"""What a run leaves behind, as the report needs it; the packages that own the parts fill it in."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from agentic_trading.core.enums import OrderStatus
from agentic_trading.core.events import Event, OrderTerms
from agentic_trading.core.models import CandleColumns, FloatArray, Instrument, IntArray


class OrderRecord(Protocol):
    """An order of the run with its whole life."""

    order_id: str
    terms: OrderTerms
    quantity: Decimal
    status: OrderStatus
    filled: Decimal
    created_ns: int
    arrived_ns: int
    done_ns: int
    cause: str
    reason: str
    outcome: str

    @property
    def average_price(self) -> Decimal: ...


class RunRecord(msgspec.Struct, frozen=True, eq=False):
    """Everything that happened in a run and everything that describes it."""

    run_id: str
    mode: str
    exchange: str
    quote: str
    capital: Decimal
    strategies: Sequence[str]
    instruments: Mapping[str, Instrument]
    candles: Mapping[str, CandleColumns]
    first_row_ns: int
    """Open of the first base candle that was traded."""
    events: Sequence[Event]
    orders: Sequence[OrderRecord]
    times: IntArray
    equity: FloatArray
    inputs_sha256: str
    fingerprint: str
    versions: Mapping[str, str]
    data: Mapping[str, Any]
    timerange: Mapping[str, str]
    timing: Mapping[str, float]
    warnings: Sequence[str]
    settings_toml: str
    wake_rows: int
