"""What many runs share: the same objects for the same wish, and results that do not depend on it."""

import pickle
from pathlib import Path

import pytest

from agentic_trading import shared_history
from agentic_trading.core.errors import MissingData
from agentic_trading.inputs import load_inputs, share_inputs
from agentic_trading.main import record_of
from agentic_trading.request import effective_settings, with_params
from agentic_trading.settings import AppSettings
from agentic_trading.shared_history import SharedHistory

SETS = [{"trend_following.slow": slow} for slow in (24, 48)]
"""A slower average needs more candles before the start, so each set is another stretch."""


@pytest.fixture
def runs(sample_history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[AppSettings]:
    """Two runs over five days of the sample market."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "backtest.data_dir": str(sample_history),
        "backtest.timeframe": "15m",
        "backtest.timerange": "20240301-20240306",
    }
    chosen, _ = effective_settings(settings, ["trend_following"], ["BTC/USDT"])
    return [with_params(chosen, params) for params in SETS]


def test_what_is_known_is_not_read_again(runs: list[AppSettings]) -> None:
    """The second run over a stretch has the very candles and columns of the first."""
    shared = SharedHistory()
    one, two = (load_inputs(runs[0], shared=shared) for _ in range(2))
    assert one.timeline is two.timeline
    ((candles, table),) = one.tables.values()
    ((same, again),) = two.tables.values()
    assert candles is same
    for name in table.columns:
        assert table[name].base is again[name].base


def test_a_copy_has_all_of_it(runs: list[AppSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shared for some runs serves them all in another process, where nothing is read any more."""
    shared = SharedHistory(lambda name: None)
    share_inputs(runs, (), shared)
    copy = pickle.loads(pickle.dumps(shared))

    def refuse(*anything: object) -> None:
        raise MissingData("nothing was to be read")

    monkeypatch.setattr(shared_history, "_read", refuse)
    for settings in runs:
        assert load_inputs(settings, shared=copy).sha256 == load_inputs(settings, shared=shared).sha256


@pytest.mark.parametrize("room", [0, 10_000, 1 << 30])
def test_the_room_there_is_changes_no_result(
    runs: list[AppSettings], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Whether much or nothing can be kept, runs that share give the fingerprints of runs that do not."""
    alone = [record_of(settings).fingerprint for settings in runs]
    monkeypatch.setattr(shared_history, "MOST_BYTES", room)
    shared = SharedHistory()
    share_inputs(runs, (), shared)
    for _ in range(2):
        assert [record_of(settings, shared=shared).fingerprint for settings in runs] == alone
    assert shared.is_full == (room < 1 << 30)
