"""``backtest``: run strategies over history, show what came of it, keep it."""

from pathlib import Path
from time import perf_counter
from typing import Any

import click

from agentic_trading.backtester.peers import PEERS, peer_metrics
from agentic_trading.backtester.results import summary_text, write
from agentic_trading.band import backtest_band
from agentic_trading.commands.options import request_of, run_options
from agentic_trading.commands.progress import Progress
from agentic_trading.core.errors import UsageError
from agentic_trading.main import backtest as run_backtest


@click.command()
@run_options
@click.option("--capital", help="Starting cash in quote currency.")
@click.option("--seed", help="Seed of everything that is drawn.")
@click.option("--detail-timeframe", help="Finer candles that orders meet where they are stored, such as 1m.")
@click.option(
    "--step", help="auto, every to look at each candle, or bus to take no short cuts; the result is the same."
)
@click.option(
    "--band",
    is_flag=True,
    help="Also run under better and worse assumptions, and find what it breaks even at.",
)
@click.option("--metrics", "peer", metavar="|".join(PEERS), help="Also show the figures of another engine.")
@click.option("--out", "out", type=click.Path(path_type=Path), help="Folder for the result.")
def backtest(
    capital: str | None,
    seed: str | None,
    step: str | None,
    detail_timeframe: str | None,
    band: bool,
    peer: str | None,
    out: Path | None,
    **flags: Any,
) -> None:
    """Run strategies over history and report.

    Without arguments: the three built-in strategies on the built-in, synthetic sample market.
    """
    began = perf_counter()
    if peer is not None and peer not in PEERS:
        raise UsageError(f"--metrics {peer}: choose one of {', '.join(PEERS)}")
    more = {"backtest.capital": capital, "backtest.seed": seed, "backtest.step": step}
    more["backtest.detail_timeframe"] = detail_timeframe
    request = request_of("backtest", flags, more)
    for note in request.notes:
        click.echo(note, err=True)
    with Progress(quiet=flags["quiet"] or flags["as_json"]) as progress:
        settings, dirs = request.settings, request.strategy_dirs
        if band:
            result = backtest_band(settings, dirs, progress=progress.tell)
        else:
            result = run_backtest(settings=settings, strategy_dirs=dirs, progress=progress.tell)
        if peer is not None:
            result.summary["peer_metrics"] = peer_metrics(result, peer)
        progress.tell("report", None)
        reporting = perf_counter()
        folder = out or Path(settings.backtest.results_dir) / result.summary["run_id"]

        def stamp(summary: dict[str, Any]) -> dict[str, Any]:
            now = perf_counter()
            timing = {**summary["timing"], "report_s": now - reporting, "total_s": now - began}
            return {**summary, "timing": timing, "strategy_dirs": [str(each) for each in dirs]}

        summary = write(folder, result, stamp)
    result.summary.update(summary)
    if flags["as_json"]:
        click.echo(summary_text(summary), nl=False)
    elif flags["quiet"]:
        click.echo(str(folder))
    else:
        from agentic_trading.backtester.report.terminal import print_report  # draws with a library of its own

        print_report(result, folder)
