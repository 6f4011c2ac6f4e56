"""Laws of the settings over generated files: what is mistyped is refused, what is later wins."""

import math
import re
import tempfile
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentic_trading.core.config import (
    Layer,
    Section,
    environment_layer,
    file_layer,
    flag_layer,
    load,
    to_toml,
)
from agentic_trading.core.config.decode import leaf_values
from agentic_trading.core.config.lines import key_lines
from agentic_trading.core.errors import ConfigError
from agentic_trading.settings import ITEM_NAMES, AppSettings, load_settings

pytestmark = pytest.mark.property

ROOT = Path(__file__).parents[2]
VALID = to_toml(load_settings("live", folder=ROOT).settings)
VALUES = leaf_values(AppSettings.model_validate(tomllib.loads(VALID)), ITEM_NAMES)
LINES = {
    ".".join(str(part) for part in path): line
    for path, line in key_lines(VALID).items()
    if "params" not in path
    and isinstance(path[-1], str)
    and re.match(r"[\w]+ = ", VALID.splitlines()[line - 1])
}
"""Dotted key (list items by number) to line, of every single setting in the valid file."""
NAMED = {
    f"{section}.{position}.": f"{section}.{name}."
    for section, key in ITEM_NAMES.items()
    for position, name in enumerate(item[key] for item in tomllib.loads(VALID)[section])
}


def named(key: str) -> str:
    """The key as messages show it: list items by name."""
    for number, name in NAMED.items():
        key = key.replace(number, name)
    return key


keys = st.sampled_from(sorted(LINES))
numbers = st.sampled_from(sorted(key for key in LINES if type(VALUES[named(key)]) in (int, float, Decimal)))
with_unit = st.sampled_from(sorted(key for key in LINES if key.endswith(("_pct", "_bps", "_ms"))))


def refusal(key: str, line: str) -> str:
    """The message for the valid file with the line of one key replaced."""
    lines = VALID.splitlines()
    lines[LINES[key] - 1] = line
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mutated.toml").write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_settings(None, [Path("mutated.toml")], folder=Path(folder))
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_file_that_is_mutated_is_valid_and_broad() -> None:
    """The mutations start from a file that is accepted and names nearly every section."""
    assert set(tomllib.loads(VALID)) == set(AppSettings.model_fields)
    assert len(LINES) >= 50


@given(
    key=keys,
    position=st.integers(0, 40),
    letter=st.sampled_from("abexyz_"),
    edit=st.sampled_from(["drop", "add", "swap"]),
)
def test_a_mistyped_key_is_refused_with_the_key_that_was_meant(
    key: str, position: int, letter: str, edit: str
) -> None:
    """One wrong letter in any key: file, line, the wrong key, and a nearest valid key are named."""
    name = key.rpartition(".")[2]
    at = position % len(name)
    typo = {
        "drop": name[:at] + name[at + 1 :],
        "add": name[:at] + letter + name[at:],
        "swap": name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
    }[edit]
    section = key.removesuffix(name)
    siblings = {other.removeprefix(section) for other in LINES if other.startswith(section)}
    assume(typo and typo not in siblings and len(name) > 4)
    line = VALID.splitlines()[LINES[key] - 1]
    message = refusal(key, typo + line[len(name) :])
    if name in (
        "method",
        "strategy_id",
        "timeframes",
        "quantity",
    ):  # without these the block itself is unreadable
        assert name in message
        return
    wrong = named(section + typo)
    assert f"mutated.toml:{LINES[key]}: {wrong} is not a setting; did you mean {named(key)}?" in message


@given(key=keys, pick=st.integers(0, 5))
def test_a_wrong_type_is_refused_by_key_and_line(key: str, pick: int) -> None:
    """A value of another type in any setting: file, line and key are named."""
    value = VALUES[named(key)]
    wrong: list[str]
    if isinstance(value, bool):
        wrong = ["1", '"true"', "0.5", "[true]"]
    elif isinstance(value, int):
        wrong = [f'"{value}"', "true", f"{value}.5", f"[{value}]"]
    elif isinstance(value, float | Decimal):
        wrong = ["true", "[0.1]", '"much"', "2024-01-01"]
    elif isinstance(value, str):
        wrong = ["7", "true", '["x"]', "2024-01-01"]
    else:
        wrong = ["7", '"text"', "true", "[[1]]"]
    message = refusal(key, f"{key.rpartition('.')[2]} = {wrong[pick % len(wrong)]}")
    # an item whose own name is wrong goes by its number
    assert any(f"mutated.toml:{LINES[key]}: {shown}" in message for shown in (named(key), key))


@given(key=numbers, bad=st.sampled_from(["-1", "-0.5", "nan", "inf", "-inf"]))
def test_an_impossible_number_is_refused_by_key_and_line(key: str, bad: str) -> None:
    """No setting takes a negative or non-finite number: file, line and key are named."""
    message = refusal(key, f"{key.rpartition('.')[2]} = {bad}")
    assert f"mutated.toml:{LINES[key]}: {named(key)} " in message


@given(key=with_unit, percent=st.floats(1.5, 99), ratio=st.floats(1e-5, 0.0099), seconds=st.floats(0.01, 0.9))
def test_a_wrong_unit_is_refused_with_the_value_that_was_meant(
    key: str, percent: float, ratio: float, seconds: float
) -> None:
    """Percent for a fraction, ratio for basis points, seconds for milliseconds: the right value is shown."""
    name = key.rpartition(".")[2]
    if name.endswith("_pct"):
        message, right = refusal(key, f"{name} = {percent}"), f"write {percent / 100:g}"
    elif name.endswith("_bps"):
        message, right = refusal(key, f"{name} = {ratio}"), f"write {ratio * 10_000:g}"
    else:
        message, right = refusal(key, f"{name} = {seconds}"), "milliseconds"
    assert f"mutated.toml:{LINES[key]}: {named(key)} " in message
    assert right in message


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts
documents = st.recursive(
    st.dictionaries(texts, scalars | st.lists(scalars, max_size=3), max_size=4),
    lambda inner: st.dictionaries(texts, inner | st.lists(inner, max_size=3) | scalars, max_size=4),
    max_leaves=12,
)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every table key and list position in a document."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in [(*path, key), *paths(item, (*path, key))]]
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in [(*path, at), *paths(item, (*path, at))]]
    return []


@given(document=documents)
def test_what_is_written_reads_back_and_every_key_has_a_line(document: dict[str, Any]) -> None:
    """Any document survives writing and reading, and the scanner finds exactly its keys, each in its line."""
    text = to_toml(document)
    assert tomllib.loads(text) == document
    lines = key_lines(text)
    assert set(lines) == set(paths(document))
    written = text.split("\n")
    assert all(1 <= line <= len(written) and written[line - 1].strip() for line in lines.values())


class Box(Section):
    size: int = 0
    other: int = 0


class Small(Section):
    box: Box = Box()


@given(present=st.lists(st.booleans(), min_size=5, max_size=5))
def test_the_last_layer_that_speaks_wins_and_is_named(present: list[bool]) -> None:
    """Of any subset of layers the last one gives value and origin, and the others leave no trace."""

    def file_of(number: int) -> Layer:
        return Layer(
            {"box": {"size": number}}, {("box",): f"{number}.toml:1", ("box", "size"): f"{number}.toml:2"}
        )

    makers = [
        (lambda: file_of(1), "1.toml:2"),
        (lambda: file_of(2), "2.toml:2"),
        (lambda: environment_layer({"TRADING_BOX__SIZE": "3"}, source=".env"), ".env TRADING_BOX__SIZE"),
        (lambda: environment_layer({"TRADING_BOX__SIZE": "4"}), "environment TRADING_BOX__SIZE"),
        (lambda: flag_layer(["box.size=5"]), "--set box.size"),
    ]
    layers = [make() if speaks else Layer() for (make, _), speaks in zip(makers, present, strict=True)]
    last = max((number for number, speaks in enumerate(present, start=1) if speaks), default=0)
    loaded = load(Small, layers)
    assert loaded.settings.box == Box(size=last)
    assert loaded.origins == {"box.size": makers[last - 1][1] if last else "default", "box.other": "default"}


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_flag_and_file_read_the_same_number(number: float) -> None:
    """A number in a flag has the same bits as in a file."""
    flag = flag_layer([f"x={number!r}"]).values["x"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.toml"
        file.write_text(f"x = {number!r}\n")
        assert flag == file_layer(file).values["x"] == number
    assert math.copysign(1, flag) == math.copysign(1, number)
