"""Fetches history from an exchange's public endpoints, only what is not stored yet."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.clock import WallClock
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, UsageError, VenueUnavailable
from agentic_trading.core.interfaces import Clock
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore, SeriesKey

MS = 1_000_000
EXCHANGES = ("binance", "bybit")
PAGE = 1000
ATTEMPTS = 5
"""Tries per page; the waits between them double from one second."""
_FUNDING_PAGE = 200
_FUNDING_WINDOW_MS = _FUNDING_PAGE * 3_600_000
"""Funding is asked for in windows that fit one page even where it is paid every hour."""

_KEEP_EVERY = 50
"""Pages after which what was fetched is stored, so that an interrupted download loses little."""

TransientErrors = tuple[type[Exception], ...]
Progress = Callable[[str, int, int], None]
"""Called with symbol, candles covered so far, candles to cover in all."""


class PublicClient(Protocol):
    """The part of ccxt's unified interface that a download uses; times are milliseconds."""

    def load_markets(self) -> Any: ...

    def fetch_ohlcv(
        self, symbol: str, timeframe: str, since: int | None = None, limit: int | None = None
    ) -> list[list[float]]: ...

    def fetch_funding_rate_history(
        self, symbol: str, since: int | None, limit: int | None, params: dict[str, Any]
    ) -> list[dict[str, Any]]: ...


class DownloadReport(msgspec.Struct, frozen=True):
    """What was fetched for one symbol; ``missing`` are candles that the venue itself does not have."""

    symbol: str
    added: int
    already_stored: int
    missing: int
    funding: int


class WaitingClock(Clock, Protocol):
    """A clock that can also wait."""

    def sleep(self, seconds: float) -> None: ...


def open_client(exchange: str) -> tuple[PublicClient, TransientErrors]:
    """A ccxt client without keys, its rate limiter on, and the errors of it that are worth another try.

    Raises UsageError for an exchange that is not supported, ConfigError if ccxt is not installed.
    """
    if exchange not in EXCHANGES:
        raise UsageError(f"history cannot be downloaded from {exchange!r}; known are {', '.join(EXCHANGES)}")
    try:
        import ccxt
    except ImportError:
        raise ConfigError('downloading needs ccxt: run pip install "agentic-trading[live]"') from None
    client: PublicClient = getattr(ccxt, exchange)({"enableRateLimit": True})
    return client, (ccxt.NetworkError,)


def download(
    exchange: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    since_ms: int,
    until_ms: int,
    store: HistoryStore,
    progress: Progress | None = None,
    *,
    client: PublicClient | None = None,
    transient: TransientErrors = (ConnectionError, TimeoutError),
    clock: WaitingClock | None = None,
) -> list[DownloadReport]:
    """Fetch closed candles (and for perpetuals the funding) of [``since_ms``, ``until_ms``) into the store.

    What is stored already is not asked for again; an interrupted download goes on where it stopped.
    Raises UsageError for an empty range or an unknown symbol, VenueUnavailable if a page fails
    `ATTEMPTS` times, CorruptData if the venue sends unsound candles.
    """
    clock = clock or WallClock()
    length_ms = timeframe.ns // MS
    first = -(-since_ms // length_ms) * length_ms
    end = min(until_ms, clock.now_ns // MS) // length_ms * length_ms
    if end <= first:
        raise UsageError(
            "the range to download is empty: --until must be later than --since, and --since in the past"
        )
    if client is None:
        client, transient = open_client(exchange)
    fetcher = _Fetcher(exchange, client, transient, clock)
    markets = fetcher.call("its list of markets", client.load_markets)
    for symbol in symbols:
        if markets is not None and symbol not in markets:
            raise UsageError(
                f"{exchange} has no market {symbol}; look at the spelling (BTC/USDT, BTC/USDT:USDT)"
            )
    return [
        _download_symbol(fetcher, symbol, timeframe, first, end, store, progress or _silent)
        for symbol in symbols
    ]


def _silent(symbol: str, done: int, total: int) -> None:
    return None


class _Fetcher:
    """Calls a client with bounded retries and growing waits."""

    def __init__(
        self, exchange: str, client: PublicClient, transient: TransientErrors, clock: WaitingClock
    ) -> None:
        self.exchange, self.client = exchange, client
        self._transient, self._clock = transient, clock

    def call(self, what: str, request: Callable[[], Any]) -> Any:
        """The answer to ``request``; raises VenueUnavailable when it fails `ATTEMPTS` times."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return request()
            except self._transient as problem:
                if attempt == ATTEMPTS:
                    reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
                    raise VenueUnavailable(
                        f"{self.exchange} did not give {what} in {ATTEMPTS} tries ({reason}); what was "
                        f"fetched is kept: run the same command again to go on"
                    ) from None
                self._clock.sleep(float(2 ** (attempt - 1)))
        raise AssertionError("unreachable: the last attempt returns or raises")


def _download_symbol(
    fetcher: _Fetcher, symbol: str, timeframe: Timeframe, first: int, end: int, store: HistoryStore,
    progress: Progress,
) -> DownloadReport:  # fmt: skip
    length_ms = timeframe.ns // MS
    key = SeriesKey(fetcher.exchange, symbol, "candles", timeframe)
    total = (end - first) // length_ms
    stored = store.stamps(key) // MS
    here = stored[(stored >= first) & (stored < end)]
    already = len(here)
    covered = added = pages = 0
    waiting: list[list[float]] = []

    def keep() -> None:
        nonlocal added
        if waiting:
            source = f"{fetcher.exchange} public candles"
            frame = pl.DataFrame(waiting, schema=list(CANDLE_COLUMNS), orient="row")
            frame = frame.with_columns(pl.col("timestamp").cast(pl.Int64))
            added += store.write_candles(fetcher.exchange, symbol, timeframe, frame, source).added
            waiting.clear()

    try:
        for low, high in missing_ranges(here.tolist(), first, end, length_ms):
            cursor = low
            while cursor < high:
                page = _page(fetcher, symbol, timeframe, cursor, high)
                waiting += [row for row in page if cursor <= row[0] < high]
                # A page without a later candle means that the venue has none there: go on after it.
                cursor = max([int(row[0]) + length_ms for row in page] + [0])
                cursor = cursor if page else low + PAGE * length_ms
                low = cursor
                pages += 1
                covered = min(total, (min(cursor, high) - first) // length_ms)
                progress(symbol, covered, total)
                if pages % _KEEP_EVERY == 0:
                    keep()
    finally:
        keep()
    progress(symbol, total, total)
    funding = _download_funding(fetcher, symbol, first, end, store) if ":" in symbol else 0
    return DownloadReport(symbol, added, already, total - already - added, funding)


def _page(fetcher: _Fetcher, symbol: str, timeframe: Timeframe, cursor: int, high: int) -> list[list[float]]:
    """Candles from ``cursor`` on, without what lies before it or is not complete."""
    limit = min(PAGE, (high - cursor) // (timeframe.ns // MS))
    rows = fetcher.call(
        f"candles of {symbol}", lambda: fetcher.client.fetch_ohlcv(symbol, str(timeframe), cursor, limit)
    )
    return [row for row in rows if row[0] >= cursor and None not in row[:6]]


def _download_funding(fetcher: _Fetcher, symbol: str, first: int, end: int, store: HistoryStore) -> int:
    rows: list[tuple[int, float]] = []
    for low in range(first, end, _FUNDING_WINDOW_MS):
        high = min(low + _FUNDING_WINDOW_MS, end)
        page = [row for row in _funding_page(fetcher, symbol, low, high) if low <= row["timestamp"] < high]
        rows += [(int(row["timestamp"]), float(row["fundingRate"])) for row in page]
    if not rows:
        return 0
    frame = pl.DataFrame(rows, schema=["timestamp", "rate"], orient="row")
    return store.write_funding(fetcher.exchange, symbol, frame, f"{fetcher.exchange} public funding").added


def _funding_page(fetcher: _Fetcher, symbol: str, low: int, high: int) -> list[dict[str, Any]]:
    history = fetcher.client.fetch_funding_rate_history
    page: list[dict[str, Any]] = fetcher.call(
        f"funding of {symbol}", lambda: history(symbol, low, _FUNDING_PAGE, {"until": high})
    )
    return page


def missing_ranges(stored_ms: Sequence[int], first: int, end: int, length_ms: int) -> list[tuple[int, int]]:
    """The parts of [``first``, ``end``) that sorted stored open times leave open, as [from, to) pairs."""
    edges = np.array([first - length_ms, *stored_ms, end], dtype=np.int64)
    holes = np.flatnonzero(np.diff(edges) > length_ms)
    return [(int(edges[hole]) + length_ms, int(edges[hole + 1])) for hole in holes]
