"""``topology``: the wiring of a run as a Mermaid diagram."""

from typing import Any

import click

from agentic_trading.agents import Agents
from agentic_trading.agents import topology as wiring
from agentic_trading.commands.options import request_of, run_options
from agentic_trading.core.clock import ReplayClock
from agentic_trading.event_bus.topology import mermaid, validate
from agentic_trading.inputs import load_inputs
from agentic_trading.request import with_exchange
from agentic_trading.simulation.market import Funds


@click.command()
@run_options
def topology(**flags: Any) -> None:
    """Print who hears what, in which order, as a Mermaid flowchart."""
    request = request_of("backtest", flags)
    settings = with_exchange(request.settings)
    inputs = load_inputs(settings, request.strategy_dirs)
    table = wiring(Agents(inputs, settings, ReplayClock(), Funds({}, {})))
    validate(table)
    click.echo(mermaid(table), nl=False)
