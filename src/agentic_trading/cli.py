"""The console script: finds the verb, runs it, turns expected failures into one sentence and an exit code."""

import gc
import importlib
import os
import sys
import traceback
from typing import Any

import click

from agentic_trading.core.errors import TradingError, UsageError

VERBS = {
    "backtest": ("backtest:backtest", "Run strategies over history and report."),
    "optimize": ("optimize:optimize", "Try many parameter sets over the same history and rank them."),
    "runs": ("runs:runs", "List past runs."),
    "show": ("runs:show", "Print the report of a past run."),
    "report": ("runs:report", "Build the HTML report of a past run again."),
    "verify": ("verify:verify", "Run a past run again and compare its fingerprint."),
    "check": ("check:check", "Look for what would make a strategy's backtest lie."),
    "data": ("data:data", "History: download, import, list, check, sample."),
    "strategies": ("strategies:strategies", "List the strategies there are, or start a new one."),
    "config": ("config:config", "Settings: the effective ones with their origin, and the schema."),
    "topology": ("topology:topology", "Who hears what, as a Mermaid diagram."),
    "doctor": ("doctor:doctor", "Check this installation and say what is missing."),
}
"""Verb: where its command is, and its line in the help (so that help need not import them all)."""


PLANNED = (
    "paper", "live", "killswitch", "sandbox", "walk-forward", "why", "why-not", "status",
    "positions", "orders", "reconcile", "flatten", "replay", "audit", "prove", "db",
)  # fmt: skip
"""Verbs that are promised and not built yet: asking for one deserves a plain answer."""


class Verbs(click.Group):
    """A group whose commands are imported when they are called: a verb pays only for what it uses."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in PLANNED:
            raise UsageError(f"{cmd_name} is not built yet; there are: {', '.join(VERBS)}")
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"agentic_trading.commands.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agentic-trading", prog_name="agentic-trading")
def root() -> None:
    """Crypto trading from backtest to live: the strategy you test is the one that trades.

    Start with `agentic-trading backtest`: it needs no data, no keys and no network.
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line; exits 0 done, 1 failed, 2 bad usage or settings, 3 safety gate, 4 difference."""
    code = run(args)
    gc.freeze()  # the process ends here: nothing of it needs to be searched for cycles once more
    sys.exit(code)


def run(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = sys.argv[1:] if args is None else args
    try:
        answer: Any = root.main(args=given, prog_name="agentic-trading", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except TradingError as error:
        if "-v" in given or "--verbose" in given:
            traceback.print_exc()
        _say(str(error))
        return error.exit_code
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; nothing was left half-written")
        return 1
    except BrokenPipeError:  # the reader of our output went away (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _say(text: str) -> None:
    click.echo(click.style("error: ", fg="red", bold=True) + text, err=True, color=_colour())


def _colour() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None


if __name__ == "__main__":
    main()
