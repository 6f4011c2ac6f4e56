"""The sample market: synthetic minute candles of BTC, ETH and SOL to try everything without a download.

It is made up, and says so; nobody should conclude from it that a strategy earns money. But it has what
strategies live on (trends that last, ranges that revert, storms, jumps, fat tails, busy and quiet hours,
funding), the true regime is known for every minute, and it has the same bits on every machine.
"""

import hashlib

import msgspec
import numpy as np

from agentic_trading.core.enums import DAY_NS, HOUR_NS, MINUTE_NS, Timeframe
from agentic_trading.core.errors import MissingData, UsageError
from agentic_trading.core.models import CandleColumns, FloatArray, IntArray
from agentic_trading.data.sample_path import CodeArray, walk

SAMPLE_VERSION = 1
"""Changes whenever the same seed would give other candles; caches are keyed by it."""
SAMPLE_START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
SPOT_SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
PERPETUAL_SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")

_MINUTES_PER_DAY = DAY_NS // MINUTE_NS
_FUNDING_NS = 8 * HOUR_NS


class SampleMarket(msgspec.Struct, frozen=True, eq=False):
    """A generated market: spot and, on the same price path, perpetuals with funding.

    ``bars`` is float64 (3, 5, n): BTC, ETH, SOL by open, high, low, close, volume. ``open_ns`` (n,) is
    the candle's open. ``regime`` int8 (n,) is the true regime of each minute as a position in
    `core.enums.REGIMES`. ``funding_ns`` (k,) and ``funding_rates`` (3, k) are the eight-hourly funding.
    """

    seed: int
    start_ns: int
    open_ns: IntArray
    bars: FloatArray
    regime: CodeArray
    funding_ns: IntArray
    funding_rates: FloatArray

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols: spot, then perpetuals."""
        return SPOT_SYMBOLS + PERPETUAL_SYMBOLS

    def candles(self, symbol: str) -> CandleColumns:
        """The minute candles of a symbol; raises MissingData for one that is not in the sample."""
        rows = self.open_ns.shape[0]
        return CandleColumns(
            symbol=symbol,
            timeframe=Timeframe.M1,
            open_ns=self.open_ns,
            bars=self.bars[_path_of(symbol)],
            filled=np.zeros(rows, dtype=np.bool_),
            starts=np.zeros(1, dtype=np.int64),
        )

    def funding(self, symbol: str) -> tuple[IntArray, FloatArray]:
        """Stamps (ns) and rates (ratio per eight hours, positive: longs pay) of a perpetual, both (k,).

        Raises MissingData for a spot symbol or one that is not in the sample.
        """
        if symbol in SPOT_SYMBOLS:
            raise MissingData(f"{symbol} is spot and has no funding; the perpetual is {symbol}:USDT.")
        return self.funding_ns, self.funding_rates[_path_of(symbol)]

    def digest(self) -> str:
        """SHA-256, hex, over version, seed and every column in little-endian bytes."""
        sha = hashlib.sha256(f"sample-market {SAMPLE_VERSION} {self.seed} {self.start_ns}".encode())
        for name in (*self.symbols, "regime", "funding"):
            sha.update(name.encode())
        for column in (self.open_ns, self.funding_ns):
            sha.update(column.astype("<i8").tobytes())
        for matrix in (self.bars, self.funding_rates):
            sha.update(matrix.astype("<f8").tobytes())
        sha.update(self.regime.tobytes())
        return sha.hexdigest()


def generate(seed: int, days: int, start_ns: int = SAMPLE_START_NS) -> SampleMarket:
    """Make ``days`` of minute candles from ``start_ns``; the same arguments give the same bits anywhere.

    A longer market starts with the shorter one of the same seed and start. Raises UsageError if the
    seed is not in 0 .. 2**63 - 1, there is not at least one day, or the start is not a whole minute
    from 1970 on.
    """
    if not 0 <= seed < 2**63:
        raise UsageError(f"the sample market's seed must be from 0 to 2**63 - 1, not {seed}.")
    if days < 1:
        raise UsageError(f"the sample market needs at least 1 day, not {days}.")
    if start_ns < 0 or start_ns % MINUTE_NS:
        raise UsageError(f"the sample market must start on a whole minute since 1970, not at {start_ns} ns.")
    rows = days * _MINUTES_PER_DAY
    bars = np.empty((len(SPOT_SYMBOLS), 5, rows), dtype=np.float64)
    regime = np.empty(rows, dtype=np.int8)
    stamps = np.empty(days * DAY_NS // _FUNDING_NS, dtype=np.int64)
    rates = np.empty((len(SPOT_SYMBOLS), stamps.shape[0]), dtype=np.float64)
    walk(seed, start_ns // MINUTE_NS, bars, regime, rates, stamps)
    open_ns = start_ns + np.arange(rows, dtype=np.int64) * MINUTE_NS
    return SampleMarket(seed, start_ns, open_ns, bars, regime, open_ns[stamps], rates)


def _path_of(symbol: str) -> int:
    for symbols in (SPOT_SYMBOLS, PERPETUAL_SYMBOLS):
        if symbol in symbols:
            return symbols.index(symbol)
    known = ", ".join(SPOT_SYMBOLS + PERPETUAL_SYMBOLS)
    raise MissingData(f"{symbol} is not in the sample market; it has {known}.")
