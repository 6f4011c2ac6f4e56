"""The history store: what goes in comes out, in order, once, and nothing broken comes out."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agentic_trading.core.enums import HOUR_NS, Timeframe
from agentic_trading.core.errors import ConfigError, CorruptData, MissingData
from agentic_trading.data.candle_builder import build
from agentic_trading.data.history import HistoryStore, writing
from agentic_trading.data.history.manifest import save_manifest
from agentic_trading.data.quality import data_sha256
from market_files import START_MS, candle_frame

START_NS = START_MS * 1_000_000
VENUE, SYMBOL = "binance", "BTC/USDT"


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "historical")


def put(store: HistoryStore, frame: pl.DataFrame, timeframe: Timeframe = Timeframe.H1, source: str = "test"):
    return store.write_candles(VENUE, SYMBOL, timeframe, frame, source)


def test_layout_follows_the_contract(store: HistoryStore) -> None:
    """Months lie where the contract says, and the perpetual beside the spot market."""
    put(store, candle_frame(24 * 40))
    store.write_candles(VENUE, "BTC/USDT:USDT", Timeframe.H1, candle_frame(2), "test", kind="mark")
    store.write_funding(
        VENUE, "BTC/USDT:USDT", pl.DataFrame({"timestamp": [START_MS], "rate": [0.0001]}), "test"
    )
    files = {str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file()}
    assert files == {
        "binance/spot/BTC-USDT/1h/2021-01.parquet", "binance/spot/BTC-USDT/1h/2021-02.parquet",
        "binance/spot/BTC-USDT/manifest.json", "binance/linear/BTC-USDT/mark/1h/2021-01.parquet",
        "binance/linear/BTC-USDT/funding.parquet", "binance/linear/BTC-USDT/manifest.json",
    }  # fmt: skip


def test_reads_back_what_was_written(store: HistoryStore) -> None:
    """Candles written in any order over several calls come back sorted, unique and bit for bit."""
    frame = candle_frame(24 * 40)
    put(store, frame.reverse()[:500])
    report = put(store, frame)
    columns = store.read(VENUE, SYMBOL, Timeframe.H1)
    assert (report.added, report.unchanged, report.replaced) == (460, 500, 0)
    assert np.array_equal(columns.open_ns, frame["timestamp"].to_numpy() * 1_000_000)
    for row, name in enumerate(("open", "high", "low", "close", "volume")):
        assert np.array_equal(columns.bars[row], frame[name].to_numpy())
    assert columns.starts.tolist() == [0]
    assert not columns.filled.any()


def test_new_rows_win(store: HistoryStore) -> None:
    """A candle that is written again replaces the old one and is counted as replaced."""
    put(store, candle_frame(10))
    report = put(store, candle_frame(10).with_columns(volume=pl.lit(7.0))[3:5])
    columns = store.read(VENUE, SYMBOL, Timeframe.H1)
    assert (report.added, report.replaced, report.unchanged) == (0, 2, 0)
    assert columns.bars[4].tolist() == [1, 2, 3, 7, 7, 6, 7, 8, 9, 10]


def test_range_and_preroll(store: HistoryStore) -> None:
    """A range gives the candles that open in it and close by its end, plus the pre-roll before it."""
    put(store, candle_frame(100))
    columns = store.read(
        VENUE, SYMBOL, Timeframe.H1, START_NS + 10 * HOUR_NS, START_NS + 20 * HOUR_NS, preroll=3
    )
    assert columns.open_ns[0] == START_NS + 7 * HOUR_NS
    assert columns.close_ns[-1] == START_NS + 20 * HOUR_NS


def test_short_gap_is_filled_and_long_gap_breaks(store: HistoryStore) -> None:
    """The first candle of a gap is filled flat and flagged; a gap of two begins a new stretch after it."""
    kept = [row for row in range(12) if row not in (3, 7, 8)]
    put(store, candle_frame(12)[kept])
    columns = store.read(VENUE, SYMBOL, Timeframe.H1)
    assert columns.filled.tolist() == [row in (3, 7) for row in range(11)]
    assert columns.bars[:, 3].tolist() == [columns.bars[3, 2]] * 4 + [0.0]
    assert columns.starts.tolist() == [0, 8]


def test_a_candle_is_the_same_in_every_range(store: HistoryStore) -> None:
    """A filled candle at the edge of a range is there just as in a range that contains the gap."""
    put(store, candle_frame(12)[[row for row in range(12) if row != 5]])
    whole = store.read(VENUE, SYMBOL, Timeframe.H1)
    for low, high in ((0, 6), (5, 12), (5, 6), (6, 12)):
        part = store.read(VENUE, SYMBOL, Timeframe.H1, START_NS + low * HOUR_NS, START_NS + high * HOUR_NS)
        assert np.array_equal(part.bars, whole.bars[:, low:high])
        assert part.filled.tolist() == whole.filled[low:high].tolist()


def test_coarser_timeframe_is_built_from_the_finest_that_divides_it(store: HistoryStore) -> None:
    """Four-hour candles come from five-minute ones, not from the hours, when both are there."""
    fine = candle_frame(12 * 24, Timeframe.M5)
    put(store, fine, Timeframe.M5)
    put(store, candle_frame(24), Timeframe.H1)
    built = store.read(VENUE, SYMBOL, Timeframe.H4)
    expected = build(store.read(VENUE, SYMBOL, Timeframe.M5), Timeframe.H4)
    assert len(built) == 6
    assert np.array_equal(built.bars, expected.bars)


def test_a_finer_series_with_holes_does_not_displace_a_whole_one(store: HistoryStore) -> None:
    """If minutes cover fewer of the months asked for than hours, the hours are taken."""
    put(store, candle_frame(60 * 24, Timeframe.M1), Timeframe.M1)
    put(store, candle_frame(24 * 70), Timeframe.H1)
    assert len(store.read(VENUE, SYMBOL, Timeframe.H4)) == 70 * 6


def test_finer_than_stored_names_both(store: HistoryStore) -> None:
    """Asking for minutes where hours are stored is a config error that names both and the way out."""
    put(store, candle_frame(10))
    with pytest.raises(
        ConfigError, match=r"1m candles of BTC/USDT .*stored 1h.*--timeframe 1h.*data download"
    ):
        store.read(VENUE, SYMBOL, Timeframe.M1)


def test_missing_history_says_how_to_get_it(store: HistoryStore) -> None:
    """Nothing stored, or nothing in the range, gives the exact command that fetches it."""
    command = (
        "agentic-trading data download --exchange binance --symbols BTC/USDT --timeframe 1h "
        f"--since 2021-01-01 --data-dir {store.root}"
    )
    with pytest.raises(MissingData) as nothing:
        store.read(VENUE, SYMBOL, Timeframe.H1, START_NS)
    assert command in str(nothing.value)
    put(store, candle_frame(10))
    with pytest.raises(
        MissingData, match=r"only from 2021-01-01 00:00:00 to 2021-01-01 09:00:00.*--since 2022-01-01"
    ):
        store.read(VENUE, SYMBOL, Timeframe.H1, START_NS + 365 * 24 * HOUR_NS)
    assert "--data-dir" not in str(_missing(HistoryStore(Path("data/historical"))))


def _missing(store: HistoryStore) -> MissingData:
    with pytest.raises(MissingData) as error:
        store.read("bybit", "NOSUCH/USDT", Timeframe.H1)
    return error.value


def test_truncated_and_altered_files_are_refused_by_name(store: HistoryStore) -> None:
    """A file that is not the one that was written, or no Parquet at all, is named with its repair."""
    put(store, candle_frame(10))
    file = store.root / "binance/spot/BTC-USDT/1h/2021-01.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(
        CorruptData, match=r"2021-01\.parquet is not the file that was written.*data download"
    ):
        store.read(VENUE, SYMBOL, Timeframe.H1)
    (file.parents[1] / "manifest.json").unlink()
    with pytest.raises(CorruptData, match=r"2021-01\.parquet is not a whole Parquet file.*data download"):
        store.read(VENUE, SYMBOL, Timeframe.H1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"close": -1.0}, r"row 3 .*close is -1; a price above zero"),
        ({"open": float("nan")}, r"row 3 .*open is nan"),
        ({"high": 1.0}, r"row 3 .*high 1 is below"),
        ({"timestamp": START_MS * 1000}, r"row 3: timestamp 1609459200000000 looks like microseconds"),
        ({"timestamp": START_MS // 1000}, r"row 3: timestamp 1609459200 looks like seconds"),
        ({"timestamp": START_MS}, r"2021-01\.parquet: the candle of .* is not later than the one before"),
    ],
)
def test_files_put_there_by_hand_are_checked(
    store: HistoryStore, change: dict[str, float], says: str
) -> None:
    """A Parquet file without a manifest is read, but not with a value nobody should trade on."""
    folder = store.root / "binance/spot/BTC-USDT/1h"
    folder.mkdir(parents=True)
    frame = candle_frame(5)
    frame.write_parquet(folder / "2021-01.parquet")
    assert len(store.read(VENUE, SYMBOL, Timeframe.H1)) == 5
    for column, value in change.items():
        frame[2, column] = value
    frame.write_parquet(folder / "2021-01.parquet")
    with pytest.raises(CorruptData, match=says):
        store.read(VENUE, SYMBOL, Timeframe.H1)


@pytest.mark.parametrize(("dies_at", "rows_after"), [("write_atomically", 10), ("save_manifest", 20)])
def test_a_crash_while_writing_harms_nothing(
    store: HistoryStore, monkeypatch: pytest.MonkeyPatch, dies_at: str, rows_after: int
) -> None:
    """A crash before or after the Parquet file is replaced leaves the old or the new candles, readable."""
    put(store, candle_frame(10))
    calls = []

    def die(*arguments: object) -> None:
        calls.append(arguments)
        if dies_at == "write_atomically" or len(calls) == 2:
            raise KeyboardInterrupt
        save_manifest(*arguments)

    monkeypatch.setattr(writing, dies_at, die)
    with pytest.raises(KeyboardInterrupt):
        put(store, candle_frame(20))
    assert len(store.read(VENUE, SYMBOL, Timeframe.H1)) == rows_after


def test_funding_stamps_go_to_the_minute(store: HistoryStore) -> None:
    """Jittered and clean stamps of one payment are one payment; the later written rate wins."""
    perpetual, hours8 = "BTC/USDT:USDT", 8 * 3_600_000
    clean = pl.DataFrame({"timestamp": [START_MS, START_MS + hours8], "rate": [0.0001, 0.0002]})
    jittered = pl.DataFrame(
        {"timestamp": [START_MS + hours8 + 47, START_MS + 2 * hours8 - 3], "rate": [0.0003, -0.0001]}
    )
    store.write_funding(VENUE, perpetual, clean, "a")
    report = store.write_funding(VENUE, perpetual, jittered, "b")
    stamps, rates = store.read_funding(VENUE, perpetual)
    assert (report.added, report.replaced) == (1, 1)
    assert stamps.tolist() == [START_NS + n * 8 * HOUR_NS for n in range(3)]
    assert rates.tolist() == [0.0001, 0.0003, -0.0001]
    assert store.read_funding(VENUE, perpetual, START_NS + 1, START_NS + 16 * HOUR_NS)[1].tolist() == [0.0003]


def test_missing_funding_says_how_to_get_it(store: HistoryStore) -> None:
    """A perpetual without funding rates is missing data, with the command that fetches them."""
    with pytest.raises(
        MissingData, match=r"no funding rates of BTC/USDT:USDT.*data download .*BTC/USDT:USDT"
    ):
        store.read_funding(VENUE, "BTC/USDT:USDT")


def test_manifest_records_source_gaps_and_duplicates(store: HistoryStore) -> None:
    """The manifest says where a series came from, what it lacks and what was dropped."""
    store.write_candles(VENUE, SYMBOL, Timeframe.H1, candle_frame(10)[[0, 1, 5, 6]], "a.csv", duplicates=2)
    manifest = json.loads((store.root / "binance/spot/BTC-USDT/manifest.json").read_text())
    hour = 3_600_000
    assert manifest["series"]["1h"] == {
        "sources": ["a.csv"], "duplicates": 2, "gaps": [[START_MS + 2 * hour, START_MS + 5 * hour, 3]],
    }  # fmt: skip
    assert store.provenance(VENUE, SYMBOL, Timeframe.H4) == ("a.csv", 2)
    (info,) = store.list_series()
    assert (info.symbol, info.rows, info.gaps, info.missing, info.source) == (SYMBOL, 4, 1, 3, "a.csv")


def test_digest_depends_on_content_only(store: HistoryStore, tmp_path: Path) -> None:
    """The same candles in other files have one digest; one changed bit gives another."""
    other = HistoryStore(tmp_path / "elsewhere")
    put(store, candle_frame(50), source="a")
    put(other, candle_frame(50)[:20], source="b")
    put(other, candle_frame(50)[20:], source="c")
    first, second = (each.read(VENUE, SYMBOL, Timeframe.H1) for each in (store, other))
    assert data_sha256([first]) == data_sha256([second])
    second.bars[4, 7] += 1.0
    assert data_sha256([first]) != data_sha256([second])


def test_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    """A root that cannot be written is a config error that names it and the flag."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot write .*file.*--data-dir"):
        put(HistoryStore(tmp_path / "file"), candle_frame(3))
