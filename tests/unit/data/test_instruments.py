"""Instruments: symbols as people write them, and rules from file, table or data, in that order."""

from decimal import Decimal
from pathlib import Path

import msgspec
import polars as pl
import pytest

from agentic_trading.core.enums import Market, Timeframe
from agentic_trading.core.errors import CorruptData, MissingData, UsageError
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.instruments import load_instrument, parse_symbol, save_instrument
from market_files import candle_frame


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT", "1000PEPE/USDT:USDT", "ETH/BTC"])
def test_unified_symbols_are_taken_as_they_are(symbol: str) -> None:
    """A unified symbol is returned unchanged and without a note."""
    assert parse_symbol(symbol) == (symbol, None)


@pytest.mark.parametrize(
    ("text", "symbol"), [("BTCUSDT", "BTC/USDT"), ("ethbtc", "ETH/BTC"), ("sol/usdt", "SOL/USDT")]
)
def test_other_spellings_are_read_and_said(text: str, symbol: str) -> None:
    """A joined or lower-case name is read as spot, with a note saying so."""
    read_as, note = parse_symbol(text)
    assert read_as == symbol
    assert note is not None
    assert symbol in note


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("BTC-USDT", "BTC/USDT"), ("BTC/USDT:USDC", "BTC/USDT:USDT"), ("BTC-USDT-PERP", "BTC/USDT:USDT"),
        ("BTCUSDT.P", "BTC/USDT:USDT"), ("BTC", "BTC/USDT"), ("BTX", "BTC/USDT"), ("", "BTC/USDT"),
        ("BTC//USDT", "BTC/USDT"), ("eth_usdt", "ETH/USDT"),
    ],
)  # fmt: skip
def test_bad_symbols_get_the_nearest_valid_form(text: str, nearest: str) -> None:
    """Anything else is a usage error that offers the form that was probably meant."""
    with pytest.raises(UsageError, match=f"did you mean {nearest}\\?"):
        parse_symbol(text)


def test_built_in_rules(tmp_path: Path) -> None:
    """Common markets have rules without any file, per venue and market."""
    store = HistoryStore(tmp_path)
    spot = load_instrument(store, "binance", "BTC/USDT")
    perpetual = load_instrument(store, "bybit", "SOL/USDT:USDT")
    assert (spot.market, spot.base, spot.quote, spot.tick) == (Market.SPOT, "BTC", "USDT", Decimal("0.01"))
    assert (perpetual.market, perpetual.lot, perpetual.can_short) == (Market.LINEAR, Decimal("0.1"), True)


def test_stored_rules_override_and_are_checked(tmp_path: Path) -> None:
    """instrument.json wins over the built-in rules, and a broken one is named."""
    store = HistoryStore(tmp_path)
    mine = msgspec.structs.replace(load_instrument(store, "binance", "BTC/USDT"), tick=Decimal("0.5"))
    save_instrument(store, mine)
    assert load_instrument(store, "binance", "BTC/USDT") == mine
    (store.folder("binance", "BTC/USDT") / "instrument.json").write_text('{"tick": "many"}')
    with pytest.raises(CorruptData, match=r"instrument\.json does not describe an instrument"):
        load_instrument(store, "binance", "BTC/USDT")


def test_unknown_symbols_are_read_off_the_data(tmp_path: Path) -> None:
    """Without rules the tick has the decimals of the closes and one lot is worth at most 0.1 quote."""
    store = HistoryStore(tmp_path)
    with pytest.raises(MissingData, match="nothing is known about ADA/USDT"):
        load_instrument(store, "binance", "ADA/USDT")
    prices = candle_frame(5).with_columns(close=pl.Series([100.25, 101.5, 101.125, 100.5, 101.0]))
    store.write_candles("binance", "ADA/USDT", Timeframe.H1, prices, "test")
    rules = load_instrument(store, "binance", "ADA/USDT")
    assert (rules.tick, rules.lot, rules.min_notional) == (Decimal("0.001"), Decimal("0.0001"), Decimal(5))
