"""The documents say what is there: links, commands, targets, files, lists and the wiring diagram."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl
import pytest

from agentic_trading import cli
from agentic_trading.backtester.metrics import METRIC_KEYS
from agentic_trading.features.indicators import INDICATORS
from agentic_trading.settings import AppSettings
from feature_series import default_specs
from terminal import SHORT, Terminal

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "agentic_trading"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "runbooks").glob("*.md")],
)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
OF_THE_READER = {"strategies/my_cross.py", "strategies/my_idea.py"}
"""Files that a reader is told to make."""

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)


def code_of(path: Path) -> Iterator[str]:
    """Every line of a code block and every code span of a document; diagrams left out."""
    text = re.sub(r"```mermaid.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for block in re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def anchors_of(path: Path) -> set[str]:
    """The anchors of a document's headings, as they are made where documents are shown."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands_of(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Every mention of a command of ours, with the words behind its name up to a comment or a pipe."""
    for line in code_of(path):
        for rest in re.findall(r"(?:^|[\s/$])agentic-trading((?: +[^\s#|;&]+)*)", line):
            yield line, rest.split()


def unknown_in(words: list[str]) -> str:
    """The first verb or flag of a command line that does not exist; empty if all do."""
    command: click.Command = cli.root
    context = click.Context(command)
    words = list(words)
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        word = words.pop(0)
        found = command.get_command(context, word)
        if found is None:
            return word
        command = found
    flags = {flag for parameter in command.params for flag in parameter.opts} | {"-h", "--help", "--version"}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return next((flag for flag in given if flag not in flags), "")


@every_document
def test_links_resolve(path: Path) -> None:
    """Every relative link leads to a file of the repository, and its anchor to a heading there."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        goal = (path.parent / name).resolve() if name else path
        if not goal.exists() or (anchor and anchor not in anchors_of(goal)):
            broken.append(target)
    assert broken == []


@every_document
def test_commands_exist(path: Path) -> None:
    """Every command that a document names exists, with every flag it is shown with."""
    wrong = [f"{line!r}: {unknown}" for line, words in commands_of(path) if (unknown := unknown_in(words))]
    assert wrong == []


def test_a_command_that_does_not_exist_is_found() -> None:
    """The check of commands catches a verb, a verb of a group and a flag that do not exist."""
    assert unknown_in(["backtset"]) == "backtset"
    assert unknown_in(["data", "upload"]) == "upload"
    assert unknown_in(["backtest", "-s", "breakout", "--fast"]) == "--fast"
    assert unknown_in(["backtest", "--set", "risk.max_order_pct=0.1"]) == ""


def test_the_readme_names_every_verb() -> None:
    """The README's table of commands leaves no verb out."""
    named = {words[0] for _, words in commands_of(ROOT / "README.md") if words}
    assert set(cli.VERBS) <= named


@every_document
def test_make_targets_exist(path: Path) -> None:
    """Every make target that a document names is in the Makefile."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for line in code_of(path) for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", line)}
    assert named - targets == set()


@every_document
def test_source_files_exist(path: Path) -> None:
    """Every Python file that a document names exists in the repository or in the package."""
    inside = {file.name for folder in (PACKAGE, ROOT / "tests") for file in folder.rglob("*.py")}
    missing = []
    for span in code_of(path):
        for name in re.findall(r"(?:^|[\s(])((?:[\w-]+/)*[a-z_]+\.py)(?=$|[\s),:])", span):
            known = (ROOT / name).exists() or (PACKAGE / name).exists() or name in OF_THE_READER
            if not known and name not in inside:
                missing.append(name)
    assert missing == []


def test_the_strategy_of_the_readme_trades(terminal: Terminal) -> None:
    """The complete strategy of the README runs as it is written there, and trades."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    folder = terminal.folder / "strategies"
    folder.mkdir()
    (folder / "ema_cross.py").write_text(blocks[0], "utf-8")
    answer = terminal.backtest("-s", "ema_cross", "--json")
    assert answer.code == 0, answer.err
    assert '"trades": 0' not in answer.out


def test_every_metric_is_documented() -> None:
    """docs/metrics.md has a row for every metric key and for no other."""
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    table = text.partition("| key | formula")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(METRIC_KEYS)


def test_every_indicator_is_documented() -> None:
    """docs/indicators.md has a row for every indicator, with all its outputs."""
    rows = (ROOT / "docs" / "indicators.md").read_text("utf-8").splitlines()
    specs = {spec.indicator: spec for spec in default_specs()}
    assert set(specs) == set(INDICATORS)
    for name, spec in specs.items():
        own = [row for row in rows if re.match(rf"\| `\w+\([^|]*\| `{name}(?:_\d|`)", row)]
        assert len(own) == 1, name
        assert all(f".{output}`" in own[0] for output in spec.outputs if output), name


def test_every_section_is_documented() -> None:
    """The README's configuration table has a row for every section of the settings."""
    rows = re.findall(r"^\| `\[*(\w+)\]*` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert set(AppSettings.model_fields) <= set(rows)


def test_the_diagram_is_the_wiring(terminal: Terminal) -> None:
    """docs/topology.md shows what `agentic-trading topology` prints, to the letter."""
    page = (ROOT / "docs" / "topology.md").read_text("utf-8")
    shown = page.partition("```mermaid\n")[2].partition("```")[0]
    answer = terminal("topology", "-d", terminal.history, *SHORT)
    assert answer.code == 0, answer.err
    assert shown == answer.out


@pytest.mark.slow
def test_the_examples_are_what_a_run_gives(terminal: Terminal) -> None:
    """The README's excerpt and the example of the life of a candle are those of a run without flags."""
    answer = terminal("backtest", "-d", terminal.history, "--out", "run", "--json")
    assert answer.code == 0, answer.err
    summary = json.loads(answer.out)
    readme = (ROOT / "README.md").read_text("utf-8")
    for expected in (
        summary["fingerprint"],
        *(f"{summary['costs'][cost]:,.2f}" for cost in ("fees", "slippage")),
    ):
        assert expected in readme, "run `make backtest` and renew the excerpt and the picture in README.md"
    tables = {
        name: pl.read_parquet(terminal.folder / "run" / f"{name}.parquet") for name in ("fills", "trades")
    }
    bought = tables["fills"].row(by_predicate=pl.col("order_id") == "000000000000000e", named=True)
    stopped = tables["fills"].row(by_predicate=pl.col("order_id") == "000000000000000es", named=True)
    of_entry = (pl.col("entry_ns") == bought["timestamp_ns"]) & (pl.col("strategy") == bought["strategy"])
    trade = tables["trades"].row(by_predicate=of_entry, named=True)
    story = (ROOT / "docs" / "life-of-a-candle.md").read_text("utf-8")
    numbers = [bought[key] for key in ("quantity", "reference_price", "price", "fee", "strategy", "symbol")]
    for expected in (*numbers, stopped["price"], stopped["reference_price"], trade["net"].removeprefix("-")):
        assert expected in story, "docs/life-of-a-candle.md tells of a trade that a run no longer makes"
