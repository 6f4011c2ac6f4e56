"""The tables of a result: their columns and types, and how exact values are written into them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from types import NoneType
from typing import Any, cast

import msgspec
import polars as pl

from agentic_trading.backtester.trades.round_trips import OpenPosition, Trade

_TEXT, _TIME, _FLOAT, _FLAG = pl.String, pl.Int64, pl.Float64, pl.Boolean

_PART = 8192
"""Rows made into columns at a time: as Python objects they take several times the room."""

Schema = Mapping[str, type[pl.DataType]]


def _schema(**groups: type[pl.DataType]) -> dict[str, type[pl.DataType]]:
    return groups


SCHEMAS: Mapping[str, Schema] = {
    "equity": _schema(
        timestamp_ns=_TIME, equity=_FLOAT, cash=_FLOAT, gross_exposure=_FLOAT, net_exposure=_FLOAT,
        drawdown_ratio=_FLOAT,
    ),
    "orders": _schema(
        order_id=_TEXT, strategy=_TEXT, venue=_TEXT, symbol=_TEXT, side=_TEXT, type=_TEXT,
        time_in_force=_TEXT, reduce_only=_FLAG, quantity=_TEXT, price=_TEXT, stop_price=_TEXT,
        status=_TEXT, filled_quantity=_TEXT, average_price=_TEXT, created_ns=_TIME, arrived_ns=_TIME,
        done_ns=_TIME, reason=_TEXT, cause=_TEXT,
    ),
    "fills": _schema(
        trade_id=_TEXT, order_id=_TEXT, strategy=_TEXT, venue=_TEXT, symbol=_TEXT, side=_TEXT,
        quantity=_TEXT, price=_TEXT, fee=_TEXT, fee_asset=_TEXT, liquidity=_TEXT,
        reference_price=_TEXT, timestamp_ns=_TIME,
    ),
    "trades": _schema(
        trade=_TEXT, strategy=_TEXT, symbol=_TEXT, direction=_TEXT, entry_ns=_TIME, exit_ns=_TIME,
        quantity=_TEXT, entry_price=_TEXT, exit_price=_TEXT, gross=_TEXT, fees=_TEXT, funding=_TEXT,
        net=_TEXT, exit_reason=_TEXT, regime=_TEXT,
    ),
    "decisions": _schema(
        id=_TEXT, timestamp_ns=_TIME, strategy=_TEXT, symbol=_TEXT, kind=_TEXT, direction=_TEXT,
        quantity=_TEXT, code=_TEXT, value=_FLOAT, limit=_FLOAT, headroom=_FLOAT, cause=_TEXT, detail=_TEXT,
    ),
    "funding": _schema(
        timestamp_ns=_TIME, symbol=_TEXT, rate=_TEXT, notional=_TEXT, payment=_TEXT, strategy=_TEXT,
    ),
    "open_positions": _schema(
        strategy=_TEXT, symbol=_TEXT, direction=_TEXT, entry_ns=_TIME, quantity=_TEXT, entry_price=_TEXT,
        mark_price=_TEXT, unrealised=_TEXT, realised=_TEXT, fees=_TEXT, funding=_TEXT, net=_TEXT,
        regime=_TEXT,
    ),
    "prices": _schema(
        symbol=_TEXT, open_ns=_TIME, timestamp_ns=_TIME, open=_FLOAT, high=_FLOAT, low=_FLOAT, close=_FLOAT,
    ),
}  # fmt: skip
"""Columns and types by table, in the order in which they are written."""


def decimal_text(value: Decimal) -> str:
    """The number in plain notation, without exponent and without trailing zeros: ``0.015``, ``1200``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def table(name: str, rows: Iterable[Sequence[Any]]) -> pl.DataFrame:
    """A table from rows in column order: Decimals become text, enums their value, None stays null.

    Raises KeyError for an unknown table and ValueError for a row of another length.
    """
    schema, coming = SCHEMAS[name], iter(rows)
    parts = [_frame(name, schema, list(islice(coming, _PART)))]
    while part := list(islice(coming, _PART)):
        parts.append(_frame(name, schema, part))
    return pl.concat(parts)


def _frame(name: str, schema: Schema, rows: list[Sequence[Any]]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    if len(columns) != len(schema):
        raise ValueError(f"table {name} has {len(schema)} columns, not {len(columns)}")
    return pl.DataFrame(
        {
            column: _texts(values) if kind is _TEXT else values
            for (column, kind), values in zip(schema.items(), columns, strict=True)
        },
        schema=schema,
    )


def _texts(values: Sequence[Any]) -> Sequence[str | None]:
    """A column as text; most hold nothing else, which needs no look at each value."""
    return values if set(map(type, values)) <= {str, NoneType} else list(map(_text, values))


def _text(value: Any) -> str | None:
    kind = type(value)
    if kind is str or value is None:
        return cast("str | None", value)
    return decimal_text(value) if kind is Decimal else str(value.value)


def trades_table(trades: Iterable[Trade]) -> pl.DataFrame:
    """``trades.parquet`` of closed round trips."""
    return table("trades", (msgspec.structs.astuple(trade) for trade in trades))


def open_positions_table(positions: Iterable[OpenPosition]) -> pl.DataFrame:
    """``open_positions.parquet``: what was still held at the end."""
    return table("open_positions", (msgspec.structs.astuple(position) for position in positions))


def checked(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, if its columns and types are those of the table; raises ValueError naming the difference."""
    wanted = {column: kind() for column, kind in SCHEMAS[name].items()}
    if dict(frame.schema) == wanted and frame.columns == list(wanted):
        return frame
    raise ValueError(f"table {name} must have the columns {wanted}, not {dict(frame.schema)}")
