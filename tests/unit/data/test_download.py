"""Download: every closed candle once, whatever the venue's paging, pauses and stumbles."""

from pathlib import Path

import polars as pl
import pytest

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, UsageError, VenueUnavailable
from agentic_trading.data.download import ATTEMPTS, download, missing_ranges, open_client
from agentic_trading.data.history import HistoryStore
from market_files import START_MS, candle_frame

HOUR_MS = 3_600_000
SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"


class PatientClock:
    """Shows a fixed time and notes how long it was asked to wait."""

    def __init__(self, now_ms: int) -> None:
        self.now_ns = now_ms * 1_000_000
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class FakeExchange:
    """The public part of ccxt's interface over a frame: small pages, failures on demand."""

    def __init__(
        self, frame: pl.DataFrame, page: int = 7, failures: int = 0, before_listing_is_empty: bool = False
    ) -> None:
        self.frame, self.page, self.failures = frame, page, failures
        self.before_listing_is_empty = before_listing_is_empty
        self.asked: list[tuple[int, int]] = []

    def load_markets(self) -> dict[str, object]:
        return {SPOT: {}, PERPETUAL: {}}

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int | None = None, limit: int | None = None):
        self.asked.append((since or 0, limit or 0))
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no route")
        rows = self.frame.filter(pl.col("timestamp") >= (since or 0))
        if self.before_listing_is_empty:
            rows = rows.filter(pl.col("timestamp") < (since or 0) + (limit or 0) * HOUR_MS)
        return [list(row) for row in rows.head(min(self.page, limit or 500)).iter_rows()]

    def fetch_funding_rate_history(self, symbol: str, since: int | None, limit: int | None, params: dict):
        stamps = range(START_MS, START_MS + 100 * HOUR_MS, 8 * HOUR_MS)
        return [
            {"timestamp": at + 3, "fundingRate": 0.0001}
            for at in stamps
            if (since or 0) <= at < params["until"]
        ]


def run(
    store: HistoryStore,
    client: FakeExchange,
    hours: int = 50,
    symbol: str = SPOT,
    now: int | None = None,
    **more,
):
    clock = more.pop("clock", None) or PatientClock(START_MS + (now or 1000) * HOUR_MS)
    end = START_MS + hours * HOUR_MS
    return download(
        "binance", [symbol], Timeframe.H1, START_MS, end, store, client=client, clock=clock, **more
    )[0]


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path)


def stamps(store: HistoryStore, symbol: str = SPOT) -> list[int]:
    open_ns = store.read("binance", symbol, Timeframe.H1, max_fill=0).open_ns
    return [int(at) // 1_000_000 for at in open_ns]


def test_pages_until_the_end(store: HistoryStore) -> None:
    """All candles of the range arrive, over as many pages as it takes, and none beyond it."""
    report = run(store, FakeExchange(candle_frame(80)))
    assert (report.added, report.already_stored, report.missing) == (50, 0, 0)
    assert stamps(store) == [START_MS + hour * HOUR_MS for hour in range(50)]


def test_only_closed_candles(store: HistoryStore) -> None:
    """The candle that is still forming now is not stored, though the venue returns it."""
    clock = PatientClock(START_MS + 10 * HOUR_MS + 1)
    run(store, FakeExchange(candle_frame(11)), clock=clock)
    assert len(stamps(store)) == 10


def test_goes_on_where_it_stopped(store: HistoryStore) -> None:
    """What is stored is not asked for again: a second run asks only for what is new."""
    exchange = FakeExchange(candle_frame(80))
    run(store, exchange, hours=20)
    exchange.asked.clear()
    report = run(store, exchange, hours=30)
    assert (report.added, report.already_stored) == (10, 20)
    assert min(since for since, _ in exchange.asked) == START_MS + 20 * HOUR_MS


def test_an_outage_of_the_venue_is_passed_over_and_counted(store: HistoryStore) -> None:
    """Candles the venue does not have are counted as missing, and what lies after them is fetched."""
    frame = candle_frame(50)[[row for row in range(50) if not 14 <= row < 21]]
    for quirk in (False, True):
        exchange = FakeExchange(frame, before_listing_is_empty=quirk)
        report = run(HistoryStore(store.root / str(quirk)), exchange)
        assert (report.added, report.missing) == (43, 7)


def test_a_listing_after_the_first_day_asked_for(store: HistoryStore) -> None:
    """A range that begins long before the listing ends with the candles there are, on both kinds of venue."""
    late = candle_frame(10, start_ms=START_MS + 2500 * HOUR_MS)
    for quirk in (False, True):
        part = HistoryStore(store.root / str(quirk))
        report = run(part, FakeExchange(late, before_listing_is_empty=quirk), hours=2510, now=9000)
        assert (report.added, report.missing) == (10, 2500)


def test_stumbles_are_retried_with_growing_waits(store: HistoryStore) -> None:
    """A transient error is tried again after one, two, four seconds; then the work goes on."""
    clock = PatientClock(START_MS + 1000 * HOUR_MS)
    report = run(store, FakeExchange(candle_frame(50), failures=3), clock=clock)
    assert report.added == 50
    assert clock.waits == [1.0, 2.0, 4.0]


def test_retries_are_bounded_and_nothing_fetched_is_lost(store: HistoryStore) -> None:
    """After the last try the venue is called unavailable, and earlier pages are stored."""
    exchange = FakeExchange(candle_frame(50))
    original, count = exchange.fetch_ohlcv, 0

    def fails_later(*arguments):
        nonlocal count
        count += 1
        if count > 2:
            raise TimeoutError("slow")
        return original(*arguments)

    exchange.fetch_ohlcv = fails_later
    with pytest.raises(
        VenueUnavailable, match=rf"candles of BTC/USDT in {ATTEMPTS} tries \(slow\).*run the same command"
    ):
        run(store, exchange)
    assert len(stamps(store)) == 14


def test_perpetuals_come_with_funding(store: HistoryStore) -> None:
    """For a perpetual the funding rates of the range are stored too, on the minute."""
    report = run(store, FakeExchange(candle_frame(50)), symbol=PERPETUAL)
    assert report.funding == 7
    funding, rates = store.read_funding("binance", PERPETUAL)
    assert funding[0] == START_MS * 1_000_000
    assert rates.tolist() == [0.0001] * 7


def test_progress_only_grows_and_ends_whole(store: HistoryStore) -> None:
    """The progress callback never goes back and ends with everything."""
    seen = []
    run(
        store, FakeExchange(candle_frame(50)), progress=lambda symbol, done, total: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert seen[-1] == (50, 50)


def test_wrong_questions_are_refused(store: HistoryStore) -> None:
    """An unknown symbol, an unknown exchange and an empty range are each one clear sentence."""
    with pytest.raises(UsageError, match="binance has no market NOSUCH/USDT"):
        run(store, FakeExchange(candle_frame(5)), symbol="NOSUCH/USDT")
    with pytest.raises(UsageError, match="range to download is empty"):
        run(store, FakeExchange(candle_frame(5)), hours=0)
    with pytest.raises(UsageError, match="known are binance, bybit"):
        open_client("nasdaq")


def test_without_ccxt_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ccxt is not installed, the error is the pip command."""
    monkeypatch.setitem(__import__("sys").modules, "ccxt", None)
    with pytest.raises(ConfigError, match=r'pip install "agentic-trading\[live\]"'):
        open_client("binance")


def test_missing_ranges_by_hand() -> None:
    """Holes before, between and after what is stored, half-open."""
    assert missing_ranges([20, 30, 60], 0, 90, 10) == [(0, 20), (40, 60), (70, 90)]
    assert missing_ranges([], 0, 30, 10) == [(0, 30)]
    assert missing_ranges([0, 10, 20], 0, 30, 10) == []
