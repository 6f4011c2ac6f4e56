"""Made-up results for the tests of reports, stored runs and commands."""

from collections.abc import Callable

import pytest

from agentic_trading.backtester.result import Result
from made_results import build_result

MakeResult = Callable[..., Result]


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    """Builds a result; arguments as `build_result`."""
    return build_result


@pytest.fixture(scope="session")
def result() -> Result:
    """A year and two months of hourly candles, three strategies, two symbols."""
    return build_result()
