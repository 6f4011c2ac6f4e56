"""Where the result comes from: by strategy, symbol, regime, hour, calendar period, cost and refusal."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

import polars as pl

from agentic_trading.backtester.metrics import trade_figures
from agentic_trading.backtester.trades.round_trips import OpenPosition, RoundTrips, Trade
from agentic_trading.core.enums import DAY_NS, HOUR_NS
from agentic_trading.core.events import Fill, FundingPosted
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.core.money import ZERO, exact

WEEKLY_BELOW_DAYS = 92
"""Runs shorter than this are broken down by week, longer ones by month."""


def by_key(
    round_trips: RoundTrips, key: Literal["strategy", "symbol"], names: Iterable[str]
) -> dict[str, dict[str, float | None]]:
    """The ``per_strategy`` or ``per_symbol`` part of a summary, for ``names`` and all that traded.

    Each has net_profit (closed trades), open_profit (net and unrealised of what is still open),
    gross, fees, funding, and the trade metrics. Money is in quote currency; net_profit plus
    open_profit over all of them is the net profit of the run.
    """
    trades: dict[str, list[Trade]] = {name: [] for name in names}
    positions: dict[str, list[OpenPosition]] = {name: [] for name in trades}
    for trade in round_trips.trades:
        trades.setdefault(getattr(trade, key), []).append(trade)
    for position in round_trips.open_positions:
        positions.setdefault(getattr(position, key), []).append(position)
    merged = list(trades) + [name for name in positions if name not in trades]
    return {name: _part(trades.get(name, []), positions.get(name, [])) for name in merged}


def _part(trades: Sequence[Trade], positions: Sequence[OpenPosition]) -> dict[str, float | None]:
    with exact():
        money = {
            "net_profit": _total(trade.net for trade in trades),
            "open_profit": _total(each.net + each.unrealised for each in positions),
            "gross": _total(trade.gross for trade in trades),
            "fees": _total(trade.fees for trade in trades) + _total(each.fees for each in positions),
            "funding": _total(trade.funding for trade in trades) + _total(each.funding for each in positions),
        }
    return {**{name: float(value) for name, value in money.items()}, **trade_figures(trades)}


def costs(
    fills: Iterable[Fill], fees: Iterable[Decimal], funding: Iterable[FundingPosted]
) -> dict[str, float]:
    """The ``costs`` part of a summary, in quote currency.

    ``fees`` and ``slippage`` (fill price against its reference price) are positive when paid;
    ``funding`` keeps the sign of its payments: positive when received. ``fees`` are the fills' fees
    valued in quote.
    """
    with exact():
        slippage = _total(
            fill.side.sign * fill.quantity * (fill.price - fill.reference_price) for fill in fills
        )
        return {
            "fees": float(_total(fees)),
            "slippage": float(slippage),
            "funding": float(_total(posted.payment for posted in funding)),
        }


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


class Period(NamedTuple):
    """One month (``2024-05``) or week (its Monday, ``2024-05-06``) of a run."""

    label: str
    return_ratio: float | None
    profit: float
    trades: int


def periods(
    day_end_ns: IntArray, day_equity: FloatArray, capital: float, exit_ns: IntArray
) -> tuple[Period, ...]:
    """Returns by calendar period from daily equity, with the number of trades that ended in each.

    Months, or ISO weeks when the run is shorter than `WEEKLY_BELOW_DAYS`. ``return_ratio`` is None where
    the period began without equity.
    """
    weekly = day_end_ns.shape[0] < WEEKLY_BELOW_DAYS
    ends: dict[str, float] = {}
    for end_ns, equity in zip(day_end_ns.tolist(), day_equity.tolist(), strict=True):
        ends[_label(end_ns - 1, weekly)] = equity
    counts = dict.fromkeys(ends, 0)
    for at_ns in exit_ns.tolist():
        # An exit at midnight belongs to the day that ends there, like the equity row it is in.
        label = _label(at_ns - 1, weekly)
        counts[label] = counts.get(label, 0) + 1
    found = []
    before = capital
    for label, after in ends.items():
        ratio = after / before - 1.0 if before > 0 else None
        found.append(Period(label, ratio, after - before, counts[label]))
        before = after
    return tuple(found)


def _label(at_ns: int, weekly: bool) -> str:
    day = datetime.fromtimestamp((at_ns // DAY_NS) * 86_400, tz=UTC)
    if weekly:
        return (day - timedelta(days=day.weekday())).strftime("%Y-%m-%d")
    return day.strftime("%Y-%m")


class Slice(NamedTuple):
    """The closed trades that share something: how many, how many won, and their net profit."""

    label: str
    trades: int
    won: int
    net: float


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY_OF_1970 = 3
"""1970-01-01 was a Thursday."""


def slices(trades: pl.DataFrame) -> dict[str, tuple[Slice, ...]]:
    """Closed trades by what they have in common: regime, direction, exit reason, weekday and hour of entry.

    ``trades`` as in ``trades.parquet``. Weekdays and hours are UTC and all there, the others by size.
    """
    net = trades["net"].cast(pl.Float64)
    entry_ns = trades["entry_ns"].to_numpy()
    weekday = (entry_ns // DAY_NS + _WEEKDAY_OF_1970) % 7
    hour = entry_ns % DAY_NS // HOUR_NS
    days = [WEEKDAYS[at] for at in weekday.tolist()]
    hours = [f"{at:02d}:00" for at in hour.tolist()]
    return {
        "regime": _slices(trades["regime"].to_list(), net, ()),
        "direction": _slices(trades["direction"].to_list(), net, ()),
        "exit": _slices(trades["exit_reason"].to_list(), net, ()),
        "weekday": _slices(days, net, WEEKDAYS),
        "hour": _slices(hours, net, tuple(f"{at:02d}:00" for at in range(24))),
    }


def _slices(labels: Sequence[str | None], net: pl.Series, all_labels: Sequence[str]) -> tuple[Slice, ...]:
    found = {label: [0, 0, 0.0] for label in all_labels}
    for label, value in zip(labels, net.to_list(), strict=True):
        part = found.setdefault(label or "unknown", [0, 0, 0.0])
        part[0] += 1
        part[1] += value > 0
        part[2] += value
    parts = [Slice(label, int(count), int(won), total) for label, (count, won, total) in found.items()]
    return tuple(parts) if all_labels else tuple(sorted(parts, key=lambda part: (-part.trades, part.label)))


def refusals_by_code(decisions: pl.DataFrame) -> list[tuple[str, str, int]]:
    """How often what was gated or refused, as (kind, code, count), the most frequent first."""
    stopped = decisions.filter(pl.col("kind").is_in(["gated", "refusal"]))
    counted = stopped.group_by("kind", "code").len()
    counted = counted.sort(["len", "kind", "code"], descending=[True, False, False])
    return [(kind, code or "", count) for kind, code, count in counted.iter_rows()]
