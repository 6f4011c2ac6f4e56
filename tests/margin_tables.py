"""Margin tables for tests, in one line per step: up to which notional, at which rate, at which leverage."""

from decimal import Decimal

from agentic_trading.core.enums import Market
from agentic_trading.core.models import Instrument, MarginTier


def table(*steps: str) -> tuple[MarginTier, ...]:
    """Steps as ``cap rate leverage``, ``-`` for no cap; deductions make neighbours meet.

    Deduction of step n = floor of n * (rate of n - rate of n-1) + deduction of n-1, as both venues state.
    """
    tiers: list[MarginTier] = []
    for step in steps:
        cap, rate, leverage = step.split()
        last = (
            tiers[-1] if tiers else MarginTier(Decimal(0), Decimal(0), Decimal(rate), Decimal(0), Decimal(1))
        )
        floor = last.cap or Decimal(0)
        deduction = floor * (Decimal(rate) - last.maintenance_ratio) + last.deduction
        top = None if cap == "-" else Decimal(cap)
        tiers.append(MarginTier(floor, top, Decimal(rate), deduction, Decimal(leverage)))
    return tuple(tiers)


# Binance, "Leverage and Margin of USDⓈ-M Futures", in the first half of 2021: the table of the examples on
# the liquidation price (their maintenance amounts are 16,300 and 135,365).
BINANCE_BTC_2021 = table(
    "50000 0.004 125", "250000 0.005 100", "1000000 0.01 50", "10000000 0.025 20", "- 0.05 10"
)
BINANCE_ETH_2021 = table(
    "10000 0.005 100", "100000 0.0065 75", "500000 0.01 50", "1000000 0.02 25", "2000000 0.05 10",
    "5000000 0.1 5", "- 0.125 4",
)  # fmt: skip
BINANCE_BTC_2026 = table(
    "300000 0.004 150", "800000 0.005 100", "3000000 0.0065 75", "12000000 0.01 50", "70000000 0.02 25",
    "100000000 0.025 20",
)  # fmt: skip
# Bybit, "Risk Limit (USDT Contract)": 0.5 % up to 2,000,000 and 0.5 % more for each 2,000,000.
BYBIT_BTC_2023 = table("2000000 0.005 100", "4000000 0.01 57.14", "6000000 0.015 40")
# Bybit, GET /v5/market/risk-limit in 2026-09, first steps; mmDeduction is "", "510" and "1710" there.
BYBIT_BTC_2026 = table("300000 0.0033 150", "2000000 0.005 100", "2600000 0.0056 90")


def perpetual(tiers: tuple[MarginTier, ...] = (), tick: str = "0.1", lot: str = "0.001") -> Instrument:
    """A BTC perpetual with this table."""
    step = Decimal(lot)
    return Instrument(
        "binance", "BTC/USDT:USDT", Market.LINEAR, "BTC", "USDT", Decimal(tick), step, step, Decimal(5),
        tiers=tiers,
    )  # fmt: skip
