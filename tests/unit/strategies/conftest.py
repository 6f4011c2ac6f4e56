"""Fixtures of the strategy tests."""

from collections.abc import Callable

import numpy as np
import pytest

from agentic_trading.core.events import FeatureVector
from agentic_trading.core.models import Candle
from strategy_platform import BARS, ColumnTable, Context, make_context


@pytest.fixture
def context() -> Callable[..., Context]:
    return make_context


@pytest.fixture
def row() -> Callable[[dict[str, float]], tuple[Candle, FeatureVector]]:
    """One row from named values; prices not given are 100, volume 1."""

    def make(values: dict[str, float]) -> tuple[Candle, FeatureVector]:
        columns = {**dict.fromkeys(BARS[:4], 100.0), "volume": 1.0, **values}
        return ColumnTable({name: np.array([value]) for name, value in columns.items()}).row(0)

    return make


@pytest.fixture
def table() -> type[ColumnTable]:
    return ColumnTable
