"""The realism band: one request under optimistic, base and pessimistic assumptions, and where it breaks even.

The runs share history and feature columns. Each decides for itself: what an order cost or whether it was
filled can change later decisions, so the band is that of three honest runs and need not be nested.
"""

from collections.abc import Container, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.report.series import distinct, thin
from agentic_trading.backtester.report.text import percent
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.summary import result_of
from agentic_trading.break_even import HALVINGS, SEARCHES, Search, break_even
from agentic_trading.core.equity import EQUITY
from agentic_trading.core.events import Event
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.main import Progress, record_of
from agentic_trading.request import Objects, with_exchange
from agentic_trading.settings import AppSettings
from agentic_trading.shared_history import SharedHistory
from agentic_trading.simulation.fee_tiers import FEE_TIERS
from agentic_trading.simulation.settings import SimulationSettings


class Assumptions(msgspec.Struct, frozen=True):
    """How a kinder or a harsher market differs from the one in the settings.

    ``cost``, ``delay`` and ``participation`` multiply half-spread and slippage, all latencies, and our
    share of the volume. ``tiers`` moves that far in the venue's table of public fees, where the fees are
    not given. ``readings`` are settings that become this. A ``harsh`` market is at no point kinder than
    the defaults: who sets a cost to zero has made an assumption too.
    """

    cost: float
    delay: float
    participation: float
    tiers: int
    harsh: bool
    readings: Mapping[str, Any]


OPTIMISTIC = Assumptions(
    cost=0.5, delay=0.25, participation=2.0, tiers=1, harsh=False,
    readings={"ambiguity": "optimistic", "limit_fills": "touch"},
)  # fmt: skip
PESSIMISTIC = Assumptions(
    cost=2.0, delay=4.0, participation=0.5, tiers=-1, harsh=True,
    readings={"ambiguity": "pessimistic", "limit_fills": "through", "fills": "realistic",
              "fee_asset": None, "fee_asset_price": None, "fee_asset_quantity": None},
)  # fmt: skip
"""Half the cost and double the cost: quoted spreads and slippage of liquid pairs differ about that much
between quiet and busy hours. The price moves with the square root of time, so a quarter and four times
the delay also halve and double what the delay costs. What one candle cannot tell (which of stop and
target came first, whether a touched limit was filled) is read in our favour or against us; a tier and a
fee discount are what next month's volume may add or take away."""

_SLIPPAGE = {
    "fixed": "slippage_bps",
    "volatility": "slippage_volatility_factor",
    "impact": "slippage_impact_factor",
}
_DELAYS = ("latency_ms", "amend_latency_ms", "cancel_latency_ms", "report_latency_ms", "latency_jitter_ms")


def assumed(base: SimulationSettings, venue: str, other: Assumptions) -> SimulationSettings:
    """The settings of the market under other assumptions; ``venue`` is whose fee tiers count."""
    changes: dict[str, Any] = dict(other.readings)
    for name in ("half_spread_bps", _SLIPPAGE[base.slippage]):
        changes[name] = max(other.cost * getattr(base, name), _least(name, other))
    for name in _DELAYS:
        own = getattr(base, name)
        if own is not None:
            changes[name] = max(round(other.delay * own), int(_least(name, other)))
    most = _default("participation_ratio") if other.harsh else 1.0
    changes["participation_ratio"] = min(other.participation * base.participation_ratio, most)
    tiers = [tier for (at, _), table in FEE_TIERS.items() if at == venue for tier in table]
    tiers = list(dict.fromkeys(tiers))
    if base.fee_tier in tiers:
        moved = tiers.index(base.fee_tier) + other.tiers
        changes["fee_tier"] = tiers[min(max(moved, 0), len(tiers) - 1)]
    return base.model_copy(update=changes)


def _least(name: str, other: Assumptions) -> float:
    return (_default(name) or 0.0) if other.harsh else 0.0


def _default(name: str) -> Any:
    return SimulationSettings.model_fields[name].default


# --- the runs ---------------------------------------------------------------------------------

MOST_RUNS = 3 + len(SEARCHES) * (2 + HALVINGS)
CURVE_ROWS = 400
"""Most rows of the two curves that a summary carries."""


def backtest_band(
    settings: AppSettings,
    strategy_dirs: Sequence[Path] = (),
    objects: Objects | None = None,
    progress: Progress = lambda what, share: None,
) -> Result:
    """The base run's result with the whole band in its summary, under ``band``.

    ``settings`` are effective ones, ``objects`` strategies given as objects, by name. Takes at most
    `MOST_RUNS` runs. Raises as `main.backtest` does.
    """
    runs = _Runs(with_exchange(settings), strategy_dirs, objects, progress)
    markets = {
        "optimistic": assumed(runs.base, runs.venue, OPTIMISTIC),
        "pessimistic": assumed(runs.base, runs.venue, PESSIMISTIC),
    }
    base = runs.result(runs.base)
    others = {name: runs.result(market) for name, market in markets.items()}
    results = {"optimistic": others["optimistic"], "base": base, "pessimistic": others["pessimistic"]}
    found = runs.break_evens(traded=any(each.fills.height for each in results.values()))
    values = {name: value for name, (value, _) in found.items()}
    returns = [float(each.metrics["total_return_ratio"] or 0.0) for each in results.values()]
    base.summary["band"] = {
        "total_return_ratio": {"low": min(returns), "base": returns[1], "high": max(returns)},
        **{name: each.metrics for name, each in results.items()},
        "break_even_bps": {name: values[name] for name in ("fee", "slippage")},
        "break_even_delay_ms": values["delay"],
        "break_even_reasons": {name: reason for name, (_, reason) in found.items() if reason},
        "assumptions": {name: _differences(runs.base, market) for name, market in markets.items()},
        "fingerprints": {name: each.summary["fingerprint"] for name, each in results.items()},
        "runs": runs.done,
        "curve": _curve(base, others),
    }
    if not returns[2] <= returns[1] <= returns[0]:
        base.summary["warnings"].append(_not_nested(*returns))
    return base


class _Runs:
    """Runs one request again and again with other simulation settings."""

    def __init__(
        self, settings: AppSettings, dirs: Sequence[Path], objects: Objects | None, progress: Progress
    ) -> None:
        self._settings = settings
        self._dirs = dirs
        self._objects = objects
        self._progress = progress
        self._shared = SharedHistory()
        self.done = 0

    @property
    def base(self) -> SimulationSettings:
        return self._settings.simulation

    @property
    def venue(self) -> str:
        return self._settings.backtest.exchange

    def result(self, simulation: SimulationSettings) -> Result:
        return result_of(self._record(simulation))

    def break_evens(self, *, traded: bool) -> dict[str, tuple[float | None, str]]:
        """For each search the value, or None and why."""
        found: dict[str, tuple[float | None, str]] = {}
        for search in SEARCHES:
            if not traded:
                found[search.name] = None, "none: nothing was traded"
            elif search.market and self.base.fills == "next_open":
                found[search.name] = None, 'none: simulation.fills = "next_open" knows no such cost'
            else:
                found[search.name] = break_even(partial(self._net, search), search)
        return found

    def _net(self, search: Search, value: float) -> float:
        record = self._record(self.base.model_copy(update=dict(search.changes(value))), keep=())
        equity = record.equity[EQUITY]
        return float(equity[-1]) - float(record.capital) if equity.shape[0] else 0.0

    def _record(
        self, simulation: SimulationSettings, keep: Container[type[Event]] | None = None
    ) -> RunRecord:
        began = self.done

        def tell(what: str, share: float | None) -> None:
            self._progress(f"run {began + 1}: {what}", (began + (share or 0.0)) / MOST_RUNS)

        settings = self._settings.model_copy(update={"simulation": simulation})
        record = record_of(settings, self._dirs, self._objects, tell, self._shared, keep)
        self.done += 1
        return record


def _differences(base: SimulationSettings, other: SimulationSettings) -> dict[str, Any]:
    """What other assumptions set otherwise, by key of ``[simulation]``."""
    values = other.model_dump(mode="json")
    return {key: values[key] for key, own in base.model_dump(mode="json").items() if values[key] != own}


def _curve(base: Result, others: Mapping[str, Result]) -> dict[str, list[Any]]:
    """Both edges as equity at the times of the base run, thinned; a run that ended early stays there."""
    at_ns = base.equity["timestamp_ns"].to_numpy()
    if not at_ns.shape[0]:
        return {}
    edges = {name: _as_long(each, at_ns.shape[0]) for name, each in others.items()}
    rows = distinct(np.concatenate([thin(edge, CURVE_ROWS // 2) for edge in edges.values()]))
    rounded = {name: [round(value, 2) for value in edge[rows].tolist()] for name, edge in edges.items()}
    return {"timestamp_ns": at_ns[rows].tolist(), **rounded}


def _as_long(result: Result, count: int) -> FloatArray:
    equity: FloatArray = np.concatenate(([result.capital], result.equity["equity"].to_numpy()))
    rows: IntArray = np.minimum(np.arange(1, count + 1), equity.shape[0] - 1)
    return equity[rows]


def _not_nested(optimistic: float, base: float, pessimistic: float) -> str:
    return (
        f"The band is not nested: {percent(pessimistic)} with pessimistic, {percent(base)} with base and "
        f"{percent(optimistic)} with optimistic assumptions, because the runs decided differently."
    )
