"""The file that `strategies new` writes, and the two commands."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from agentic_trading.commands.strategies import strategies
from agentic_trading.core.enums import Direction
from agentic_trading.core.errors import UsageError
from agentic_trading.strategies.registry import create, discover
from agentic_trading.strategies.scaffold import class_name, render


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(strategies, arguments, catch_exceptions=False, standalone_mode=False)
    return result.output


def test_a_new_strategy_works_as_written(working_folder: Path, context: Any, row: Any) -> None:
    """What `new` writes is found, enters and leaves, and names the next command."""
    assert "agentic-trading backtest -s my_idea" in run("new", "my_idea")
    strategy: Any = create("my_idea", {"fast": 5}, catalogue=discover([working_folder / "strategies"]))
    values = {"ema_5": 101.0, "ema_26": 100.0, "atr_14": 1.0}
    assert [spec.name for spec in strategy.features()] == ["ema_5", "ema_26", "atr_14"]
    assert strategy.on_candle(context(), *row(values)).stop == 97.0
    assert strategy.on_candle(context(Direction.LONG), *row(values)) is None
    assert (
        strategy.on_candle(context(Direction.LONG), *row({**values, "ema_5": 99.0})).direction
        is Direction.FLAT
    )


def test_the_written_masks_are_exact(working_folder: Path, context: Any, table: Any) -> None:
    """The scaffold's triggers name exactly the rows on which it acts."""
    run("new", "my_idea")
    strategy: Any = create("my_idea", catalogue=discover([working_folder / "strategies"]))
    fast = np.array([99.0, 100.0, 101.0, np.nan])
    names = ("open", "high", "low", "close", "volume", "ema_26", "atr_14")
    rows = table({**{name: np.full(4, 100.0) for name in names}, "ema_12": fast})
    masks = strategy.triggers(rows)
    for mask, direction in ((masks.entry, Direction.FLAT), (masks.exit, Direction.LONG)):
        acts = [strategy.on_candle(context(direction), *rows.row(index)) is not None for index in range(4)]
        assert acts == mask.tolist()


def test_new_never_overwrites(working_folder: Path) -> None:
    """A file that is in the way, or a name that is taken, is refused and left untouched."""
    run("new", "my_idea")
    path = working_folder / "strategies" / "my_idea.py"
    before = path.read_text()
    with pytest.raises(UsageError, match="already a strategy 'my_idea'"):
        run("new", "my_idea")
    with pytest.raises(UsageError, match="already a strategy 'breakout'"):
        run("new", "breakout")
    assert path.read_text() == before
    (working_folder / "strategies" / "other.py").write_text("note = 1\n")
    with pytest.raises(UsageError, match=r"other\.py is in the way"):
        run("new", "other")


@pytest.mark.parametrize("name", ["", "My-Idea", "2fast", "../evil", "a b"])
def test_an_impossible_name_is_refused(name: str) -> None:
    """A name that cannot be a file and a setting at once is refused with the rule."""
    with pytest.raises(UsageError, match="lower-case letters"):
        render(name)


@pytest.mark.parametrize("name", ["signal", "params", "candle", "base", "class", "x1"])
def test_any_name_gives_a_file_that_runs(name: str, tmp_path: Path) -> None:
    """A name that collides with something the file imports still gives a working class."""
    (tmp_path / f"{name}.py").write_text(render(name))
    assert discover([tmp_path])[name]().params.slow == 26


def test_class_names_read_well() -> None:
    """Underscores become capitals."""
    assert class_name("ema_cross_2") == "EmaCross2"


def test_list_tells_names_parameters_and_masks(working_folder: Path) -> None:
    """`list --json` has every strategy with its defaults; the table shows the same names."""
    run("new", "my_idea")
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))["strategies"]}
    assert set(rows) >= {"breakout", "mean_reversion", "trend_following", "my_idea"}
    assert rows["my_idea"]["file"] == "strategies/my_idea.py"
    assert rows["my_idea"]["params"] == {"fast": 12, "slow": 26, "stop_atr": 3.0}
    assert rows["breakout"]["triggers"] is True
    assert rows["breakout"]["timeframes"] == ["15m"]
    table = run("list")
    assert all(name in table for name in rows)
