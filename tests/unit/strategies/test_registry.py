"""Discovery: what is found, and how a broken or doubled file is reported."""

from pathlib import Path

import pytest

from agentic_trading.core.errors import ConfigError, UsageError
from agentic_trading.strategies import registry
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import create, discover, source_file, user_dirs

MINIMAL = """
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.registry import register_strategy


@register_strategy("NAME")
class Mine(BaseStrategy):
    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        ...
"""


def test_built_in_strategies_are_found_without_wiring() -> None:
    """The three strategies are there by name, sorted; experiments are not."""
    catalogue = discover()
    assert {"breakout", "mean_reversion", "trend_following"} <= set(catalogue)
    assert list(catalogue) == sorted(catalogue)
    assert "squeeze" not in catalogue
    assert source_file(catalogue["breakout"]).endswith("breakout.py")


def test_a_users_file_is_found_by_its_folder(tmp_path: Path) -> None:
    """A file in a given folder adds its strategy; one that begins with an underscore does not."""
    (tmp_path / "mine.py").write_text(MINIMAL.replace("NAME", "mine"))
    (tmp_path / "_draft.py").write_text("this is not Python")
    catalogue = discover([tmp_path])
    assert source_file(catalogue["mine"]) == str((tmp_path / "mine.py").resolve())
    assert isinstance(create("mine", {"anything": 1}, catalogue=catalogue), BaseStrategy)


def test_a_folder_given_twice_is_read_once(tmp_path: Path) -> None:
    """The same folder named twice is no duplicate."""
    (tmp_path / "mine.py").write_text(MINIMAL.replace("NAME", "mine"))
    assert "mine" in discover([tmp_path, tmp_path / "."])


def test_experiments_can_be_asked_for() -> None:
    """The research folder works like a user's folder."""
    assert "squeeze" in discover([Path(registry.__file__).parent / "research"])


def test_two_strategies_of_one_name_are_refused_naming_both_files(tmp_path: Path) -> None:
    """A name that is taken is a ConfigError with both files."""
    (tmp_path / "mine.py").write_text(MINIMAL.replace("NAME", "breakout"))
    with pytest.raises(ConfigError, match=r"'breakout'.*strategies/breakout\.py.*mine\.py"):
        discover([tmp_path])


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError"),
        ("x = 1\n\nimport nowhere_to_be_found\n", 3, "ModuleNotFoundError"),
        ("def broken():\n    return 1 / 0\n\nbroken()\n", 2, "ZeroDivisionError"),
        (MINIMAL.replace("NAME", "Bad Name"), 9, "UsageError"),
    ],
)
def test_a_broken_file_is_reported_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    """Whatever goes wrong in a user's file is a ConfigError naming file and line."""
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        discover([tmp_path])
    assert f"{path.resolve()}:{line}: {what}" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A strategy path that does not exist is a usage error."""
    with pytest.raises(UsageError, match="nowhere does not exist"):
        discover([tmp_path / "nowhere"])


def test_an_unknown_name_is_refused_with_the_nearest_ones() -> None:
    """A typo in a strategy's name is answered with the name that was meant and with all there are."""
    with pytest.raises(
        UsageError, match=r"'breakot'; did you mean 'breakout'\? Known are: .*trend_following"
    ):
        create("breakot")


def test_parameters_reach_the_strategy() -> None:
    """``create`` checks parameters and hands them over."""
    assert create("breakout", {"entry_window": 30}).params.entry_window == 30
    with pytest.raises(ConfigError, match=r"entry_windw.*did you mean 'entry_window'"):
        create("breakout", {"entry_windw": 30})


def test_the_working_folder_counts_only_if_nothing_was_named(tmp_path: Path) -> None:
    """``strategies/`` of the working folder is the default, unless it is a package of its own."""
    assert user_dirs([], tmp_path) == ()
    folder = tmp_path / "strategies"
    folder.mkdir()
    assert user_dirs([], tmp_path) == (folder,)
    assert user_dirs([tmp_path], tmp_path) == (tmp_path,)
    (folder / "__init__.py").touch()
    assert user_dirs([], tmp_path) == ()
