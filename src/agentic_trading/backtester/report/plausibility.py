"""What a reader must know before believing the figures of a run."""

from collections.abc import Mapping, Sequence

from agentic_trading.backtester.metrics import MIN_DAYS_TO_ANNUALISE
from agentic_trading.backtester.report.text import percent

IMPLAUSIBLE_SHARPE = 5.0
IMPLAUSIBLE_RETURN_RATIO = 10.0


def warnings_for(
    metrics: Mapping[str, float | None], days: float, stopped: Sequence[tuple[str, str, int]], signals: int
) -> list[str]:
    """Warnings, one sentence each: implausible results, too few days, no trades and why.

    ``stopped`` are gates and refusals by code (`breakdown.refusals_by_code`), ``signals`` their base.
    """
    found = []
    sharpe, total = metrics.get("sharpe"), metrics.get("total_return_ratio")
    if sharpe is not None and sharpe > IMPLAUSIBLE_SHARPE:
        found.append(f"A Sharpe ratio of {sharpe:.1f} is implausible: look for look-ahead or missing costs.")
    if total is not None and total > IMPLAUSIBLE_RETURN_RATIO:
        found.append(f"A return of {percent(total)} is implausible: look for look-ahead or missing costs.")
    if days < MIN_DAYS_TO_ANNUALISE:
        found.append(
            f"{days:.1f} days are fewer than {MIN_DAYS_TO_ANNUALISE}: CAGR and Calmar are withheld, and "
            "annualised figures say little."
        )
    if metrics.get("trades") == 0:
        found.append(f"No closed trades: {_why_no_trades(stopped, signals)}.")
    return found


def _why_no_trades(stopped: Sequence[tuple[str, str, int]], signals: int) -> str:
    if not signals:
        return "the strategies gave no signal in this period"
    if not stopped:
        return f"of {signals:,} signals none led to a position that was closed again"
    counts = ", ".join(f"{count:,} x {code or kind}" for kind, code, count in stopped[:6])
    return f"of {signals:,} signals, {counts}"
