"""What the venues charge: public fee tiers as data.

Sources: Binance's fee schedules for spot and USDT-margined futures (without the BNB discount), and Bybit's
help page "Trading Fee Rate" (spot, perpetuals). Venues change the upper tiers now and then and by
region: what an account really pays can be given in the settings. The sample market charges what
Binance does at its base tier.
"""

from agentic_trading.core.enums import Market

Rates = tuple[float, float]
"""Maker and taker, basis points of the notional."""

FEE_TIERS: dict[tuple[str, Market], dict[str, Rates]] = {
    ("binance", Market.SPOT): {
        "VIP0": (10.0, 10.0), "VIP1": (9.0, 10.0), "VIP2": (8.0, 10.0), "VIP3": (4.2, 6.0),
        "VIP4": (4.2, 5.4), "VIP5": (3.6, 4.8), "VIP6": (3.0, 4.2), "VIP7": (2.4, 3.6),
        "VIP8": (1.8, 3.0), "VIP9": (1.2, 2.4),
    },
    ("binance", Market.LINEAR): {
        "VIP0": (2.0, 5.0), "VIP1": (1.6, 4.0), "VIP2": (1.4, 3.5), "VIP3": (1.2, 3.2),
        "VIP4": (1.0, 3.0), "VIP5": (0.8, 2.7), "VIP6": (0.6, 2.5), "VIP7": (0.4, 2.2),
        "VIP8": (0.2, 2.0), "VIP9": (0.0, 1.7),
    },
    ("bybit", Market.SPOT): {
        "VIP0": (10.0, 10.0), "VIP1": (6.75, 8.0), "VIP2": (6.5, 7.75), "VIP3": (6.25, 7.5),
        "VIP4": (5.0, 6.0), "VIP5": (4.0, 5.0), "SUPREME": (3.0, 4.5),
    },
    ("bybit", Market.LINEAR): {
        "VIP0": (2.0, 5.5), "VIP1": (1.8, 4.0), "VIP2": (1.6, 3.75), "VIP3": (1.4, 3.5),
        "VIP4": (1.2, 3.2), "VIP5": (1.0, 3.2), "SUPREME": (0.0, 3.0),
    },
    ("sample", Market.SPOT): {"VIP0": (10.0, 10.0)},
    ("sample", Market.LINEAR): {"VIP0": (2.0, 5.0)},
}  # fmt: skip
"""Rates by venue, market and tier."""
