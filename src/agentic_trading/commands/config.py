"""``config show`` and ``config schema``: what is set, where it came from, and what could be set."""

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from agentic_trading.core.config import schema
from agentic_trading.core.config.decode import DEFAULT, leaf_values
from agentic_trading.core.config.writer import toml_value
from agentic_trading.settings import ITEM_NAMES, AppSettings, Mode, load_settings

PIPED_WIDTH = 240
"""Columns of the table where there is no terminal: wide enough that a row is one line."""


@click.group()
def config() -> None:
    """Settings: the effective ones with their origin, and the schema."""


@config.command()
@click.option(
    "-c",
    "--config",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Mode file; later ones win.",
)
@click.option("--set", "assignments", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting.")
@click.option(
    "--mode", type=click.Choice(["backtest", "paper", "live"]), help="Show what this command would use."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document: settings and origins.")
def show(files: tuple[Path, ...], assignments: tuple[str, ...], mode: Mode | None, as_json: bool) -> None:
    """Print every setting with its value and where that came from."""
    loaded = load_settings(mode, files, assignments, os.environ)
    if as_json:
        document = {"settings": loaded.settings.model_dump(mode="json"), "origins": dict(loaded.origins)}
        click.echo(json.dumps(document, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for key, value in leaf_values(loaded.settings, ITEM_NAMES).items():
        origin = loaded.origins[key]
        shown = "(not set)" if value is None else toml_value(value)
        table.add_row(key, shown, origin, style="dim" if origin == DEFAULT else None)
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    Console(file=sys.stdout, width=width, markup=False, highlight=False).print(table)


@config.command("schema")
def show_schema() -> None:
    """Print the JSON schema of all settings."""
    click.echo(json.dumps(schema(AppSettings), indent=2))
