"""``optimize``: run strategies with many parameter sets over the same history and rank what came of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pydantic
from pydantic_core import to_json
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from agentic_trading.backtester.metrics import METRIC_KEYS
from agentic_trading.backtester.report.terminal import PLAIN_WIDTH
from agentic_trading.backtester.report.text import percent, plain
from agentic_trading.backtester.results import summary_text
from agentic_trading.backtester.summary import BOOKINGS, metrics_of
from agentic_trading.commands.options import Request, request_of, run_options
from agentic_trading.commands.progress import Progress
from agentic_trading.core.errors import ConfigError, TradingError, UsageError
from agentic_trading.inputs import load_inputs, share_inputs
from agentic_trading.main import record_of
from agentic_trading.optimization.executors import processes
from agentic_trading.optimization.search import Space, Value, grid, sample, values_of
from agentic_trading.request import with_exchange, with_params
from agentic_trading.settings import AppSettings
from agentic_trading.shared_history import SharedHistory
from agentic_trading.strategies.registry import Catalogue, create, discover

ROWS_SHOWN = 20
_LESS_IS_BETTER = ("max_drawdown", "volatility", "var_", "es_")
_SEED = 7
_COLUMNS = {
    "total_return_ratio": "Return", "sharpe": "Sharpe", "max_drawdown_ratio": "Drawdown", "trades": "Trades",
}  # fmt: skip
"""Headings of the metrics that every ranking shows."""

Params = Mapping[str, Value]
Line = dict[str, Any]


class Evaluation:
    """One backtest per parameter set; what was read and computed serves all of them, in every process."""

    def __init__(
        self, settings: AppSettings, strategy_dirs: Sequence[Path], tell: Callable[[str], None] | None = None
    ) -> None:
        """``tell`` hears the names of the features that `prepare` computes."""
        self._settings = settings
        self._dirs = tuple(strategy_dirs)
        self._shared = SharedHistory(tell)

    def prepare(self, sets: Sequence[Params]) -> None:
        """Read and compute what the sets have in common, or say what is missing for the first of them."""
        runs = (with_params(self._settings, params) for params in sets)
        load_inputs(with_params(self._settings, sets[0]), self._dirs, shared=self._shared)
        share_inputs(runs, self._dirs, self._shared)

    def __call__(self, params: Params) -> Line:
        """Metrics and fingerprint of a run with these parameters."""
        chosen = with_params(self._settings, params)
        record = record_of(chosen, self._dirs, shared=self._shared, keep=BOOKINGS)
        return {"fingerprint": record.fingerprint, "metrics": metrics_of(record).values}


@click.command()
@run_options
@click.option("--param", "params", multiple=True, metavar="STRATEGY.NAME=VALUES",
              help="What to try: V1,V2,V3 or LOW:HIGH:STEP; repeatable.")  # fmt: skip
@click.option("--epochs", type=int, help="Try this many sets, drawn at random; default: the full grid.")
@click.option("--random-state", type=int, default=_SEED, show_default=True, help="Seed of the draw.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=2, show_default=True, help="Worker processes.")
@click.option("--metric", default="sharpe", show_default=True, help="Metric key to rank by.")
def optimize(
    params: tuple[str, ...], epochs: int | None, random_state: int, jobs: int, metric: str, **flags: Any
) -> None:
    """Try parameter sets over the same history and rank them; the same ranking whatever -j is."""
    request = request_of("backtest", flags)
    request = request._replace(settings=with_exchange(request.settings))
    if metric not in METRIC_KEYS:
        raise UsageError(f"--metric {metric}: choose one of {', '.join(METRIC_KEYS)}")
    space = _space(params)
    catalogue = discover(request.strategy_dirs)
    _refuse_values(space, request.settings, catalogue)
    drawn = grid(space) if epochs is None else sample(space, epochs, random_state)
    sets, impossible = _possible(drawn, request.settings, catalogue)
    for note in request.notes:
        click.echo(note, err=True)
    with Progress(quiet=flags["quiet"] or flags["as_json"]) as progress:
        lines = _evaluate(request, sets, jobs, progress)
    ranked = ranking(lines, metric)
    failed = [line for line in lines if line["error"]]
    if flags["as_json"]:
        seed = None if epochs is None else random_state
        document = {
            "metric": metric, "space": space, "random_state": seed, "sets": len(drawn),
            "impossible": impossible, "results": ranked, "failed": failed,
        }  # fmt: skip
        click.echo(summary_text(document), nl=False)
    else:
        _print(ranked, metric, list(space), len(drawn), impossible, quiet=flags["quiet"])
    if failed:
        first = failed[0]
        raise TradingError(
            f"{len(failed)} of {len(sets)} parameter sets failed; the first, {_text(first['params'])}: "
            f"{first['error']}"
        )


# --- what is tried ----------------------------------------------------------------------------


def _space(params: Sequence[str]) -> Space:
    if not params:
        raise UsageError("say what to try with --param, such as --param trend_following.fast=8,16,24")
    space: dict[str, list[Value]] = {}
    for text in params:
        name, equals, values = text.partition("=")
        strategy, dot, key = name.strip().partition(".")
        if not (equals and dot and strategy and key):
            raise UsageError(f"--param {text}: write STRATEGY.NAME=V1,V2,V3 or STRATEGY.NAME=LOW:HIGH:STEP")
        if name.strip() in space:
            raise UsageError(f"--param {name.strip()} is given twice: name all its values at once")
        try:
            space[name.strip()] = values_of(values)
        except UsageError as problem:
            raise UsageError(f"--param {name.strip()}: {problem}") from None
    return space


def _refuse_values(space: Space, settings: AppSettings, catalogue: Catalogue) -> None:
    """Refuse names that do not exist and values that no other value could make right."""
    for name, values in space.items():
        strategy = name.partition(".")[0]
        for value in values:
            chosen = with_params(settings, {name: value})
            own = next(each.params for each in chosen.strategies if each.strategy_id == strategy)
            try:
                create(strategy, own, catalogue=catalogue)
            except ConfigError as problem:
                if not _depends_on_others(catalogue, strategy, own):
                    raise UsageError(f"--param {name}: {str(problem).splitlines()[0]}") from None


def _depends_on_others(catalogue: Catalogue, strategy: str, own: Mapping[str, Any]) -> bool:
    """Whether each parameter is right by itself, and only their combination is refused."""
    if strategy not in catalogue:
        return False
    try:
        catalogue[strategy].params_type.model_validate_json(to_json(dict(own)))
    except pydantic.ValidationError as problems:
        return all(not problem["loc"] for problem in problems.errors())
    return False


def _possible(
    drawn: Sequence[Params], settings: AppSettings, catalogue: Catalogue
) -> tuple[list[Params], int]:
    """The sets whose parameters go together, and how many do not; ConfigError if none is left."""
    sets: list[Params] = []
    refusal = ""
    for params in drawn:
        chosen = with_params(settings, params)
        try:
            for each in chosen.strategies:
                if each.enabled:
                    create(each.strategy_id, each.params, catalogue=catalogue)
        except ConfigError as problem:
            refusal = refusal or str(problem).splitlines()[0]
        else:
            sets.append(params)
    if not sets:
        raise ConfigError(f"none of the {len(drawn)} parameter sets is possible: {refusal}")
    return sets, len(drawn) - len(sets)


# --- what came of it --------------------------------------------------------------------------


def _evaluate(request: Request, sets: Sequence[Params], jobs: int, progress: Progress) -> list[Line]:
    """One line per set, in the order of the sets."""
    evaluation = Evaluation(
        request.settings, request.strategy_dirs, lambda name: progress.tell(f"feature {name}", None)
    )

    def prepare() -> None:
        progress.tell("history", None)
        evaluation.prepare(sets)
        progress.tell(f"0 of {len(sets)} parameter sets", 0.0)

    def died(position: int, exit_code: int) -> None:
        click.echo(f"a worker died over {_text(sets[position])} (exit code {exit_code})", err=True)

    lines: list[Line] = [{} for _ in sets]
    for done, outcome in enumerate(processes(evaluation, sets, jobs, died, prepare), 1):
        found = outcome.value or {"fingerprint": None, "metrics": {}}
        lines[outcome.position] = {"params": dict(sets[outcome.position]), "error": outcome.error, **found}
        progress.tell(f"{done} of {len(sets)} parameter sets", done / len(sets))
    return lines


def ranking(lines: Sequence[Line], metric: str) -> list[Line]:
    """The lines that have a result, best first; those without the metric last, equals as they were tried."""
    sign = 1.0 if metric.startswith(_LESS_IS_BETTER) else -1.0

    def place(line: Line) -> tuple[bool, float]:
        value = line["metrics"][metric]
        return value is None, 0.0 if value is None else sign * value

    return sorted((line for line in lines if not line["error"]), key=place)


def _text(params: Params) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())


def _print(
    ranked: Sequence[Line], metric: str, names: Sequence[str], tried: int, impossible: int, *, quiet: bool
) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    shown = [metric] if metric not in _COLUMNS else []
    for heading in (*shown, *_COLUMNS.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in ranked[:ROWS_SHOWN]:
        metrics = line["metrics"]
        table.add_row(
            *(str(line["params"][name]) for name in names),
            *(plain(metrics[key], 4) for key in shown),
            percent(metrics["total_return_ratio"]), plain(metrics["sharpe"]),
            percent(metrics["max_drawdown_ratio"], signed=False), plain(metrics["trades"], 0),
        )  # fmt: skip
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)).print(table)
    if quiet:
        return
    if len(ranked) > ROWS_SHOWN:
        click.echo(f"\n{len(ranked) - ROWS_SHOWN} more are in --json.")
    if impossible:
        click.echo(f"\n{impossible} of {tried} sets were left out: their parameters do not go together.")
    click.echo(
        f"\nThe best by {metric} of {len(ranked)} tried on the same history: expect less of it on other data."
    )
