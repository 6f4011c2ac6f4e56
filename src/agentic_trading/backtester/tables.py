"""From the record of a run to the tables of its result."""

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from agentic_trading.backtester.frames import SCHEMAS, table
from agentic_trading.backtester.record import OrderRecord
from agentic_trading.core.enums import Direction, Side
from agentic_trading.core.events import (
    Event,
    Fill,
    FundingPosted,
    OrderIntent,
    OrderTerms,
    Proposal,
    Refusal,
    Signal,
    SignalGated,
)
from agentic_trading.core.models import FloatArray, Instrument, IntArray


def equity_table(times: IntArray, rows: FloatArray) -> pl.DataFrame:
    """``equity.parquet`` from times (n,) and the matrix (5, n) of the equity curve."""
    names = list(SCHEMAS["equity"])
    return pl.DataFrame({names[0]: times, **{name: rows[at] for at, name in enumerate(names[1:])}})


def orders_table(orders: Iterable[OrderRecord], instruments: Mapping[str, Instrument]) -> pl.DataFrame:
    """``orders.parquet`` in order of creation; attached stops of entries that never filled are left out."""
    return table(
        "orders",
        (
            (
                order.order_id, order.terms.strategy, instruments[order.terms.symbol].venue,
                order.terms.symbol, order.terms.side, order.terms.type, order.terms.time_in_force,
                order.terms.reduce_only, order.quantity, order.terms.price, order.terms.stop_price,
                order.status, order.filled, order.average_price, order.created_ns, order.arrived_ns,
                order.done_ns, f"{order.reason}: {order.outcome}" if order.outcome else order.reason,
                order.cause,
            )
            for order in orders
            if order.quantity
        ),
    )  # fmt: skip


def fills_table(fills: Iterable[Fill], instruments: Mapping[str, Instrument]) -> pl.DataFrame:
    """``fills.parquet`` in order of booking."""
    return table(
        "fills",
        (
            (
                fill.trade_id, fill.order_id, fill.strategy, instruments[fill.symbol].venue, fill.symbol,
                fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset, fill.liquidity,
                fill.reference_price, fill.at_ns,
            )
            for fill in fills
        ),
    )  # fmt: skip


def funding_table(posted: Iterable[FundingPosted]) -> pl.DataFrame:
    """``funding.parquet``: one row per strategy and stamp."""
    rows = (
        (each.at_ns, each.symbol, each.rate, each.notional, each.payment, each.strategy) for each in posted
    )
    return table("funding", rows)


def decisions_table(events: Iterable[Event]) -> pl.DataFrame:
    """``decisions.parquet``: signals, gate verdicts, proposals, refusals and intents, in order."""
    rows = ((row_of, event) for event in events if (row_of := _DECISIONS.get(type(event))) is not None)
    return table("decisions", (row_of(event) for row_of, event in rows))


def _signal(event: Signal) -> tuple[Any, ...]:
    detail = {"strength": event.strength, "stop": event.stop, "price": event.price,
              "regime": event.regime.value, "reasons": dict(event.reasons)}  # fmt: skip
    return _row(event.id, event, "signal", event.direction, cause="", detail=detail)


def _gated(event: SignalGated) -> tuple[Any, ...]:
    return _row(
        event.signal, event, "gated", event.direction, code=event.code, cause=event.signal,
        detail={"regime": event.regime.value},
    )  # fmt: skip


def _refusal(event: Refusal) -> tuple[Any, ...]:
    return _row(
        event.subject, event, "refusal", None, code=event.code, cause=event.subject,
        numbers=(_finite(event.value), _finite(event.limit), _finite(event.headroom)),
        detail={"detail": event.detail},
    )  # fmt: skip


def _proposal(event: Proposal) -> tuple[Any, ...]:
    return _terms_row(event.id, event.at_ns, "proposal", event.terms, event.cause, event.reason)


def _intent(event: OrderIntent) -> tuple[Any, ...]:
    return _terms_row(event.order_id, event.at_ns, "intent", event.terms, event.proposal, event.reason)


_DECISIONS: Mapping[type[Event], Callable[[Any], tuple[Any, ...]]] = {
    Signal: _signal, SignalGated: _gated, Refusal: _refusal, Proposal: _proposal, OrderIntent: _intent,
}  # fmt: skip
"""How each kind of decision becomes a row; events of other kinds are none."""


def _terms_row(
    identity: str, at_ns: int, kind: str, terms: OrderTerms, cause: str, reason: str
) -> tuple[Any, ...]:
    direction = Direction.LONG if terms.side is Side.BUY else Direction.SHORT
    if terms.closing:
        direction = Direction.FLAT
    stop = terms.protective_stop
    detail = {"side": terms.side.value, "type": terms.type.value, "reason": reason,
              "protective_stop": None if stop is None else str(stop)}  # fmt: skip
    return (
        identity, at_ns, terms.strategy, terms.symbol, kind, direction, terms.quantity, "", None, None, None,
        cause, json.dumps(detail),
    )  # fmt: skip


def _row(
    identity: str,
    event: Signal | SignalGated | Refusal,
    kind: str,
    direction: Direction | None,
    *,
    cause: str,
    code: str = "",
    numbers: tuple[float | None, float | None, float | None] = (None, None, None),
    detail: Mapping[str, Any],
) -> tuple[Any, ...]:
    no_quantity: Decimal | None = None
    return (
        identity, event.at_ns, event.strategy, event.symbol, kind, direction, no_quantity, code, *numbers,
        cause, json.dumps(detail),
    )  # fmt: skip


def _finite(value: float | None) -> float | None:
    return value if value is not None and value - value == 0.0 else None
