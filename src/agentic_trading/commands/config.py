"""``config show`` and ``config schema``: what is set, where it came from, and what could be set."""

import json
import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from agentic_trading.core.config import schema
from agentic_trading.core.config.decode import DEFAULT, leaf_values
from agentic_trading.core.config.writer import toml_value
from agentic_trading.settings import ITEM_NAMES, AppSettings, Mode, load_settings


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
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for key, value in leaf_values(loaded.settings, ITEM_NAMES).items():
        origin = loaded.origins[key]
        shown = "(not set)" if value is None else toml_value(value)
        table.add_row(key, shown, origin, style="dim" if origin == DEFAULT else None)
    Console(soft_wrap=not os.isatty(1), markup=False, highlight=False).print(table)


@config.command("schema")
def show_schema() -> None:
    """Print the JSON schema of all settings."""
    click.echo(json.dumps(schema(AppSettings), indent=2))
