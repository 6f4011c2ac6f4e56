"""The result of a run, in memory: what it did and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from agentic_trading.backtester.frames import SCHEMAS, checked


def empty(name: str) -> pl.DataFrame:
    """A table of a result without rows."""
    return pl.DataFrame(schema=SCHEMAS[name])


@dataclass(frozen=True)
class Result:
    """Summary and tables of one run; `backtester.results` writes and reads them.

    ``summary`` is the document of ``summary.json``. Beyond its contract the reports use, where present:
    ``capital`` (number), ``quote``, ``metric_reasons`` (why a metric is null) and ``exchange``.
    ``prices`` are the candles of the price charts (`series.price_candles`). Raises ValueError if a table
    does not have the columns of `frames.SCHEMAS`.
    """

    summary: dict[str, Any]
    equity: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    trades: pl.DataFrame
    decisions: pl.DataFrame
    funding: pl.DataFrame
    settings_toml: str
    open_positions: pl.DataFrame = field(default_factory=lambda: empty("open_positions"))
    prices: pl.DataFrame = field(default_factory=lambda: empty("prices"))

    def __post_init__(self) -> None:
        for name in SCHEMAS:
            checked(name, getattr(self, name))

    @property
    def metrics(self) -> dict[str, float | None]:
        """Metric values by key; None where the summary's ``metric_reasons`` says why."""
        metrics: dict[str, float | None] = self.summary["metrics"]
        return metrics

    @property
    def capital(self) -> float:
        """What the run started with, in quote currency."""
        given = self.summary.get("capital")
        if given is not None:
            return float(given)
        return float(self.equity["equity"][-1]) - float(self.metrics["net_profit"] or 0.0)

    def report(self, path: str | Path) -> Path:
        """Write the self-contained HTML report and return its path.

        Raises ConfigError if the file cannot be written.
        """
        from agentic_trading.backtester.report.page import write_report

        return write_report(self, Path(path))
