"""`python scripts/download_historical.py ...` is `agentic-trading data download ...`."""

import sys

from agentic_trading.cli import main

main(["data", "download", *sys.argv[1:]])
