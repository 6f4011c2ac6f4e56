"""Import: every format ends in the same candles, and what cannot be trusted is refused with its row."""

import json
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import CorruptData, MissingData, UsageError
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
from agentic_trading.data.importers import import_file
from market_files import START_MS, candle_frame

FRAME = candle_frame(30)


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "historical")


def stored_rows(store: HistoryStore, symbol: str = "BTC/USDT", exchange: str = "binance") -> pl.DataFrame:
    columns = store.read(exchange, symbol, Timeframe.H1)
    return pl.DataFrame(dict(zip(CANDLE_COLUMNS, (columns.open_ns // 1_000_000, *columns.bars), strict=True)))


def write(path: Path, frame: pl.DataFrame = FRAME, times: pl.Expr | None = None, header: bool = True) -> Path:
    """The frame as the file format that the path's ending names, optionally with other stamps."""
    shown = frame.with_columns(times.alias("timestamp")) if times is not None else frame
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        shown.write_csv(path, include_header=header)
    elif path.suffix == ".parquet":
        shown.write_parquet(path)
    elif path.suffix == ".feather":
        shown.write_ipc(path)
    else:
        path.write_text(json.dumps([list(row) for row in shown.iter_rows()]))
    return path


AS_DATETIME = pl.from_epoch("timestamp", time_unit="ms")
ISO = AS_DATETIME.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("name", "times", "header"),
    [
        ("binance_spot_BTC-USDT_1h.parquet", None, True),
        ("binance_spot_BTC-USDT_1h_20210101-20210102.parquet", None, True),
        ("binance_BTC-USDT_1h.parquet", AS_DATETIME.dt.replace_time_zone("UTC"), True),
        ("binance_BTC-USDT_1h.parquet", AS_DATETIME.cast(pl.Datetime("ns")), True),
        ("binance_BTCUSDT_1h.csv", None, True),
        ("binance_BTCUSDT_1h.csv", pl.col("timestamp") // 1000, True),
        ("binance_BTCUSDT_1h.csv", pl.col("timestamp") * 1000, True),
        ("binance_BTCUSDT_1h.csv", ISO, True),
        ("binance_BTCUSDT_1h.csv", AS_DATETIME.dt.strftime("%Y-%m-%d %H:%M"), True),
        ("BTCUSDT-1h-2021-01.csv", None, False),
        ("BTCUSDT-1h-2021-01.csv", pl.col("timestamp") * 1000, False),
        ("BTCUSDT-1h-2021-01.csv", None, True),
        ("binance/BTC_USDT-1h.feather", AS_DATETIME.dt.replace_time_zone("UTC"), True),
        ("binance/BTC_USDT-1h.json", None, True),
    ],
)
def test_every_format_gives_the_same_candles(
    store: HistoryStore, tmp_path: Path, name: str, times: pl.Expr | None, header: bool
) -> None:
    """Whatever the format and the unit of its times, the store then holds the same candles."""
    report = import_file(write(tmp_path / name, times=times, header=header), store)
    assert (report.exchange, report.symbol, report.timeframe, report.added) == (
        "binance",
        "BTC/USDT",
        "1h",
        30,
    )
    assert stored_rows(store).equals(FRAME)


def test_units_other_than_milliseconds_are_said(store: HistoryStore, tmp_path: Path) -> None:
    """A CSV in seconds or microseconds is read, and the report says as what."""
    for factor, unit in (
        (pl.col("timestamp") // 1000, "seconds"),
        (pl.col("timestamp") * 1000, "microseconds"),
    ):
        report = import_file(write(tmp_path / "binance_BTCUSDT_1h.csv", times=factor), store)
        assert f"were read as {unit}" in " ".join(report.notes)


def test_archive_with_more_columns_and_zip(store: HistoryStore, tmp_path: Path) -> None:
    """A zipped Binance archive of twelve columns under futures/um is the perpetual."""
    wide = FRAME.with_columns(
        pl.lit(0).alias("close_time"), pl.lit(1.5).alias("quote_volume"), pl.lit(3).alias("count")
    )
    folder = tmp_path / "futures" / "um"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "BTCUSDT-1h-2021-01.zip", "w") as archive:
        archive.writestr("BTCUSDT-1h-2021-01.csv", wide.rename({"timestamp": "open_time"}).write_csv())
    report = import_file(folder / "BTCUSDT-1h-2021-01.zip", store)
    assert report.symbol == "BTC/USDT:USDT"
    assert stored_rows(store, "BTC/USDT:USDT").equals(FRAME)


def test_other_headers(store: HistoryStore, tmp_path: Path) -> None:
    """Common spellings of headers are understood, an address line above them too."""
    text = FRAME.select(
        Unix="timestamp", Open="open", High="high", Low="low", Close="close", volume_BTC="volume",
    ).rename({"volume_BTC": "Volume BTC"}).write_csv()  # fmt: skip
    path = tmp_path / "Binance_BTCUSDT_1h.csv"
    path.write_text("https://example.com\n" + text)
    import_file(path, store)
    assert stored_rows(store).equals(FRAME)


def test_mark_and_funding_files(store: HistoryStore, tmp_path: Path) -> None:
    """Mark files become mark prices without volume, funding_rate becomes rate, both of the perpetual."""
    mark = write(
        tmp_path / "bybit_linear_BTC-USDT-PERP_mark_1h.parquet",
        FRAME.with_columns(volume=pl.lit(None, pl.Float64)),
    )
    rates = FRAME.select("timestamp", funding_rate=pl.lit(0.0001))
    funding = write(tmp_path / "bybit_linear_BTC-USDT-PERP_funding_8h.parquet", rates)
    assert import_file(mark, store).kind == "mark"
    assert import_file(funding, store).kind == "funding"
    columns = store.read_mark("bybit", "BTC/USDT:USDT", Timeframe.H1)
    assert columns.bars[3].tolist() == FRAME["close"].to_list()
    assert not columns.bars[4].any()
    assert store.read_funding("bybit", "BTC/USDT:USDT")[1].tolist() == [0.0001] * 30


def test_freqtrade_names(store: HistoryStore, tmp_path: Path) -> None:
    """Freqtrade's futures, mark and funding files go to the perpetual; the rate is in its open column."""
    folder = tmp_path / "bybit" / "futures"
    for suffix, kind in (("futures", "candles"), ("mark", "mark"), ("funding_rate", "funding")):
        report = import_file(write(folder / f"BTC_USDT_USDT-1h-{suffix}.feather"), store)
        assert (report.exchange, report.symbol, report.kind) == ("bybit", "BTC/USDT:USDT", kind)
    assert store.read_funding("bybit", "BTC/USDT:USDT")[1].tolist() == FRAME["open"].to_list()


def test_unsorted_and_repeated_rows_are_put_right_and_counted(store: HistoryStore, tmp_path: Path) -> None:
    """Rows out of order are sorted, repeated ones dropped (the later wins), and both are reported."""
    messy = pl.concat([FRAME[10:], FRAME[:10], FRAME[5:6].with_columns(volume=pl.lit(77.0))])
    report = import_file(write(tmp_path / "binance_spot_BTC-USDT_1h.parquet", messy), store)
    assert (report.duplicates, report.out_of_order, report.added) == (1, 2, 30)
    assert stored_rows(store)["volume"][5] == 77.0


def test_market_and_timeframe_from_flags_and_spacing(store: HistoryStore, tmp_path: Path) -> None:
    """A file whose name says nothing needs the market; its timeframe is read off its rows, and said."""
    path = write(tmp_path / "export.csv")
    with pytest.raises(UsageError, match=r"export\.csv does not say which market.*--symbols"):
        import_file(path, store)
    report = import_file(path, store, symbol="ETH/USDT", exchange="bybit")
    assert report.timeframe == "1h"
    assert "1h apart" in " ".join(report.notes)
    assert stored_rows(store, "ETH/USDT", "bybit").equals(FRAME)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("close", -5.0, r"1h\.parquet, row 8 \(2021-01-01 07:00:00 UTC\): close is -5; a price above zero"),
        ("open", 0.0, r"row 8 .*open is 0; a price above zero"),
        ("low", float("nan"), r"row 8 .*low is nan"),
        ("high", 1.0, r"row 8 .*high 1 is below open, low or close; it must be the highest"),
        ("volume", -1.0, r"row 8 .*volume is -1; zero or more"),
        ("timestamp", START_MS + 1, r"row 8 .*1609459200001 is off the 1h grid"),
        ("timestamp", START_MS * 1000, r"row 8: time 1609459200000000 is not in milliseconds"),
    ],
)
def test_bad_values_are_refused_with_their_row(
    store: HistoryStore, tmp_path: Path, column: str, value: float, says: str
) -> None:
    """One bad value refuses the file, naming file, row, value and what would be right; nothing is stored."""
    frame = FRAME.clone()
    frame[7, column] = value
    with pytest.raises(CorruptData, match=says):
        import_file(write(tmp_path / "binance_spot_BTC-USDT_1h.parquet", frame), store)
    assert store.list_series() == []


def test_row_numbers_of_a_csv_are_its_lines(store: HistoryStore, tmp_path: Path) -> None:
    """In a CSV with a header the row named is the line an editor shows."""
    frame = FRAME.clone()
    frame[7, "close"] = -5.0
    with pytest.raises(CorruptData, match="row 9 "):
        import_file(write(tmp_path / "binance_BTCUSDT_1h.csv", frame), store)
    path = write(tmp_path / "binance_BTCUSDT_1h.csv")
    path.write_text(path.read_text().replace("100.875", "oops"))
    with pytest.raises(CorruptData, match=r"row 9: open is 'oops'; a number would be right"):
        import_file(path, store)


def test_microseconds_in_parquet_are_refused(store: HistoryStore, tmp_path: Path) -> None:
    """The project's own format is in milliseconds: other units are refused with the right one."""
    path = write(tmp_path / "binance_spot_BTC-USDT_1h.parquet", times=pl.col("timestamp") * 1000)
    with pytest.raises(
        CorruptData, match=r"row 1: time 1609459200000000 looks like microseconds; UTC epoch milli"
    ):
        import_file(path, store)


@pytest.mark.parametrize(
    "name",
    ["binance_spot_BTC-USDT_trades_20210108.parquet", "x_quotes_1.csv", "BTCUSDT-aggTrades-2021-01.zip"],
)
def test_trades_and_quotes_are_refused(store: HistoryStore, tmp_path: Path, name: str) -> None:
    """Files of trades or quotes are refused with what is needed instead."""
    with pytest.raises(UsageError, match="holds trades or quotes, but history is kept as candles"):
        import_file(tmp_path / name, store)


def test_trades_are_recognised_by_their_columns(store: HistoryStore, tmp_path: Path) -> None:
    """A file with an innocent name but price and quantity columns is refused too."""
    path = tmp_path / "binance_BTCUSDT_1m.csv"
    path.write_text("timestamp,price,quantity\n1609459200000,1,2\n")
    with pytest.raises(UsageError, match="holds trades or quotes"):
        import_file(path, store)


def test_files_that_are_no_files(store: HistoryStore, tmp_path: Path) -> None:
    """Missing, empty, truncated and unknown files each give one sentence of the right kind."""
    name = "binance_spot_BTC-USDT_1h"
    with pytest.raises(MissingData, match="there is no file"):
        import_file(tmp_path / f"{name}.parquet", store)
    whole = write(tmp_path / f"{name}.parquet")
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(CorruptData, match="not a whole parquet file"):
        import_file(whole, store)
    (tmp_path / f"{name}.csv").write_text("")
    with pytest.raises(CorruptData, match="is empty"):
        import_file(tmp_path / f"{name}.csv", store)
    (tmp_path / f"{name}.xlsx").write_text("x")
    with pytest.raises(UsageError, match=r"unknown ending '\.xlsx'"):
        import_file(tmp_path / f"{name}.xlsx", store)
    (tmp_path / f"{name}.csv").write_text("timestamp,open,high,low,close\n1609459200000,1,1,1,1\n")
    with pytest.raises(CorruptData, match="has no column volume"):
        import_file(tmp_path / f"{name}.csv", store)


def test_absurd_prices_are_imported_and_mentioned(store: HistoryStore, tmp_path: Path) -> None:
    """A spike that the next candle takes back is kept, since markets do that, but said."""
    frame = FRAME.clone()
    for column in ("high", "close"):
        frame[7, column] = 900.0
    report = import_file(write(tmp_path / "binance_spot_BTC-USDT_1h.parquet", frame), store)
    assert np.any(["a price move that the next candle takes back" in note for note in report.notes])
