"""`python scripts/run_backtest.py ...` is `agentic-trading backtest ...`."""

import sys

from agentic_trading.cli import main

main(["backtest", *sys.argv[1:]])
