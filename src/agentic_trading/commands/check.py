"""``check STRATEGY``: looks for what would make its backtest lie, row by row."""

from collections.abc import Callable, Iterator, Sequence
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
from agentic_trading.core.clock import iso
from agentic_trading.core.errors import TradingError, UsageError, VerificationFailed
from agentic_trading.core.models import CandleColumns
from agentic_trading.data.candle_builder import build
from agentic_trading.features.columns import ColumnStore
from agentic_trading.features.table import Table, build_table
from agentic_trading.inputs import Inputs, load_inputs
from agentic_trading.main import backtest
from agentic_trading.request import effective_settings
from agentic_trading.settings import AppSettings
from agentic_trading.strategies.base import BaseStrategy, has_triggers
from agentic_trading.strategies.checking import (
    Covered,
    Finding,
    Ground,
    check_hidden_state,
    check_look_ahead,
    check_triggers,
)
from agentic_trading.strategies.regime.threshold import ThresholdRegime

CUTS = (0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of the data after which the future is changed."""
FUTURES = {"missing": 0.0, "much higher": 1.5, "much lower": 0.6}
"""What comes after a cut instead: nothing, or the real candles backwards at so many times their prices.

Both ways, because a look at a single later candle shows only if that candle changes sides.
"""
WARM_UP_ROWS = 5
"""Rows at which a feature is computed again from its warm-up alone."""

Tell = Callable[[str, float | None], None]


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
    tell: Tell = lambda what, share: None,
) -> Checked:
    """Run every check on one strategy, given by name or as an object.

    Raises what a backtest of it would raise before it begins.
    """
    chosen, objects = effective_settings(settings, [strategy], None, strategy_dirs)
    inputs = load_inputs(chosen, strategy_dirs, lambda what: tell(what, None), objects)
    (contender,) = inputs.contenders
    origin = contender.strategy
    make = partial(type(origin), origin.params)
    grounds = [
        Ground(inputs.instruments[symbol], inputs.tables[(contender.timeframe, symbol)][1])
        for symbol in contender.symbols
    ]
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
        findings += _looks_ahead(make, ground, inputs, chosen)
        findings += _warm_up(ground, inputs)
    fingerprint, differing = _runs(strategy, chosen, strategy_dirs, tell)
    name = contender.settings.strategy_id
    return Checked(name, has_triggers(type(origin)), covered, findings + differing, fingerprint)


def _looks_ahead(
    make: Callable[[], BaseStrategy[Any]], ground: Ground, inputs: Inputs, settings: AppSettings
) -> list[Finding]:
    base = _base(inputs, ground.symbol)
    warm = np.flatnonzero(ground.table.warm)
    if not len(warm):
        return []
    for share in CUTS:
        row = int(warm[int(share * (len(warm) - 1))])
        for future in FUTURES:
            other = _table_of(_with_future(base, ground.close_ns(row), future), ground, inputs, settings)
            found = check_look_ahead(make, ground, other, row + 1, future)
            if found:
                return found
    return []


def _base(inputs: Inputs, symbol: str) -> CandleColumns:
    return inputs.timeline.columns[inputs.timeline.symbols.index(symbol)]


def _with_future(base: CandleColumns, cut_ns: int, future: str) -> CandleColumns:
    """The candles that close by the cut, and behind them another future."""
    known = int(np.searchsorted(base.close_ns, cut_ns, side="right"))
    if FUTURES[future]:
        bars = base.bars.copy()
        bars[:, known:] = base.bars[:, known:][:, ::-1] * FUTURES[future]
        return msgspec.structs.replace(base, bars=bars)
    starts = base.starts[base.starts < known]
    return msgspec.structs.replace(
        base,
        open_ns=base.open_ns[:known],
        bars=base.bars[:, :known],
        filled=base.filled[:known],
        starts=starts,
    )


def _table_of(base: CandleColumns, ground: Ground, inputs: Inputs, settings: AppSettings) -> Table:
    """The table that a run over these base candles would give the strategy."""
    (contender,) = inputs.contenders
    regime = ThresholdRegime(settings.regime) if settings.regime.enabled else None
    specs = [*(regime.features if regime is not None else ()), *contender.specs]
    frames = [contender.timeframe, *(spec.timeframe for spec in specs if spec.timeframe is not None)]
    built = {base.timeframe: base} | {frame: build(base, frame) for frame in dict.fromkeys(frames)}
    return build_table(built, contender.timeframe, contender.specs, regime)


def _warm_up(ground: Ground, inputs: Inputs) -> Iterator[Finding]:
    """Features computed from the declared warm-up alone must have the bits of the whole history."""
    (contender,) = inputs.contenders
    base, whole = _base(inputs, ground.symbol), ColumnStore()
    for spec in contender.specs:
        candles = build(base, spec.timeframe or contender.timeframe)
        values = whole.feature(candles, spec)
        for last in np.linspace(spec.warm_up, len(candles), WARM_UP_ROWS).astype(np.int64).tolist():
            first = last - spec.warm_up
            if last > len(candles):
                break
            again = ColumnStore().feature(_stretch(candles, first, last), spec)[:, -1]
            if again.tobytes() != values[:, last - 1].tobytes():
                at_ns = int(candles.close_ns[last - 1])
                what = f"{spec.warm_up} candles of warm-up give another value than the whole history"
                yield Finding("warm-up", ground.symbol, at_ns, f"column {spec.name}", what)
                break


def _stretch(candles: CandleColumns, first: int, last: int) -> CandleColumns:
    inside = candles.starts[(candles.starts > first) & (candles.starts < last)] - first
    return msgspec.structs.replace(
        candles,
        open_ns=candles.open_ns[first:last],
        bars=candles.bars[:, first:last],
        filled=candles.filled[first:last],
        starts=np.concatenate((np.zeros(1, dtype=np.int64), inside)),
    )


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
        found.append(Finding(name, symbol, at_ns, f"decisions, row {row}", what))
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
