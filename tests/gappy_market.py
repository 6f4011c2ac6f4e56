"""A small market with holes in it, kept as an exchange's history, for tests of whole runs."""

import tempfile
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from agentic_trading.core.enums import Regime, Timeframe
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.data.candle_builder import build
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
from agentic_trading.data.sample_market import generate
from agentic_trading.main import backtest
from agentic_trading.request import with_strategies, with_symbols, with_timeframe
from agentic_trading.settings import AppSettings, load_settings
from agentic_trading.strategies.registry import discover

FRAME = Timeframe.M5
SPOT, PERPETUAL = "BTC/USDT", "ETH/USDT:USDT"
SYMBOLS = (SPOT, PERPETUAL)
DAYS = 10
MS = 1_000_000


class Market(msgspec.Struct, frozen=True, eq=False):
    """Open times (n,) and bars (5, n) by symbol, funding stamps (k,) and rates (k,) of the perpetual."""

    open_ns: dict[str, IntArray]
    bars: dict[str, FloatArray]
    funding_ns: IntArray
    rates: FloatArray

    def write(self, root: Path) -> None:
        """Store it as the exchange ``binance``."""
        store = HistoryStore(root)
        for symbol in SYMBOLS:
            columns = [self.open_ns[symbol] // MS, *self.bars[symbol]]
            frame = pl.DataFrame(dict(zip(CANDLE_COLUMNS, columns, strict=True)))
            store.write_candles("binance", symbol, FRAME, frame, "test")
        rates = pl.DataFrame({"timestamp": self.funding_ns // MS, "rate": self.rates})
        store.write_funding("binance", PERPETUAL, rates, "test")

    def run(self, root: Path, **changes: str):
        """The result of all built-in strategies on it, once it was written to ``root``."""
        return backtest(settings=every_strategy(root, **changes))


@cache
def gappy_market(seed: int = 11) -> Market:
    """Ten days of five-minute candles; single candles and longer stretches are missing, not at one time."""
    made = generate(seed, DAYS)
    open_ns, bars = {}, {}
    for number, symbol in enumerate(SYMBOLS):
        candles = build(made.candles(symbol), FRAME)
        keep = np.ones(len(candles), dtype=np.bool_)
        keep[[700 + number, 1200, 1500 + number, 1900, 2203, 2300 + number]] = False
        keep[100 + number : 104] = False
        keep[1700 : 1704 + number] = False
        open_ns[symbol], bars[symbol] = candles.open_ns[keep], candles.bars[:, keep]
    stamps, rates = made.funding(PERPETUAL)
    return Market(open_ns, bars, stamps, rates)


def every_strategy(root: Path, **changes: str) -> AppSettings:
    """Settings that let all built-in strategies trade on what ``root`` holds; short windows warm up fast."""
    given = {
        "backtest.exchange": "binance",
        "backtest.data_dir": root,
        "regime.timeframe": "15m",
        "regime.adx_window": 5,
        "regime.volatility_window": 6,
        "strategies.trend_following.params.fast": 6,
        "strategies.trend_following.params.slow": 18,
        "strategies.trend_following.params.min_adx": 12.0,
        "strategies.breakout.params.entry_window": 12,
        "strategies.breakout.params.exit_window": 6,
        "strategies.breakout.params.min_volume_ratio": 1.0,
        **changes,
    }
    settings = load_settings("backtest", assignments=[f"{key}={value}" for key, value in given.items()])
    settings = with_symbols(settings.settings, SYMBOLS)[0]
    settings = with_timeframe(with_strategies(settings, list(discover())), FRAME)
    ungated = [each.model_copy(update={"regimes": None}) for each in settings.strategies]
    gated = ungated[0].model_copy(update={"regimes": tuple(Regime)[1:]})
    return settings.model_copy(update={"strategies": (gated, *ungated[1:])})


@cache
def full_run(**changes: str):
    """The run over the whole market, once per process."""
    with tempfile.TemporaryDirectory() as folder:
        gappy_market().write(Path(folder))
        return gappy_market().run(Path(folder), **changes)
