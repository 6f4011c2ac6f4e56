"""``python -m agentic_trading``: the same as the console script."""

from agentic_trading.cli import main

main()
