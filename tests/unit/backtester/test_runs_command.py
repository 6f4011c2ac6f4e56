"""The verbs on past results: list, show, rebuild the report, each also as JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentic_trading.backtester.result import Result
from agentic_trading.backtester.results import write
from agentic_trading.commands.runs import report, runs, show
from agentic_trading.core.errors import ConfigError, MissingData


@pytest.fixture
def store(result: Result, tmp_path: Path) -> str:
    write(tmp_path / "20240101-7f3a9c", result)
    return str(tmp_path)


def test_runs_lists_what_is_there(store: str, tmp_path: Path) -> None:
    """Every run is a line with its headline figures; an empty store says how to fill it."""
    text = CliRunner().invoke(runs, ["--out", store]).output
    assert "20240101-7f3a9c" in text
    assert "agentic-trading show last" in text
    listed = json.loads(CliRunner().invoke(runs, ["--out", store, "--json"]).output)["runs"]
    assert [(run["run_id"], run["trades"]) for run in listed] == [("20240101-7f3a9c", 179)]
    assert "No runs in" in CliRunner().invoke(runs, ["--out", str(tmp_path / "none")]).output


def test_show_prints_the_report_or_its_summary(store: str, result: Result) -> None:
    """`show last` is the report; `--json` is the summary document itself."""
    assert "PER STRATEGY" in CliRunner().invoke(show, ["last", "--out", store]).output
    summary = json.loads(CliRunner().invoke(show, ["2024", "--out", store, "--json"]).output)
    assert summary["metrics"] == result.metrics


def test_report_rebuilds_the_page(store: str, tmp_path: Path) -> None:
    """A deleted report comes back byte for byte, since everything it needs is in the folder."""
    path = tmp_path / "20240101-7f3a9c" / "report.html"
    before = path.read_bytes()
    path.unlink()
    answer = CliRunner().invoke(report, ["last", "--out", store, "--json"])
    assert json.loads(answer.output) == {"run_id": "20240101-7f3a9c", "report": str(path)}
    assert path.read_bytes() == before


def test_unknown_runs_and_targets_are_named(store: str, tmp_path: Path) -> None:
    """A wrong run or an impossible output file is an error of ours, in one sentence."""
    with pytest.raises(MissingData, match="known runs are 20240101-7f3a9c"):
        CliRunner().invoke(show, ["nope", "--out", store], catch_exceptions=False)
    with pytest.raises(ConfigError, match="is a folder"):
        CliRunner().invoke(report, ["last", "--out", store, "-o", str(tmp_path)], catch_exceptions=False)
