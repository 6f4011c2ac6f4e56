"""What a run leaves behind: a record that is small beside the history it was made from."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agentic_trading import main
from agentic_trading.backtester.summary import result_of
from agentic_trading.request import effective_settings


@contextmanager
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_a_record_outlives_its_history(
    sample_history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candles and features of a run are free once its record is there, before any table takes their room.

    The record keeps of them the times that it tells of.
    """
    monkeypatch.chdir(tmp_path)
    settings = {"backtest.data_dir": str(sample_history), "backtest.timerange": "20240301-20240303"}
    chosen, _ = effective_settings(settings, None, ["BTC/USDT"])
    kept: list[Any] = []
    times: list[Any] = []
    load_inputs = main.load_inputs

    def noted(*arguments: Any) -> Any:
        inputs = load_inputs(*arguments)
        tables = [table for _, table in inputs.tables.values()]
        features = [table[name] for table in tables for name in table.columns]
        arrays = [*(each.bars for each in inputs.timeline.columns), *features]
        kept.extend(map(weakref.ref, [*arrays, *tables]))
        times.append(weakref.ref(inputs.timeline.close_ns))
        return inputs

    monkeypatch.setattr(main, "load_inputs", noted)
    with no_collector():
        record = main.record_of(chosen)
        assert len(kept) > 5
        assert not [each() for each in kept if each() is not None]
        assert record.times.base is times[0]()
    assert result_of(record).prices.height
