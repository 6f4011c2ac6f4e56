"""``doctor``: what is installed, what can be written, what is set; and what to do about the rest."""

import json
import os
import platform
from pathlib import Path
from typing import NamedTuple

import click

from agentic_trading.core.errors import ConfigError, TradingError
from agentic_trading.identity import versions
from agentic_trading.settings import AppSettings, load_settings


class Finding(NamedTuple):
    """One thing that was looked at; ``repair`` is empty where nothing is wrong."""

    what: str
    state: str
    repair: str = ""
    fatal: bool = False


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def doctor(as_json: bool) -> None:
    """Check Python, libraries, settings and folders; exit 1 if something needed is broken."""
    findings = [_python(), *_libraries(), *_settings_and_folders(), _ccxt()]
    if as_json:
        click.echo(json.dumps({"findings": [finding._asdict() for finding in findings]}, indent=2))
    else:
        for finding in findings:
            mark = "ok " if not finding.repair else ("BAD" if finding.fatal else "-- ")
            click.echo(f"{mark} {finding.what}: {finding.state}")
            if finding.repair:
                click.echo(f"      {finding.repair}")
    if any(finding.fatal for finding in findings):
        raise TradingError("something that is needed does not work; see the lines marked BAD")


def _python() -> Finding:
    return Finding("Python", f"{platform.python_version()} on {platform.machine()}")


def _libraries() -> list[Finding]:
    return [
        Finding(name, state, "run make setup" if state == "not installed" else "", state == "not installed")
        for name, state in versions().items()
        if name != "python"
    ]


def _settings_and_folders() -> list[Finding]:
    try:
        settings = load_settings("backtest", environ=os.environ).settings
    except ConfigError as problem:
        return [
            Finding("settings", str(problem), "correct it; `agentic-trading config show` helps", fatal=True)
        ]
    enabled = [each.strategy_id for each in settings.strategies if each.enabled]
    return [Finding("settings", f"sound; strategies: {', '.join(enabled)}"), *_folders(settings)]


def _folders(settings: AppSettings) -> list[Finding]:
    found = []
    for what, name in (("history", settings.backtest.data_dir), ("results", settings.backtest.results_dir)):
        folder = Path(name)
        nearest = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
        fine = nearest.is_dir() and os.access(nearest, os.W_OK)
        repair = "" if fine else f"make {nearest} writable, or choose another folder in [backtest]"
        found.append(
            Finding(f"{what} folder", f"{folder}{'' if fine else ' is not writable'}", repair, not fine)
        )
    return found


def _ccxt() -> Finding:
    """Asked of the installation's metadata: importing ccxt takes half a second."""
    from importlib.util import find_spec

    if find_spec("ccxt") is not None:
        return Finding("ccxt", "installed")
    return Finding(
        "ccxt", "not installed", 'only `data download` needs it: pip install "agentic-trading[live]"'
    )
