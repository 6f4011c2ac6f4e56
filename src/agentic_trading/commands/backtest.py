"""``backtest``: run strategies over history, show what came of it, keep it."""

from pathlib import Path
from time import perf_counter
from typing import Any

import click

from agentic_trading.backtester.report.terminal import print_report
from agentic_trading.backtester.results import summary_text, write
from agentic_trading.commands.options import request_of, run_options
from agentic_trading.commands.progress import Progress
from agentic_trading.main import backtest as run_backtest


@click.command()
@run_options
@click.option("--capital", help="Starting cash in quote currency.")
@click.option("--seed", help="Seed of everything that is drawn.")
@click.option("--step", help="auto, or every to look at each candle; the result is the same.")
@click.option("--out", "out", type=click.Path(path_type=Path), help="Folder for the result.")
def backtest(capital: str | None, seed: str | None, step: str | None, out: Path | None, **flags: Any) -> None:
    """Run strategies over history and report.

    Without arguments: the three built-in strategies on the built-in, synthetic sample market.
    """
    began = perf_counter()
    more = {"backtest.capital": capital, "backtest.seed": seed, "backtest.step": step}
    request = request_of("backtest", flags, more)
    for note in request.notes:
        click.echo(note, err=True)
    with Progress(quiet=flags["quiet"] or flags["as_json"]) as progress:
        result = run_backtest(
            settings=request.settings, strategy_dirs=request.strategy_dirs, progress=progress.tell
        )
        progress.tell("report", None)
        reporting = perf_counter()
        folder = out or Path(request.settings.backtest.results_dir) / result.summary["run_id"]

        def stamp(summary: dict[str, Any]) -> dict[str, Any]:
            now = perf_counter()
            timing = {**summary["timing"], "report_s": now - reporting, "total_s": now - began}
            return {**summary, "timing": timing, "strategy_dirs": [str(d) for d in request.strategy_dirs]}

        summary = write(folder, result, stamp)
    result.summary.update(summary)
    if flags["as_json"]:
        click.echo(summary_text(summary), nl=False)
    elif flags["quiet"]:
        click.echo(str(folder))
    else:
        print_report(result, folder)
