"""Universe: lists and filters drop symbols for a stated reason and keep the order asked for."""

import pytest
from pydantic import ValidationError

from agentic_trading.data.universe import SymbolsSettings, UniverseSettings, select

BTC, ETH, SOL, PERP = "BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT:USDT"
VOLUME = {BTC: 9e9, ETH: 5e9, SOL: 1e6}


def test_everything_passes_by_default() -> None:
    """Without filters all symbols stay, once each and in order."""
    result = select([ETH, BTC, PERP, ETH], SymbolsSettings(), UniverseSettings(), {})
    assert (result.selected, result.dropped) == ((ETH, BTC, PERP), ())


@pytest.mark.parametrize(
    ("settings", "universe", "reason"),
    [
        ({}, {"blacklist": (SOL,)}, "on the blacklist"),
        ({}, {"whitelist": (BTC, ETH), "blacklist": ()}, "not on the whitelist"),
        ({"min_daily_volume": 1e8}, {}, "min_daily_volume"),
        ({"max_spread_bps": 5.0}, {}, "max_spread_bps"),
        ({"max_symbols": 2}, {}, "max_symbols"),
    ],
)
def test_each_filter_drops_with_its_reason(settings: dict, universe: dict, reason: str) -> None:
    """Each filter takes out the one symbol it is about and names the setting."""
    result = select(
        [SOL, BTC, ETH], SymbolsSettings(**settings), UniverseSettings(**universe), VOLUME, {SOL: 9.0}
    )
    assert result.selected == (BTC, ETH)
    assert result.dropped[0][0] == SOL
    assert reason in result.dropped[0][1]


def test_quote_filter_and_blacklist_over_whitelist() -> None:
    """Other quotes are dropped, and the blacklist wins over the whitelist."""
    lists = UniverseSettings(whitelist=(BTC, "ETH/BTC"), blacklist=(BTC,))
    result = select([BTC, "ETH/BTC"], SymbolsSettings(), lists, {})
    assert dict(result.dropped) == {
        BTC: "on the blacklist",
        "ETH/BTC": "quoted in BTC, symbols.quote allows USDT",
    }


@pytest.mark.parametrize(
    "change", [{"default": ["BTCUSDT"]}, {"default": [BTC, BTC]}, {"max_symbols": 0}, {"maxsymbols": 3}]
)
def test_settings_are_strict(change: dict) -> None:
    """Ambiguous or repeated symbols, impossible values and unknown keys are refused."""
    with pytest.raises(ValidationError):
        SymbolsSettings(**change)
