"""The trades that a report shows one by one, each with its stop and the reasons for its entry."""

import json
from typing import NamedTuple

import polars as pl

from agentic_trading.backtester.result import Result

SHOWN_TRADES = 1_200
"""Most trades shown one by one; of more, those with the largest results."""
_REASONS = 6
"""Most reasons shown of one signal."""


class TradeList(NamedTuple):
    """Trades in order of exit.

    ``table`` has the columns of ``trades.parquet``, money and prices as float64, and ``stop`` (price of
    the protective stop of the entry, null without one) and ``why`` (reasons of the signal, as text).
    ``total`` is how many there are in the run.
    """

    table: pl.DataFrame
    total: int


def trade_list(result: Result, limit: int = SHOWN_TRADES) -> TradeList:
    """At most ``limit`` trades of a result, the ones with the largest results."""
    numbers = ("quantity", "entry_price", "exit_price", "gross", "fees", "funding", "net")
    trades = result.trades.with_columns(pl.col(numbers).cast(pl.Float64))
    if trades.height > limit:
        largest = trades["net"].abs().arg_sort(descending=True).head(limit)
        trades = trades[largest.sort()]
    return TradeList(_explained(result, trades), result.trades.height)


def _explained(result: Result, trades: pl.DataFrame) -> pl.DataFrame:
    """Trade, its first fill, the order of that fill, and what was decided about the order."""
    orders = result.fills.select("strategy", "symbol", pl.col("timestamp_ns").alias("entry_ns"), "order_id")
    orders = orders.unique(("strategy", "symbol", "entry_ns"), keep="last", maintain_order=True)
    found = trades.join(orders, on=("strategy", "symbol", "entry_ns"), how="left", maintain_order="left")
    found = found.join(
        result.orders.select("order_id", "cause"), on="order_id", how="left", maintain_order="left"
    )
    stops = _details(result, "intent", found["order_id"])
    signals = _details(result, "signal", found["cause"])
    return found.with_columns(
        pl.Series("stop", [_stop(stops.get(order)) for order in found["order_id"]], dtype=pl.Float64),
        pl.Series("why", [_why(signals.get(cause)) for cause in found["cause"]], dtype=pl.String),
    )


def _details(result: Result, kind: str, wanted: pl.Series) -> dict[str, str]:
    rows = result.decisions.filter(
        (pl.col("kind") == kind) & pl.col("id").is_in(wanted.drop_nulls().implode())
    )
    return dict(zip(rows["id"].to_list(), rows["detail"].to_list(), strict=True))


def _stop(detail: str | None) -> float | None:
    price = json.loads(detail).get("protective_stop") if detail else None
    return None if price is None else float(price)


def _why(detail: str | None) -> str:
    reasons = json.loads(detail).get("reasons", {}) if detail else {}
    parts = [
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in list(reasons.items())[:_REASONS]
    ]
    return ", ".join(parts)
