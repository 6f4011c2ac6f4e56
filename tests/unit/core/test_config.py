"""Laws of the settings mechanism, on a small model of its own."""

import json
import logging
import pickle
import tomllib
from copy import copy, deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from agentic_trading.core.config import (
    Layer,
    Loaded,
    Secret,
    Section,
    environment_layer,
    file_layer,
    flag_layer,
    load,
    read_dotenv,
    schema,
    secret_named,
    to_toml,
)
from agentic_trading.core.config.lines import key_lines
from agentic_trading.core.config.section import Amount, BasisPoints, Many, Percent, Share
from agentic_trading.core.errors import ConfigError, UsageError


class Round(Section):
    shape: Literal["round"]
    radius: float = Field(1.0, gt=0, description="radius in metres")


class Square(Section):
    shape: Literal["square"]
    side: float = 1.0


class Item(Section):
    name: str
    weight: Percent = 0.1


class Limits(Section):
    max_loss_pct: Percent = 0.05
    collar_bps: BasisPoints = 100.0
    part: Share = 1.0
    budget: Amount = Decimal(100)
    form: Annotated[Round | Square, Field(discriminator="shape")] = Round(shape="round")


class House(Section):
    label: str = "house"
    rooms: int = 3
    tags: Many[str] = ()
    limits: Limits = Limits()
    items: Many[Item] = ()


def load_house(*layers: Layer) -> Loaded[House]:
    return load(House, layers, {"items": "name"}, {"form": "shape"})


def text_layer(tmp_path: Path, text: str, name: str = "house.toml") -> Layer:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file_layer(file, name)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_house(text_layer(tmp_path, text))
    assert caught.value.exit_code == 2
    return str(caught.value)


TRICKY = '''
top = 1                       # [not.a.table]
"quoted key" = "a # no comment"
a.b."c.d" = """
[still] = text
"""
list = [
  "x", # first
  { inner = [1, 2], "other.key" = "]" },
  \'\'\'literal \\ "\'\'\',
]

[ spaced . name ]
key = \'[x]\'
ends_with_quotes = """two "quotes"""""
date = 2024-01-01T00:00:00Z

[[items]]
name = "one"
[items.nested]
deep = true
[[items]]
name = "two"
[[items.sub]]
k = 1
[[items.sub]]
k = 2
'''


def test_every_key_has_the_line_it_stands_in() -> None:
    """The scanner finds the line of each key in spite of comments, strings, nesting and lists of tables."""
    lines = key_lines(TRICKY)
    numbered = dict(enumerate(TRICKY.splitlines(), start=1))
    expected = {
        ("top",): "top = 1",
        ("quoted key",): '"quoted key"',
        ("a", "b", "c.d"): 'a.b."c.d"',
        ("list",): "list = [",
        ("list", 0): '"x", # first',
        ("list", 1, "inner"): "{ inner",
        ("list", 1, "other.key"): "{ inner",
        ("list", 2): "'''literal",
        ("spaced", "name", "key"): "key = '[x]'",
        ("spaced", "name", "ends_with_quotes"): "ends_with_quotes",
        ("spaced", "name", "date"): "date",
        ("items", 0, "nested", "deep"): "deep = true",
        ("items", 1, "name"): 'name = "two"',
        ("items", 1, "sub", 1, "k"): "k = 2",
    }
    assert {path: numbered[lines[path]].strip()[:4] for path in expected} == {
        path: start[:4] for path, start in expected.items()
    }
    assert tomllib.loads(TRICKY)["items"][1]["sub"][1]["k"] == 2


def test_later_layers_win_and_tables_merge(tmp_path: Path) -> None:
    """A later layer changes the keys it names and no others, and the origin follows the value."""
    loaded = load_house(
        text_layer(tmp_path, "rooms = 4\n[limits]\nmax_loss_pct = 0.1\npart = 0.5\n", "first.toml"),
        text_layer(tmp_path, "[limits]\n\nmax_loss_pct = 0.2\n", "second.toml"),
        environment_layer({"TRADING_LIMITS__PART": "0.25"}),
        flag_layer(["rooms=5"]),
    )
    assert (loaded.settings.rooms, loaded.settings.limits.max_loss_pct, loaded.settings.limits.part) == (
        5,
        0.2,
        0.25,
    )
    assert loaded.origins["limits.max_loss_pct"] == "second.toml:3"
    assert loaded.origins["limits.part"] == "environment TRADING_LIMITS__PART"
    assert loaded.origins["rooms"] == "--set rooms"
    assert loaded.origins["label"] == "default"


def test_lists_of_tables_replace_as_a_whole_and_say_so(tmp_path: Path) -> None:
    """A list of tables in a later file is the whole list, and a note names both places."""
    first = text_layer(tmp_path, '[[items]]\nname = "a"\nweight = 0.5\n[[items]]\nname = "b"\n', "first.toml")
    second = text_layer(tmp_path, '\n[[items]]\nname = "c"\n', "second.toml")
    loaded = load_house(first, second)
    assert [(item.name, item.weight) for item in loaded.settings.items] == [("c", 0.1)]
    assert loaded.notes == ("second.toml:2: this list of items replaces the one of first.toml:1.",)
    assert loaded.origins["items.c.name"] == "second.toml:3"
    assert not load_house(first).notes


def test_flags_change_one_item_of_a_named_list(tmp_path: Path) -> None:
    """Environment and flags reach an item by its name or number; a name that is not there is refused."""
    file = text_layer(tmp_path, '[[items]]\nname = "a"\n[[items]]\nname = "b"\n')
    environment = environment_layer({"TRADING_ITEMS__B__WEIGHT": "0.3"})
    loaded = load_house(file, environment, flag_layer(["items.0.weight=0.2"]))
    assert [item.weight for item in loaded.settings.items] == [0.2, 0.3]
    assert loaded.origins["items.a.weight"] == "--set items.0.weight"
    for layers, there in (((file,), "there are: a, b"), ((), "there are: none")):
        with pytest.raises(ConfigError, match=f"there is no zz among the items.*{there}"):
            load_house(*layers, flag_layer(["items.zz.weight=0.2"]))


def test_a_table_of_another_kind_starts_afresh(tmp_path: Path) -> None:
    """Naming another kind drops the keys of the old kind; the same kind keeps them."""
    file = text_layer(tmp_path, 'limits.form = { shape = "round", radius = 2.0 }')
    assert load_house(file, flag_layer(["limits.form.shape=square"])).settings.limits.form == Square(
        shape="square"
    )
    kept = load_house(file, flag_layer(["limits.form.shape=round"])).settings.limits.form
    assert kept == Round(shape="round", radius=2.0)


def test_text_settings_take_flags_as_they_are_typed() -> None:
    """A value that looks like a number stays text where text is wanted, and commas make a list."""
    loaded = load_house(flag_layer(["label=2024", "tags=a, b"]), environment_layer({"trading_rooms": "7"}))
    assert (loaded.settings.label, loaded.settings.tags, loaded.settings.rooms) == ("2024", ("a", "b"), 7)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "[limits]\nmax_los_pct = 0.1",
            ["house.toml:2:", "limits.max_los_pct", "did you mean limits.max_loss_pct?"],
        ),
        ("max_loss_pct = 0.1", ["house.toml:1:", "did you mean limits.max_loss_pct?"]),
        ("[limits]\nqqq = 1", ["house.toml:2:", "limits.qqq", "valid here: max_loss_pct, collar_bps"]),
        ("rooms = 2.5", ["house.toml:1: rooms must be a whole number, not 2.5", "for example 3"]),
        ('rooms = "2"', ['not "2" (write it without quotes)']),
        ("rooms = true", ["rooms must be a whole number, not true"]),
        ("limits = 3", ["limits must be a table, not 3"]),
        ('tags = "x"', ['tags must be a list in brackets, not "x"']),
        ("limits.max_loss_pct = 5", ["limits.max_loss_pct is a fraction: 5 means 500 %; for 5 % write 0.05"]),
        ("limits.max_loss_pct = 1", ["for 1 % write 0.01"]),
        ("limits.max_loss_pct = 0", ["must be above 0, not 0"]),
        ("limits.max_loss_pct = nan", ["must be a finite number"]),
        ("limits.collar_bps = 0.0002", ["is in basis points", "write 2."]),
        ("limits.collar_bps = 5000", ["must be at most 1000"]),
        ("limits.part = 50", ["for 50 % write 0.5"]),
        ('limits.budget = "much"', ["limits.budget must be a finite decimal"]),
        ("limits.budget = -1", ["limits.budget must be a finite amount above 0"]),
        (
            'limits.form = { shape = "rund" }',
            ['limits.form.shape must be one of "round", "square"', 'mean "round"?'],
        ),
        (
            'limits.form = { shape = "round", side = 1 }',
            ["limits.form.side is not a setting", "limits.form.shape"],
        ),
        (
            'limits.form = { shape = "round", radius = -1 }',
            ["limits.form.radius must be above 0, not -1; it is: radius"],
        ),
        (
            "[[items]]\n[[items]]\nname = 3",
            ["house.toml:1: items.0.name is missing", "house.toml:3: items.1.name must"],
        ),
        ("rooms = four", ["house.toml:1: this is not valid TOML in column 9", "text is in quotes"]),
        ("rooms = 1\nrooms = 2", ["house.toml:2: this is not valid TOML"]),
        ('label = "', ["house.toml:1: this is not valid TOML"]),
    ],
)
def test_a_refusal_names_line_key_wrong_and_right(tmp_path: Path, text: str, parts: list[str]) -> None:
    """What cannot be meant is refused with file, line, key, what is wrong and what would be right."""
    message = refusal(tmp_path, text)
    assert all(part in message for part in parts), message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Each problem is a line of its own, so that one round of fixing is enough."""
    assert len(refusal(tmp_path, "rooms = 1.5\nlabel = 3\nlables = 1").splitlines()) == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file is named with the nearest one there; a folder and foreign bytes are refused too."""
    (tmp_path / "house.toml").write_text("")
    (tmp_path / "bytes.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match=r"hause\.toml: there is no such file; did you mean house\.toml"):
        file_layer(tmp_path / "hause.toml")
    with pytest.raises(ConfigError, match=r"bytes\.toml: this is not UTF-8 text"):
        file_layer(tmp_path / "bytes.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        file_layer(tmp_path)


def test_flags_and_variables_must_name_a_setting() -> None:
    """A flag without equals or a name with an empty part is refused; reserved variables are left alone."""
    for flag in ("rooms", "=3", "a..b=1"):
        with pytest.raises(UsageError, match=r"section\.key=value"):
            flag_layer([flag])
    with pytest.raises(ConfigError, match="TRADING_A__"):
        environment_layer({"TRADING_A__": "1"})
    with pytest.raises(
        ConfigError, match="environment TRADING_RUMS: rums is not a setting; did you mean rooms"
    ):
        load_house(environment_layer({"TRADING_RUMS": "1"}))
    with pytest.raises(ConfigError, match="already gives limits a value"):
        flag_layer(["limits=1", "limits.part=1"])
    assert not environment_layer({"TRADING_URL": "x", "PATH": "y"}, lambda name: name == "TRADING_URL").values


def test_dotenv_reads_quotes_comments_and_names_a_bad_line(tmp_path: Path) -> None:
    """``.env`` lines are KEY=VALUE with quotes and comments; anything else is refused without its value."""
    file = tmp_path / ".env"
    assert read_dotenv(file) == {}
    file.write_text(
        "# comment\nA=1 # why\nexport B = two words\n\nC='it # is $X'\n"
        'D="line\\nquote\\"" # x\nE=\nF=a#b\nG= # none\n'
    )
    assert read_dotenv(file) == {
        "A": "1",
        "B": "two words",
        "C": "it # is $X",
        "D": 'line\nquote"',
        "E": "",
        "F": "a#b",
        "G": "",
    }
    for line in ("A B", "=topsecret", "1A=topsecret", "A='topsecret"):
        file.write_text(f"OK=1\n{line}\n")
        with pytest.raises(ConfigError, match=r"\.env:2") as caught:
            read_dotenv(file)
        assert "topsecret" not in str(caught.value)


def test_a_secret_never_prints(caplog: pytest.LogCaptureFixture) -> None:
    """However a secret is shown, dumped, logged, copied or pickled, only ``reveal`` gives its text."""

    class Holder(Section):
        key: Secret

    secret = Secret("hunter2")
    holder = Holder(key=secret)
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("key %s %r", secret, secret)
    shown: list[Any] = [
        repr(secret), str(secret), f"{secret}", f"{secret!r:>9}", f"{secret:>9}",
        json.dumps(secret, default=str), repr(holder),
        holder.model_dump_json(), holder.model_dump(mode="json"),
        pickle.dumps(secret), repr({"k": [secret]}), caplog.text, str(dir(secret)),
    ]  # fmt: skip
    assert not any("hunter2" in str(text) for text in shown)
    assert (str(secret), format(secret, ">5")) == ("***", "  ***")
    assert copy(secret).reveal() == deepcopy(secret).reveal() == holder.key.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != Secret("other")
    with pytest.raises(ConfigError, match="empty"):
        pickle.loads(pickle.dumps(secret)).reveal()
    with pytest.raises(TypeError):
        hash(secret)
    with pytest.raises(AttributeError):
        secret._text = "x"  # type: ignore[misc]


def test_a_missing_secret_is_refused_by_name() -> None:
    """The name of the variable is told, because it is what has to be set."""
    assert secret_named("TRADING_X_SECRET", {"TRADING_X_SECRET": "s"}).reveal() == "s"
    for environ in ({}, {"TRADING_X_SECRET": ""}):
        with pytest.raises(ConfigError, match="TRADING_X_SECRET is not set"):
            secret_named("TRADING_X_SECRET", environ)


def test_written_settings_read_back_the_same(tmp_path: Path) -> None:
    """The TOML of effective settings decodes to equal settings."""
    settings = House(
        label='quote " and \\ and\nline', tags=("a", "b"), items=(Item(name="x"), Item(name="y", weight=0.3)),
        limits=Limits(budget="0.00000001", form=Square(shape="square", side=2)),
    )  # fmt: skip
    assert load_house(text_layer(tmp_path, to_toml(settings))).settings == settings
    with pytest.raises(TypeError, match="no form for a object"):
        to_toml({"a": object()})


def test_amounts_are_exact_and_have_one_form() -> None:
    """The same amount is equal and prints the same however it was written."""
    forms = [Limits(budget=value).budget for value in ("100000", "1e5", 100000, 100000.0, "100000.00")]
    assert {str(form) for form in forms} == {"100000"}
    assert str(Limits(budget=0.1).budget) == "0.1"


def test_the_schema_tells_every_section() -> None:
    """The JSON schema has the sections, closed to unknown keys."""
    document = schema(House)
    assert set(document["properties"]) == {"label", "rooms", "tags", "limits", "items"}
    assert document["additionalProperties"] is False
    json.dumps(document)
