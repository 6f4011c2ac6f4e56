"""The verbs `strategies list` and `strategies new`: what can trade, and a first file of one's own."""

import json
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentic_trading.core.errors import UsageError
from agentic_trading.strategies.base import BaseStrategy, has_triggers
from agentic_trading.strategies.registry import discover, source_file, user_dirs
from agentic_trading.strategies.scaffold import render


@click.group()
def strategies() -> None:
    """List the strategies there are, or start a new one."""


@strategies.command("list")
@click.option(
    "--strategy-path",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder with strategy files; repeatable. Without it: strategies/ of the working folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_strategies(strategy_path: tuple[Path, ...], as_json: bool) -> None:
    """Show every strategy with its file, timeframes and parameters."""
    catalogue = discover(user_dirs(strategy_path, Path()))
    rows = [describe(strategy) for strategy in catalogue.values()]
    if as_json:
        click.echo(json.dumps({"strategies": rows}, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("name", "timeframes", "skips rows"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what it does, parameters, file", overflow="fold")
    for row in rows:
        params = ", ".join(f"{key}={value}" for key, value in row["params"].items())
        about = Text.assemble(row["summary"], "\n", (params or "no parameters declared", "cyan"), "\n")
        about.append(row["file"] + "\n", "dim")
        skips = "yes" if row["triggers"] else "no"
        table.add_row(row["name"], ", ".join(row["timeframes"]), skips, about)
    Console().print(table)


@strategies.command("new")
@click.argument("name")
def new_strategy(name: str) -> None:
    """Write strategies/NAME.py: a complete example to change."""
    text = render(name)
    if name in discover(user_dirs((), Path())):
        raise UsageError(f"there is already a strategy {name!r}; choose another name")
    path = Path("strategies") / f"{name}.py"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is in the way; remove it or choose another name") from None
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; run this in a folder you may write to"
        ) from None
    click.echo(f"Wrote {path}: a working strategy to change.\nNext: agentic-trading backtest -s {name}")


def describe(strategy: type[BaseStrategy[Any]]) -> dict[str, Any]:
    """A strategy as plain values: name, file, timeframes, parameters with defaults, triggers, summary."""
    file = Path(source_file(strategy))
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return {
        "name": strategy.name,
        "file": str(shown),
        "timeframes": [str(timeframe) for timeframe in strategy.timeframes],
        "params": strategy().params.model_dump(mode="json"),
        "triggers": has_triggers(strategy),
        "summary": (strategy.__doc__ or "").strip().split("\n")[0],
    }
