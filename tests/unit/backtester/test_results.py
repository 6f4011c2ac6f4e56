"""Results on disk: written whole, with the promised columns, and found again."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from agentic_trading.backtester.frames import SCHEMAS, decimal_text
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.results import FILES, RunStore, write
from agentic_trading.core.errors import ConfigError, CorruptData, MissingData

MakeResult = Callable[..., Result]
CONTRACT = {
    "equity": "timestamp_ns equity cash gross_exposure net_exposure drawdown_ratio",
    "orders": "order_id strategy venue symbol side type time_in_force reduce_only quantity price stop_price "
    "status filled_quantity average_price created_ns arrived_ns done_ns reason cause",
    "fills": "trade_id order_id strategy venue symbol side quantity price fee fee_asset liquidity "
    "reference_price timestamp_ns",
    "trades": "trade strategy symbol direction entry_ns exit_ns quantity entry_price exit_price gross fees "
    "funding net exit_reason regime",
    "decisions": "id timestamp_ns strategy symbol kind direction quantity code value limit headroom cause "
    "detail",
    "funding": "timestamp_ns symbol rate notional payment strategy",
}


def named(result: Result, run_id: str) -> Result:
    tables = {name: getattr(result, name) for name in SCHEMAS}
    return Result(summary={**result.summary, "run_id": run_id}, settings_toml=result.settings_toml, **tables)


def test_files_have_exactly_the_promised_columns(result: Result, tmp_path: Path) -> None:
    """Each table is on disk with the columns of the contract, in order, exact numbers as text."""
    write(tmp_path / "run", result)
    for name, columns in CONTRACT.items():
        assert pl.read_parquet_schema(tmp_path / "run" / f"{name}.parquet").keys() == SCHEMAS[name].keys()
        assert list(SCHEMAS[name]) == columns.split()
    trades = pl.read_parquet(tmp_path / "run" / "trades.parquet")
    assert {trades.schema[name] for name in ("quantity", "entry_price", "net", "trade")} == {pl.String}
    assert {file.name for file in (tmp_path / "run").iterdir()} == set(FILES.values())


def test_a_result_reads_back_as_it_was_written(result: Result, tmp_path: Path) -> None:
    """Summary, settings and every table survive the disk unchanged."""
    summary = write(tmp_path / "run", result)
    again = RunStore(tmp_path).load("run")
    assert again.summary == summary
    assert again.settings_toml == result.settings_toml
    assert again.capital == result.capital
    for name in SCHEMAS:
        assert_frame_equal(getattr(again, name), getattr(result, name))


def test_the_stamp_completes_the_summary_last(result: Result, tmp_path: Path) -> None:
    """The stamp runs when all other files are there, and its summary is what is written."""
    seen: list[int] = []

    def stamp(summary: dict[str, object]) -> dict[str, object]:
        (work,) = tmp_path.glob(".run-*")
        seen.append(len(list(work.iterdir())))
        return {**summary, "timing": {"total_s": 2.5}}

    written = write(tmp_path / "run", result, stamp)
    assert seen == [len(FILES) - 1]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["timing"] == written["timing"]


def test_an_earlier_result_is_replaced_and_nothing_is_left_beside_it(result: Result, tmp_path: Path) -> None:
    """Writing again to the same folder leaves only the new result."""
    write(tmp_path / "run", result)
    write(tmp_path / "run", named(result, "newer"))
    assert RunStore(tmp_path).find("run").run_id == "newer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_a_folder_with_other_files_is_never_replaced(result: Result, tmp_path: Path) -> None:
    """A folder that holds anything but a result is refused by name and kept."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match=r"will not replace .*thesis.txt"):
        write(tmp_path / "run", result)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "years of work"


def test_an_unwritable_folder_is_one_clear_sentence(result: Result, tmp_path: Path) -> None:
    """A path through a file, or a file itself, is a configuration error that names it."""
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / "run", tmp_path / "file"):
        with pytest.raises(ConfigError, match=r"cannot write results to .*--out") as caught:
            write(target, result)
        assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_no_trace(result: Result, tmp_path: Path) -> None:
    """If anything fails on the way, neither half a result nor a temporary folder remains."""

    def fail(summary: dict[str, object]) -> dict[str, object]:
        raise OSError(28, "No space left on device")

    with pytest.raises(ConfigError, match="No space left on device"):
        write(tmp_path / "run", result, fail)
    assert list(tmp_path.iterdir()) == []


def test_runs_are_found_by_id_prefix_path_and_last(result: Result, tmp_path: Path) -> None:
    """An id, a unique prefix, the folder itself and `last` all lead to the run."""
    for age, name in enumerate(("alpha-1", "alpha-2", "beta-1")):
        write(tmp_path / name, named(result, name))
        os.utime(tmp_path / name / "summary.json", ns=(0, age + 1))
    store = RunStore(tmp_path)
    assert [run.run_id for run in store.runs()] == ["alpha-1", "alpha-2", "beta-1"]
    assert store.find("alpha-2").run_id == "alpha-2"
    assert store.find("be").run_id == "beta-1"
    assert store.find("last").run_id == "beta-1"
    assert RunStore(tmp_path / "elsewhere").find(str(tmp_path / "alpha-1")).run_id == "alpha-1"
    with pytest.raises(MissingData, match=r"not unique.*alpha-2, alpha-1"):
        store.find("alpha")
    with pytest.raises(MissingData, match="known runs are beta-1, alpha-2, alpha-1"):
        store.find("gamma")


def test_no_runs_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    """An empty store names the command that fills it."""
    with pytest.raises(MissingData, match="`backtest` makes one"):
        RunStore(tmp_path).find("last")


def test_broken_files_are_named(result: Result, tmp_path: Path) -> None:
    """A summary or table that cannot be read is a sentence with its path; listing skips the run."""
    write(tmp_path / "run", result)
    (tmp_path / "run" / "fills.parquet").write_bytes(b"not parquet")
    with pytest.raises(CorruptData, match=r"fills.parquet cannot be read"):
        RunStore(tmp_path).load("run")
    (tmp_path / "run" / "summary.json").write_text("{")
    with pytest.raises(CorruptData, match="not the summary of a run"):
        RunStore(tmp_path).load("run")
    assert RunStore(tmp_path).runs() == []


def test_tables_of_another_shape_are_refused(result: Result) -> None:
    """A result cannot hold a table whose columns are not those of the contract."""
    tables = {name: getattr(result, name) for name in SCHEMAS}
    tables["fills"] = result.fills.drop("fee")
    with pytest.raises(ValueError, match="table fills must have the columns"):
        Result(summary=result.summary, settings_toml="", **tables)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("0.01500", "0.015"),
        ("-0", "0"),
        ("-1.50", "-1.5"),
        ("1E-8", "0.00000001"),
        ("0.000", "0"),
    ],
)
def test_decimals_are_written_plainly(value: str, text: str) -> None:
    """No exponent, no trailing zeros, no negative zero; the value is unchanged."""
    from decimal import Decimal

    assert decimal_text(Decimal(value)) == text
    assert Decimal(text) == Decimal(value)
