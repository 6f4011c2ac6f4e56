"""``runs``, ``show RUN`` and ``report RUN``: look at past results again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from agentic_trading.backtester.report.page import write_report
from agentic_trading.backtester.report.terminal import PLAIN_WIDTH, print_report
from agentic_trading.backtester.report.text import money, percent, plain
from agentic_trading.backtester.results import REPORT, Run, RunStore, summary_text
from agentic_trading.core.errors import ConfigError

Command = Callable[..., Any]


def _store_options(command: Command) -> Command:
    """The options these verbs share: where results are, and JSON instead of text."""
    where = click.option(
        "--out", "results_dir", default="data/results", show_default=True,
        type=click.Path(path_type=Path), help="Folder that holds the results.",
    )  # fmt: skip
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    return where(as_json(command))


@click.command()
@_store_options
def runs(results_dir: Path, as_json: bool) -> None:
    """List past runs, the newest last."""
    found = RunStore(results_dir).runs()
    if as_json:
        click.echo(summary_text({"runs": [_line(run) for run in found]}), nl=False)
    elif not found:
        click.echo(f"No runs in {results_dir} yet. `agentic-trading backtest` makes one.")
    else:
        _print_runs(found)
        click.echo("\nNext: agentic-trading show last")


@click.command()
@click.argument("run")
@_store_options
def show(run: str, results_dir: Path, as_json: bool) -> None:
    """Print the report of RUN: an id, the start of one, a result's folder, or `last`."""
    store = RunStore(results_dir)
    found = store.find(run)
    if as_json:
        click.echo(summary_text(found.summary), nl=False)
    else:
        print_report(store.load(str(found.folder)), found.folder)


@click.command()
@click.argument("run")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; default: in the run's folder."
)
@_store_options
def report(run: str, output: Path | None, results_dir: Path, as_json: bool) -> None:
    """Build the HTML report of RUN again from its tables."""
    store = RunStore(results_dir)
    found = store.find(run)
    if output is not None and output.is_dir():
        raise ConfigError(f"{output} is a folder; name the file to write, such as {output / REPORT}")
    path = write_report(store.load(str(found.folder)), output or found.folder / REPORT)
    if as_json:
        click.echo(summary_text({"run_id": found.run_id, "report": str(path)}), nl=False)
    else:
        click.echo(f"Report of {found.run_id}: {path}")


def _line(run: Run) -> dict[str, Any]:
    metrics = run.summary.get("metrics", {})
    keys = ("net_profit", "total_return_ratio", "max_drawdown_ratio", "sharpe", "trades")
    return {
        "run_id": run.run_id,
        "folder": str(run.folder),
        "strategies": run.summary.get("strategies", []),
        "symbols": run.summary.get("symbols", []),
        "timerange": run.summary.get("timerange"),
        "fingerprint": run.summary.get("fingerprint"),
        **{key: metrics.get(key) for key in keys},
    }


def _print_runs(found: list[Run]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("Run", no_wrap=True)  # it is there to be copied
    for heading in ("Strategies", "Symbols"):
        table.add_column(heading, overflow="fold")
    for heading in ("Return", "Drawdown", "Sharpe", "Trades", "Profit"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in found:
        line = _line(run)
        table.add_row(
            run.run_id, ", ".join(line["strategies"]), ", ".join(line["symbols"]),
            percent(line["total_return_ratio"]), percent(line["max_drawdown_ratio"], signed=False),
            plain(line["sharpe"]), plain(line["trades"], 0), money(line["net_profit"], signed=True),
        )  # fmt: skip
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)).print(table)
