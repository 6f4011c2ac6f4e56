"""From the record of a run to its result: tables, metrics, summary."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from agentic_trading.backtester.frames import open_positions_table, trades_table
from agentic_trading.backtester.metrics import Curve, Metrics, compute
from agentic_trading.backtester.record import MarketSeen, RunRecord
from agentic_trading.backtester.report.breakdown import by_key, costs
from agentic_trading.backtester.report.series import hold_growth, price_candles
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.tables import (
    decisions_table,
    equity_table,
    fills_table,
    funding_table,
    orders_table,
)
from agentic_trading.backtester.trades.nets import closed_nets
from agentic_trading.backtester.trades.round_trips import RoundTrips, fee_in_quote, fold_round_trips
from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Regime
from agentic_trading.core.equity import EQUITY, GROSS
from agentic_trading.core.events import (
    Event,
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
BOOKINGS = (Fill, FundingPosted, LiquidationPosted)
"""Events that `metrics_of` reads: a record of a run may have no others."""


class _Told:
    """What figures take from the events of a run, gathered in one reading."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.bookings: list[Fill | FundingPosted] = []
        """Fills, those by force among them, and funding, in the order in which they were booked."""
        self.executed: list[Fill] = []
        """Fills of orders."""
        self.rare: list[TradingStateSet | Liquidated] = []
        self.regimes: dict[str, Regime] = {}
        """By order id: those of the signals behind the orders."""
        signals: dict[str, Regime] = {}
        kinds: list[type[Event]] = []
        for event in events:  # by exact type: a run records many events, and event types have no subclasses
            kind = type(event)
            kinds.append(kind)
            if kind is Fill:
                self.bookings.append(event)  # type: ignore[arg-type]
                self.executed.append(event)  # type: ignore[arg-type]
            elif kind is Signal:
                signals[event.id] = event.regime  # type: ignore[attr-defined]
            elif kind is OrderIntent:
                self.regimes[event.order_id] = signals.get(event.cause, Regime.UNKNOWN)  # type: ignore[attr-defined]
            elif kind is FundingPosted:
                self.bookings.append(event)  # type: ignore[arg-type]
            elif kind is LiquidationPosted:
                self.bookings.append(event.fill)  # type: ignore[attr-defined]
            elif kind is TradingStateSet or kind is Liquidated:
                self.rare.append(event)  # type: ignore[arg-type]
        self.counts: Counter[type[Event]] = Counter(kinds)


def market_seen(candles: Iterable[CandleColumns], first_ns: int) -> MarketSeen:
    """What a result tells of these candles, of which those before ``first_ns`` only warmed up."""
    candles = list(candles)
    traded = {
        each.symbol: each.rows(int(np.searchsorted(each.open_ns, first_ns)), len(each)) for each in candles
    }
    last_closes = {each.symbol: float(each.bars[CLOSE, -1]) for each in candles}
    return MarketSeen(first_ns, sum(map(len, traded.values())), last_closes, price_candles(traded))


def result_of(record: RunRecord) -> Result:
    """The result of a run: every table, every metric, and the summary document."""
    tables, summary = _booked(record)
    return Result(
        summary=summary,
        equity=equity_table(record.times, record.equity),
        orders=orders_table(record.orders, record.instruments),
        decisions=decisions_table(record.events),
        settings_toml=record.settings_toml,
        prices=record.market.prices,
        **tables,
    )


def _booked(record: RunRecord) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """The summary, and the tables of what was booked; what both are made of is gone when this returns."""
    told = _Told(record.events)
    fills = [booked for booked in told.bookings if type(booked) is Fill]
    posted = [booked for booked in told.bookings if type(booked) is FundingPosted]
    trips = _round_trips(record, told, _FORCED | {order.order_id: order.reason for order in record.orders})
    metrics = _metrics(record, told.executed, [trade.net for trade in trips.trades])
    summary = _summary(record, told, trips)
    with exact():
        fees = [fee_in_quote(fill, record.prices) for fill in fills]
    summary["costs"] = costs(fills, fees, posted)
    summary["counts"] |= {"fills": len(fills), "trades": len(trips.trades)}
    summary |= {"metrics": metrics.values, "metric_reasons": metrics.reasons}
    tables = {
        "fills": fills_table(fills, record.instruments),
        "trades": trades_table(trips.trades),
        "funding": funding_table(posted),
        "open_positions": open_positions_table(trips.open_positions),
    }
    return tables, summary


def metrics_of(record: RunRecord) -> Metrics:
    """The metrics of a run and nothing else: what a search asks of each of its many runs."""
    booked: list[Any] = [event for event in record.events if type(event) in BOOKINGS]
    executed = [event for event in booked if type(event) is Fill]
    bookings = [event.fill if type(event) is LiquidationPosted else event for event in booked]
    return _metrics(record, executed, closed_nets(bookings, _lots(record), record.prices))


def _metrics(record: RunRecord, executed: Iterable[Fill], nets: Sequence[Decimal]) -> Metrics:
    curve = Curve(
        record.market.first_ns, float(record.capital), record.times, record.equity[EQUITY],
        record.equity[GROSS],
    )  # fmt: skip
    with exact():
        turnover = sum([fill.quantity * fill.price for fill in executed], ZERO)
    hold = _hold_return(record.market, int(record.times[-1])) if record.market.prices.height else None
    return compute(curve, nets, traded_notional=turnover, buy_and_hold_return=hold)


def _hold_return(market: MarketSeen, at_ns: int) -> float:
    """What holding the symbols instead had made until then."""
    if at_ns not in market.held:
        market.held[at_ns] = float(hold_growth(market.prices, np.array([at_ns]))[0]) - 1.0
    return market.held[at_ns]


def _summary(record: RunRecord, told: _Told, trips: RoundTrips) -> dict[str, Any]:
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
        "symbols": list(record.market.last_closes),
        "timerange": dict(record.timerange),
        "data": dict(record.data),
        "counts": {
            "candles": record.market.candles,
            "wake_rows": record.wake_rows,
            "signals": told.counts[Signal],
            "gated": told.counts[SignalGated],
            "refusals": told.counts[Refusal],
            "orders": sum(1 for order in record.orders if order.quantity),
            "liquidations": told.counts[Liquidated],
        },
        "per_strategy": by_key(trips, "strategy", record.strategies),
        "per_symbol": by_key(trips, "symbol", record.market.last_closes),
        "timing": dict(record.timing),
        "warnings": [*record.warnings, *_notes(record, told)],
    }


def _notes(record: RunRecord, told: _Told) -> list[str]:
    """What happened in the run that its reader would not guess."""
    return [*_breaker_notes(told), *_liquidation_notes(told), *_fee_notes(record, told)]


def _breaker_notes(told: _Told) -> list[str]:
    """A breaker that stopped the opening of positions for good explains flat months: say so."""
    return [
        f"The {event.reason} breaker tripped at {iso(event.at_ns)[:16]} UTC: nothing was opened after that."
        for event in told.rare
        if isinstance(event, TradingStateSet) and event.reason == "max_drawdown"
    ]


def _liquidation_notes(told: _Told) -> list[str]:
    """What the venue closed by force is not what a strategy wanted: say so."""
    forced = [event for event in told.rare if isinstance(event, Liquidated)]
    notes = []
    for reason in dict.fromkeys(event.reason for event in forced):
        first, *others = [event for event in forced if event.reason == reason]
        text = f"{first.symbol} was {reason} at {iso(first.at_ns)[:16]} UTC: the venue closed the position."
        notes.append(f"{text} So it went {len(others)} more times." if others else text)
    return notes


def _fee_notes(record: RunRecord, told: _Told) -> list[str]:
    """Where the asset that fees are paid in ran out, they cost more than the settings seem to say."""
    if not record.prices:
        return []
    paid = [fill for fill in told.executed if fill.fee]
    full = [fill for fill in paid if fill.fee_asset not in record.prices]
    if not full:
        return []
    first = f"{iso(full[0].at_ns)[:16]} UTC"
    text = (
        f"There was not enough {', '.join(record.prices)} for {len(full)} of {len(paid)} fees, the first at"
    )
    return [f"{text} {first}: they were paid in {record.quote}, without discount."]


def _round_trips(record: RunRecord, told: _Told, reasons: Mapping[str, str]) -> RoundTrips:
    """Fold fills and funding into trades; ``reasons`` say by order id why there was that order."""
    return fold_round_trips(
        told.bookings,
        reasons=reasons,
        regimes=told.regimes,
        marks={symbol: decimal_of(close) for symbol, close in record.market.last_closes.items()},
        lots=_lots(record),
        prices=record.prices,
    )


def _lots(record: RunRecord) -> dict[str, Decimal]:
    return {symbol: instrument.lot for symbol, instrument in record.instruments.items()}
