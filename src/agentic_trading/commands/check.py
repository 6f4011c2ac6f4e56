"""``check STRATEGY``: looks for what would make its backtest lie, row by row."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table as RichTable

from agentic_trading.backtester.results import summary_text
from agentic_trading.commands.options import request_of, run_options
from agentic_trading.commands.progress import Progress
from agentic_trading.contenders import Contender
from agentic_trading.core.clock import iso
from agentic_trading.core.errors import TradingError, UsageError, VerificationFailed
from agentic_trading.core.models import CandleColumns
from agentic_trading.data.candle_builder import build
from agentic_trading.features.columns import ColumnStore
from agentic_trading.features.table import Table, build_table
from agentic_trading.inputs import Inputs, load_inputs
from agentic_trading.main import backtest
from agentic_trading.optimization.executors import processes
from agentic_trading.request import effective_settings
from agentic_trading.settings import AppSettings
from agentic_trading.strategies.base import BaseStrategy, has_triggers
from agentic_trading.strategies.checking.chance import Statement, check_chance, contradictions, statement_of
from agentic_trading.strategies.checking.ground import Covered, Finding, Ground, Make
from agentic_trading.strategies.checking.hidden_state import check_hidden_state
from agentic_trading.strategies.checking.look_ahead import check_look_ahead, check_look_back, part_of
from agentic_trading.strategies.checking.triggers import check_triggers
from agentic_trading.strategies.regime.threshold import ThresholdRegime

WARM_UP_ROWS = 20
"""Rows at which a feature is computed again from its warm-up alone."""

SEEDS = ("1", "2")
"""Seeds of Python's text hashes for the process elsewhere: one of them is not ours."""

Tell = Callable[[str, float | None], None]
_SILENT: Tell = lambda what, share: None  # noqa: E731


class Checked(NamedTuple):
    """What was looked at and what was found."""

    strategy: str
    has_triggers: bool
    covered: list[Covered]
    findings: list[Finding]
    fingerprint: str


@click.command()
@click.argument("name", metavar="STRATEGY")
@run_options
def check(name: str, **flags: Any) -> None:
    """Look for what would make a backtest of STRATEGY lie; exit 4 on a finding.

    Triggers complete, no hidden state, no look-ahead, warm-up long enough, the same result every time.
    """
    if flags["strategy"] is not None:
        raise UsageError("check takes one strategy as its argument; leave out --strategy")
    request = request_of("backtest", flags | {"strategy": name})
    for note in request.notes:
        click.echo(note, err=True)
    with Progress(quiet=flags["quiet"] or flags["as_json"]) as progress:
        checked = check_strategy(name, request.settings, request.strategy_dirs, progress.tell)
    if flags["as_json"]:
        click.echo(summary_text(_document(checked)), nl=False)
    else:
        _show(checked, quiet=flags["quiet"])
    if checked.findings:
        count = len(checked.findings)
        raise VerificationFailed(f"strategy {checked.strategy}: {count} finding{'s' if count > 1 else ''}")


def check_strategy(
    strategy: str | BaseStrategy[Any],
    settings: AppSettings,
    strategy_dirs: Sequence[Path] = (),
    tell: Tell = _SILENT,
) -> Checked:
    """Run every check on one strategy, given by name or as an object.

    Raises what a backtest of it would raise before it begins.
    """
    name, make, inputs, grounds = _grounds(strategy, settings, strategy_dirs, tell)
    # First of all: afterwards a counter outside the strategy may have come to rest.
    tell("hidden state", None)
    findings = check_hidden_state(make, grounds)
    covered: list[Covered] = []
    for ground in grounds:
        tell(f"triggers {ground.symbol}", None)
        seen, missed = check_triggers(make, ground)
        covered += seen
        findings += missed
    for ground in grounds:
        tell(f"look-ahead {ground.symbol}", None)
        findings += check_look_ahead(make, ground)
        findings += _warm_up(ground, inputs)
        findings += check_look_back(make, ground)
    tell("determinism", None)
    findings += _determinism(strategy, settings, strategy_dirs, make, grounds)
    fingerprint, differing = _runs(strategy, settings, strategy_dirs, tell)
    return Checked(name, has_triggers(type(make())), covered, findings + differing, fingerprint)


def _grounds(
    strategy: str | BaseStrategy[Any],
    settings: AppSettings,
    strategy_dirs: Sequence[Path],
    tell: Tell = _SILENT,
) -> tuple[str, Make, Inputs, list[Ground]]:
    """Name and maker of the strategy, the inputs of a run of it, and the ground of each of its symbols."""
    chosen, objects = effective_settings(settings, [strategy], None, strategy_dirs)
    inputs = load_inputs(chosen, strategy_dirs, lambda what: tell(what, None), objects)
    (contender,) = inputs.contenders
    origin = contender.strategy
    grounds = []
    for symbol in contender.symbols:
        base = inputs.timeline.columns[inputs.timeline.symbols.index(symbol)]
        table = inputs.tables[(contender.timeframe, symbol)][1]
        rules = inputs.instruments[symbol]
        rebuild = partial(_table_of, contender=contender, settings=chosen, can_short=rules.can_short)
        grounds.append(Ground(rules, table, base, rebuild))
    return contender.settings.strategy_id, partial(type(origin), origin.params), inputs, grounds


def _table_of(base: CandleColumns, contender: Contender, settings: AppSettings, *, can_short: bool) -> Table:
    """The table that a run over these base candles would give the strategy."""
    regime = ThresholdRegime(settings.regime) if settings.regime.enabled else None
    specs = [*(regime.features if regime is not None else ()), *contender.specs]
    frames = [contender.timeframe, *(spec.timeframe for spec in specs if spec.timeframe is not None)]
    built = {base.timeframe: base} | {frame: build(base, frame) for frame in dict.fromkeys(frames)}
    return build_table(built, contender.timeframe, contender.specs, regime, can_short=can_short)


def _determinism(
    strategy: str | BaseStrategy[Any],
    settings: AppSettings,
    strategy_dirs: Sequence[Path],
    make: Make,
    grounds: Sequence[Ground],
) -> Iterator[Finding]:
    """No clock, no chance, and the same answers a second time, also in a process with other text hashes.

    A strategy given as an object is not asked elsewhere: only a name can be found again there.
    """
    ours = [statement_of(make, ground) for ground in grounds]
    again = [statement_of(make, ground) for ground in grounds]
    elsewhere: Sequence[Statement] = ()
    if isinstance(strategy, str):
        with _other_hashes():
            witness = Witness(settings, tuple(strategy_dirs))
            outcome = next(processes(witness, [strategy], 1))
        if outcome.value is None:
            yield Finding("determinism", "", 0, "in another process", outcome.error)
        else:
            elsewhere = outcome.value
    for number, ground in enumerate(grounds):
        heard = check_chance(make, ground)
        heard = heard or contradictions(ground, ours[number], again[number], "when asked again")
        if elsewhere and not heard:
            when = "in another process: it depends on hashes, as the order of a set does"
            heard = contradictions(ground, ours[number], elsewhere[number], when)
        yield from heard


class Witness(msgspec.Struct, frozen=True):
    """Asks a strategy of a name, found and loaded anew, on all its symbols."""

    settings: AppSettings
    strategy_dirs: tuple[Path, ...]

    def __call__(self, strategy: str) -> list[Statement]:
        _, make, _, grounds = _grounds(strategy, self.settings, self.strategy_dirs)
        return [statement_of(make, ground) for ground in grounds]


@contextmanager
def _other_hashes() -> Iterator[None]:
    """Processes that start within hash texts differently from this one."""
    ours = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = next(seed for seed in SEEDS if seed != ours)
    try:
        yield
    finally:
        del os.environ["PYTHONHASHSEED"]
        if ours is not None:
            os.environ["PYTHONHASHSEED"] = ours


def _warm_up(ground: Ground, inputs: Inputs) -> Iterator[Finding]:
    """Features computed from the declared warm-up alone must have the bits of the whole history."""
    (contender,) = inputs.contenders
    whole = ColumnStore()
    for spec in contender.specs:
        candles = build(ground.base, spec.timeframe or contender.timeframe)
        values = whole.feature(candles, spec)
        for last in np.linspace(spec.warm_up, len(candles), WARM_UP_ROWS).astype(np.int64).tolist():
            first = last - spec.warm_up
            if last > len(candles):
                break
            again = ColumnStore().feature(part_of(candles, first, last), spec)[:, -1]
            if again.tobytes() != values[:, last - 1].tobytes():
                at_ns = int(candles.close_ns[last - 1])
                what = f"{spec.warm_up} candles of warm-up give another value than the whole history"
                yield Finding("warm-up", ground.symbol, at_ns, f"column {spec.name}", what)
                break


def _runs(
    strategy: str | BaseStrategy[Any], settings: AppSettings, strategy_dirs: Sequence[Path], tell: Tell
) -> tuple[str, list[Finding]]:
    """The whole run twice, and once with every row looked at: one fingerprint."""
    results = []
    for step in ("auto", "auto", "every"):
        own = settings.backtest.model_copy(update={"step": step})
        chosen = settings.model_copy(update={"backtest": own})
        try:
            run = backtest([strategy], settings=chosen, strategy_dirs=strategy_dirs, progress=tell)
        except TradingError as error:
            return "", [Finding("run", "", 0, f"--step {step}", str(error))]
        results.append(run)
    first = results[0]
    found = []
    for name, other in (("determinism", results[1]), ("auto and every", results[2])):
        if other.summary["fingerprint"] == first.summary["fingerprint"]:
            continue
        one, two = first.decisions, other.decisions
        shorter = min(len(one), len(two))
        row = next((at for at in range(shorter) if one.row(at) != two.row(at)), shorter)
        longer = one if len(one) > row else two
        at_ns = int(longer["timestamp_ns"][row]) if len(longer) > row else 0
        symbol = str(longer["symbol"][row]) if len(longer) > row else ""
        what = (
            "two runs over the same data differ"
            if name == "determinism"
            else "--step every differs from auto"
        )
        both = [name for name in one.columns if row < shorter and one[name][row] != two[name][row]]
        where = f"decisions, row {row}" + (f", column {both[0]}" if both else "")
        found.append(Finding(name, symbol, at_ns, where, what))
    return first.summary["fingerprint"], found


def _document(checked: Checked) -> dict[str, Any]:
    findings = [{**msgspec.structs.asdict(each), "at": _at(each)} for each in checked.findings]
    covered = [msgspec.structs.asdict(each) for each in checked.covered]
    return {**checked._asdict(), "covered": covered, "findings": findings, "passed": not findings}


def _at(finding: Finding) -> str | None:
    return iso(finding.at_ns) if finding.at_ns else None


def _show(checked: Checked, *, quiet: bool) -> None:
    console = Console()
    if not quiet:
        table = RichTable("symbol", "state", title=f"{checked.strategy}: states it was asked in")
        for heading in ("rows", "acted", "missed by the masks"):
            table.add_column(heading, justify="right")
        for each in checked.covered:
            table.add_row(each.symbol, each.stance, f"{each.rows:,}", f"{each.acted:,}", f"{each.missed:,}")
        console.print(table)
        if not checked.has_triggers:
            console.print("It defines no triggers: every row is looked at.")
    for finding in checked.findings:
        place = " ".join(part for part in (finding.symbol, _at(finding) or "", finding.where) if part)
        click.echo(f"{finding.check}: {place}: {finding.what}")
    if not checked.findings:
        click.echo(
            f"{checked.strategy}: nothing found in triggers, hidden state, look-ahead, warm-up, determinism, "
            "auto against every"
        )
