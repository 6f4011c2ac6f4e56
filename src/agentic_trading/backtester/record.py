"""What a run leaves behind, as the report needs it; the packages that own the parts fill it in."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import polars as pl

from agentic_trading.core.enums import OrderStatus
from agentic_trading.core.events import Event, OrderTerms
from agentic_trading.core.models import FloatArray, Instrument, IntArray


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


class MarketSeen(msgspec.Struct, frozen=True, eq=False):
    """What a result tells of the candles of a run: it outlives them, which take most of a run's memory."""

    first_ns: int
    """Open of the first base candle that was traded."""
    candles: int
    """Of all symbols, without those that only warmed up."""
    last_closes: Mapping[str, float]
    """By symbol, for all symbols in their order."""
    prices: pl.DataFrame
    """The table ``prices`` of the result."""
    held: dict[int, float] = msgspec.field(default_factory=dict)
    """What holding the symbols had returned by a time, for the times that somebody asked about."""


class RunRecord(msgspec.Struct, frozen=True, eq=False):
    """Everything that happened in a run and everything that describes it."""

    run_id: str
    mode: str
    exchange: str
    quote: str
    capital: Decimal
    prices: Mapping[str, Decimal]
    """Of assets that fees are paid in and that are not traded: one unit in quote currency."""
    strategies: Sequence[str]
    instruments: Mapping[str, Instrument]
    market: MarketSeen
    events: Iterable[Event]
    """What was kept of all that was recorded, in order; each reading may cost as much as making them."""
    orders: Iterable[OrderRecord]
    """Likewise, in order of creation."""
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
