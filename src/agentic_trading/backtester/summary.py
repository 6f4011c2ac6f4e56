"""From the record of a run to its result: tables, metrics, summary."""

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from agentic_trading.backtester.frames import open_positions_table, trades_table
from agentic_trading.backtester.metrics import Curve, Metrics, compute
from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.report.breakdown import by_key, costs
from agentic_trading.backtester.report.series import hold_growth, price_candles
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.round_trips import RoundTrips, fee_in_quote, fold_round_trips
from agentic_trading.backtester.tables import (
    decisions_table,
    equity_table,
    fills_table,
    funding_table,
    orders_table,
)
from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Regime
from agentic_trading.core.equity import EQUITY, GROSS
from agentic_trading.core.events import (
    Fill,
    FundingPosted,
    Liquidated,
    LiquidationPosted,
    OrderIntent,
    Refusal,
    Signal,
    SignalGated,
    TradingStateSet,
)
from agentic_trading.core.models import CLOSE, CandleColumns
from agentic_trading.core.money import ZERO, decimal_of, exact

_FORCED = {"liquidated": "liquidated", "delisted": "delisted"}
"""What stands for an order where the venue closed a position by force, and why it did."""


def result_of(record: RunRecord) -> Result:
    """The result of a run: every table, every metric, and the summary document."""
    fills = [event for event in _bookings(record) if isinstance(event, Fill)]
    posted = [event for event in record.events if isinstance(event, FundingPosted)]
    trips = _round_trips(record)
    prices = price_candles(_traded(record))
    metrics = _metrics(record, trips, prices)
    summary = _summary(record, trips)
    summary["costs"] = costs(fills, [fee_in_quote(fill) for fill in fills], posted)
    summary["counts"] |= {"fills": len(fills), "trades": len(trips.trades)}
    summary |= {"metrics": metrics.values, "metric_reasons": metrics.reasons}
    return Result(
        summary=summary,
        equity=equity_table(record.times, record.equity),
        orders=orders_table(record.orders, record.instruments),
        fills=fills_table(fills, record.instruments),
        trades=trades_table(trips.trades),
        decisions=decisions_table(record.events),
        funding=funding_table(posted),
        settings_toml=record.settings_toml,
        open_positions=open_positions_table(trips.open_positions),
        prices=prices,
    )


def metrics_of(record: RunRecord) -> Metrics:
    """The metrics of a run and nothing else: what a search asks of each of its many runs."""
    return _metrics(record, _round_trips(record), price_candles(_traded(record)))


def _metrics(record: RunRecord, trips: RoundTrips, prices: pl.DataFrame) -> Metrics:
    curve = Curve(
        record.first_row_ns, float(record.capital), record.times, record.equity[EQUITY], record.equity[GROSS]
    )
    with exact():
        fills = [event for event in record.events if type(event) is Fill]
        turnover = sum((fill.quantity * fill.price for fill in fills), ZERO)
    hold = float(hold_growth(prices, record.times[-1:])[0]) - 1.0 if prices.height else None
    return compute(curve, trips.trades, traded_notional=turnover, buy_and_hold_return=hold)


def _summary(record: RunRecord, trips: RoundTrips) -> dict[str, Any]:
    kinds = Counter(type(event) for event in record.events)
    return {
        "run_id": record.run_id,
        "inputs_sha256": record.inputs_sha256,
        "fingerprint": record.fingerprint,
        "versions": dict(record.versions),
        "mode": record.mode,
        "exchange": record.exchange,
        "quote": record.quote,
        "capital": float(record.capital),
        "strategies": list(record.strategies),
        "symbols": list(record.candles),
        "timerange": dict(record.timerange),
        "data": dict(record.data),
        "counts": {
            "candles": _candles_traded(record),
            "wake_rows": record.wake_rows,
            "signals": kinds[Signal],
            "gated": kinds[SignalGated],
            "refusals": kinds[Refusal],
            "orders": sum(1 for order in record.orders if order.quantity),
            "liquidations": kinds[Liquidated],
        },
        "per_strategy": by_key(trips, "strategy", record.strategies),
        "per_symbol": by_key(trips, "symbol", record.candles),
        "timing": dict(record.timing),
        "warnings": [*record.warnings, *_breaker_notes(record), *_liquidation_notes(record)],
    }


def _breaker_notes(record: RunRecord) -> list[str]:
    """A breaker that stopped the opening of positions for good explains flat months: say so."""
    return [
        f"The {event.reason} breaker tripped at {iso(event.at_ns)[:16]} UTC: nothing was opened after that."
        for event in record.events
        if isinstance(event, TradingStateSet) and event.reason == "max_drawdown"
    ]


def _liquidation_notes(record: RunRecord) -> list[str]:
    """What the venue closed by force is not what a strategy wanted: say so."""
    forced = [event for event in record.events if type(event) is Liquidated]
    notes = []
    for reason in dict.fromkeys(event.reason for event in forced):
        first, *others = [event for event in forced if event.reason == reason]
        text = f"{first.symbol} was {reason} at {iso(first.at_ns)[:16]} UTC: the venue closed the position."
        notes.append(f"{text} So it went {len(others)} more times." if others else text)
    return notes


def _bookings(record: RunRecord) -> list[Fill | FundingPosted]:
    """Fills, those by force among them, and funding, in the order in which they were booked."""
    return [
        event.fill if type(event) is LiquidationPosted else event  # type: ignore[misc]
        for event in record.events
        if type(event) is Fill or type(event) is FundingPosted or type(event) is LiquidationPosted
    ]


def _candles_traded(record: RunRecord) -> int:
    return sum(map(len, _traded(record).values()))


def _traded(record: RunRecord) -> dict[str, CandleColumns]:
    """The candles of each symbol without the pre-roll."""
    return {symbol: _from(columns, record.first_row_ns) for symbol, columns in record.candles.items()}


def _round_trips(record: RunRecord) -> RoundTrips:
    """Fold fills and funding into trades; regimes are those of the signal behind each order."""
    # By exact type, not isinstance: a run records many events, and event types have no subclasses.
    signals = {event.id: event.regime for event in record.events if type(event) is Signal}
    causes = {event.order_id: event.cause for event in record.events if type(event) is OrderIntent}
    regimes = {order_id: signals.get(cause, Regime.UNKNOWN) for order_id, cause in causes.items()}
    marks = {symbol: decimal_of(float(columns.bars[CLOSE, -1])) for symbol, columns in record.candles.items()}
    return fold_round_trips(
        _bookings(record),
        reasons=_FORCED | {order.order_id: order.reason for order in record.orders},
        regimes=regimes,
        marks=marks,
        lots={symbol: instrument.lot for symbol, instrument in record.instruments.items()},
    )


def _from(columns: CandleColumns, start_ns: int) -> CandleColumns:
    """The candles that open at or after ``start_ns``: what was traded, without the pre-roll."""
    first = int(np.searchsorted(columns.open_ns, start_ns))
    starts = columns.starts[columns.starts >= first] - first
    return CandleColumns(
        columns.symbol,
        columns.timeframe,
        columns.open_ns[first:],
        columns.bars[:, first:],
        columns.filled[first:],
        starts,
    )
