"""Worked examples of the venues: published ones with their page, the others derived by hand beside them."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest

from agentic_trading.core.money import average, exact, fee_up
from agentic_trading.simulation.margin import (
    BINANCE,
    BYBIT,
    BYBIT_ON_ENTRY,
    MarginPosition,
    MarginRules,
    Marked,
    Tiers,
    bankruptcy_price,
    clear,
    cross_collateral,
    funding_payment,
    initial_margin,
    liquidation_price,
    maintenance,
    margin_ratio,
    max_leverage,
    must_liquidate,
    unrealised,
)
from agentic_trading.simulation.opening import max_open_quantity, order_cost
from margin_tables import (
    BINANCE_BTC_2021,
    BINANCE_BTC_2026,
    BINANCE_ETH_2021,
    BYBIT_BTC_2023,
    BYBIT_BTC_2026,
    perpetual,
)

D = Decimal
TENTH, CENT, EIGHTH = D("0.1"), D("0.01"), D("0.00000001")


def held(quantity: str, entry: str) -> MarginPosition:
    return MarginPosition(D(quantity), D(quantity) * D(entry))


def liquidated_at(
    quantity: str, entry: str, margin: str, tiers: Tiers, rules: MarginRules, tick: D = TENTH
) -> D | None:
    return liquidation_price(held(quantity, entry), D(margin), tiers, tick, rules)


# The account of Binance's page: long 3,683.979 ETH and long 109.488 BTC, wallet 1,535,443.01; the page gives
# unrealised losses of 448,192.89 on ETH and 56,354.57 on BTC, and the values below.
BTC_LONG, ETH_LONG = held("109.488", "32481.980"), held("3683.979", "1456.84")
BTC_VALUE, ETH_VALUE = D("3500032.458"), D("4918775.081")


def binance_cross(position: MarginPosition, other_loss: str, other_margin: str, tiers: Tiers) -> D | None:
    """LP1 of the page: WB - TMM1 + UPNL1 stands behind contract 1."""
    collateral = D("1535443.01") - D(other_margin) + D(other_loss)
    return liquidation_price(position, collateral, tiers, CENT, BINANCE)


class Example(NamedTuple):
    """One row of the table: what the page or the derivation says, and how we reckon it."""

    source: str
    expected: D | bool | None
    ours: Callable[[], D | bool | None]


LIQUIDATION = "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts"
LEVERAGE = "Leverage and Margin of USDⓈ-M Futures"
COST = "How to Calculate Cost Required to Open a Position in Perpetual Futures Contracts"
PROTOCOL = "Liquidation Protocols"
FUNDING = "Introduction to Binance Futures Funding Rates"

BINANCE_EXAMPLES = {
    # Published: 1,153.26, of 1153.25646...; a long's is rounded up to the tick.
    "cross liquidation of ETH": Example(
        LIQUIDATION, D("1153.26"),
        lambda: binance_cross(ETH_LONG, "-56354.57", "71200.81144", BINANCE_ETH_2021),
    ),
    # Published: 26,316.89, of 26316.89331...: up to the tick that is one cent more.
    "cross liquidation of BTC": Example(
        LIQUIDATION, D("26316.90"),
        lambda: binance_cross(BTC_LONG, "-448192.89", "356512.508", BINANCE_BTC_2021),
    ),
    # Published: 71200.81144 (3500032.458 * 2.50 % - 16300), cut after the fifth digit.
    "maintenance of BTC": Example(
        LIQUIDATION, D("71200.81145"),
        lambda: maintenance(MarginPosition(D(1), D(0)), BTC_VALUE, BINANCE_BTC_2021, BINANCE),
    ),
    # Published: 356,512.508 (4918775.081 * 10.00 % - 135365), cut after the third digit.
    "maintenance of ETH": Example(
        LIQUIDATION, D("356512.5081"),
        lambda: maintenance(MarginPosition(D(1), D(0)), ETH_VALUE, BINANCE_ETH_2021, BINANCE),
    ),
    # Published: 462.66 = 9253.30 * 1 / 20, cut after the second digit; the mark is above, so no open loss.
    "cost of a long": Example(
        COST, D("462.665"), lambda: order_cost(D(1), D("9253.30"), D("9259.84"), D(20), D(0))
    ),
    # Published: open loss 6.54 = |min(0, -1 * (9259.84 - 9253.30))|. Margin 9253.30 / 20 = 462.665 on the
    # order's own price (the page takes a higher one for shorts).
    "cost of a short below the mark": Example(
        COST, D("469.205"), lambda: order_cost(D(-1), D("9253.30"), D("9259.84"), D(20), D(0))
    ),
    # (100000 - 5000) / (1 - 0.004) = 95381.52610..., up to the tick.
    "isolated long, 20x": Example(
        LIQUIDATION, D("95381.6"), lambda: liquidated_at("1", "100000", "5000", BINANCE_BTC_2026, BINANCE)
    ),
    # (100000 + 5000) / (1 + 0.004) = 104581.67330..., down to the tick.
    "isolated short, 20x": Example(
        LIQUIDATION, D("104581.6"), lambda: liquidated_at("-1", "100000", "5000", BINANCE_BTC_2026, BINANCE)
    ),
    # 3.2 BTC at 100,000 open in step 2 (320,000). Step 2 would give (320000 - 32000 - 300) / (3.2 * 0.995)
    # = 90358.04..., worth 289,145 and so in step 1: (320000 - 32000) / (3.2 * 0.996) = 90361.44578...
    "the step at the liquidation price counts": Example(
        LIQUIDATION, D("90361.5"),
        lambda: liquidated_at("3.2", "100000", "32000", BINANCE_BTC_2026, BINANCE),
    ),
    # (10000 - 10000) / ... = 0: without leverage a long is not liquidated ("--" on the page).
    "a long without leverage": Example(
        LIQUIDATION, None, lambda: liquidated_at("1", "10000", "10000", BINANCE_BTC_2026, BINANCE)
    ),
    # 100000 / 125 = 800.
    "initial margin at 125x": Example(LEVERAGE, D(800), lambda: initial_margin(D(100000), D(125))),
    # The 2026 table: 3,000,000 to 12,000,000 at most 50x.
    "leverage of 3,000,001": Example(
        LEVERAGE, D(50), lambda: max_leverage(D(3000001), BINANCE_BTC_2026)
    ),
    # At 50x at most 12,000,000: 120 BTC at 100,000, however much money there is.
    "largest position at 50x": Example(
        LEVERAGE, D(120),
        lambda: max_open_quantity(
            D(10**9), D(100000), D(100000), D(50), D(0), perpetual(BINANCE_BTC_2026), buying=True
        ),
    ),
    # 1000 * 10 / 50000 = 0.2 without fees.
    "largest position for 1,000 at 10x": Example(
        COST, D("0.200"),
        lambda: max_open_quantity(
            D(1000), D(50000), D(50000), D(10), D(0), perpetual(BINANCE_BTC_2026), buying=True
        ),
    ),
    # 2 * (31500 - 30000) = 3000, and the reverse for a short.
    "profit of a long": Example(LIQUIDATION, D(3000), lambda: unrealised(held("2", "30000"), D(31500))),
    "loss of a short": Example(LIQUIDATION, D(-3000), lambda: unrealised(held("-2", "30000"), D(31500))),
    # Margin 5,000, mark 96,000: balance 1,000, maintenance 96000 * 0.004 = 384, ratio 38.4 %.
    "margin ratio": Example(
        PROTOCOL, D("0.384"),
        lambda: margin_ratio(D(5000), [Marked(held("1", "100000"), D(96000), BINANCE_BTC_2026)], BINANCE),
    ),
    # One tick below the isolated long's price above, and one above it.
    "liquidated at the price": Example(
        PROTOCOL, True,
        lambda: must_liquidate(
            D(5000), [Marked(held("1", "100000"), D("95381.5"), BINANCE_BTC_2026)], BINANCE
        ),
    ),
    "not before it": Example(
        PROTOCOL, False,
        lambda: must_liquidate(
            D(5000), [Marked(held("1", "100000"), D("95381.6"), BINANCE_BTC_2026)], BINANCE
        ),
    ),
    # Closed at 95381.6: 5000 - 4618.4 = 381.6 is left; 0.3 % of 95381.6 = 286.1448; 95.4552 comes back.
    "liquidation fee": Example(
        PROTOCOL, D("286.1448"),
        lambda: clear(held("1", "100000"), D(5000), D("95381.6"), D("0.003"), BINANCE).fee,
    ),
    "what is left after it": Example(
        PROTOCOL, D("95.4552"),
        lambda: clear(held("1", "100000"), D(5000), D("95381.6"), D("0.003"), BINANCE).left,
    ),
    # 1.2 % (BTCUSDT in 2021) of 95381.6 would be 1144.5792: it takes the 381.6 there are.
    "a fee takes at most the rest": Example(
        PROTOCOL, D("381.6"),
        lambda: clear(held("1", "100000"), D(5000), D("95381.6"), D("0.012"), BINANCE).fee,
    ),
    # Closed at 94,000: 6,000 lost, 5,000 were there, the insurance fund bears 1,000.
    "insurance": Example(
        PROTOCOL, D(1000), lambda: clear(held("1", "100000"), D(5000), D(94000), D("0.012"), BINANCE).insured
    ),
    # 0.05 % of 0.5 * 60000 = 15.
    "taker fee": Example("USDⓈ-M Futures Trading Fees", D(15), lambda: fee_up(D(30000), D("0.0005"))),
    # Nominal value 2 * 30000 = 60000; 60000 * 0.01 % = 6, paid by the long, received by the short.
    "funding of a long": Example(FUNDING, D(-6), lambda: funding_payment(D(2), D(30000), D("0.0001"))),
    "funding of a short": Example(FUNDING, D(6), lambda: funding_payment(D(-2), D(30000), D("0.0001"))),
    # -0.075 % of 3.5 * 1234.56 = 4320.96: the short pays 3.24072.
    "negative funding": Example(
        FUNDING, D("-3.24072"), lambda: funding_payment(D("-3.5"), D("1234.56"), D("-0.00075"))
    ),
}  # fmt: skip

BANKRUPTCY = "Bankruptcy Price (USDT Contract)"
ORDER_COST = "Order Cost (USDT Contract)"
PROFIT = "P&L Calculations (USDT Contract)"
RISK = "Risk Limit (USDT Contract)"
BYBIT_LIQUIDATION = "Liquidation Price Calculation under Isolated Mode (Unified Trading Account)"
PARAMETERS = "Margin Parameters"
BYBIT_FUNDING = "Funding Fee Calculation"

BYBIT_EXAMPLES = {
    # Published: 10,000 * (1 - 2 %) = 9,800; shorts: 10,000 * (1 + 2 %).
    "bankruptcy of a long at 50x": Example(
        BANKRUPTCY, D(9800), lambda: bankruptcy_price(held("1", "10000"), D(200), TENTH)
    ),
    "bankruptcy of a short at 50x": Example(
        BANKRUPTCY, D(10200), lambda: bankruptcy_price(held("-1", "10000"), D(200), TENTH)
    ),
    # Published: 5,000 + 27.5 + 24.75 = 5,052.25.
    "order cost": Example(
        ORDER_COST, D("5052.25"), lambda: order_cost(D(1), D(50000), D(50000), D(10), D("0.00055"))
    ),
    # Published in an earlier edition, at a fee of 0.075 %: 200 + 7.5 + 7.35 = 214.85.
    "order cost at 50x": Example(
        ORDER_COST, D("214.85"), lambda: order_cost(D(1), D(10000), D(10000), D(50), D("0.00075"))
    ),
    # The same for a short: closing fee on 10,200: 200 + 7.5 + 7.65.
    "order cost of a short": Example(
        ORDER_COST, D("215.15"), lambda: order_cost(D(-1), D(10000), D(10000), D(50), D("0.00075"))
    ),
    # Published, 5375: 0.5 at 5,000 and 0.3 at 6,000 cost 4,300.
    "average entry": Example(
        PROFIT, D(5375), lambda: average(D("0.5") * 5000 + D("0.3") * 6000, D("0.8"))
    ),
    # Published: 0.2 * (7500 - 7000) = 100 and 0.4 * (6000 - 5000) = 400.
    "profit of a long": Example(PROFIT, D(100), lambda: unrealised(held("0.2", "7000"), D(7500))),
    "profit of a short": Example(PROFIT, D(400), lambda: unrealised(held("-0.4", "6000"), D(5000))),
    # Published: 0.2 * 7000 / 10 = 140, fee to close at the bankruptcy price 6300 * 0.2 * 0.055 % = 0.693.
    "initial margin": Example(PROFIT, D(140), lambda: initial_margin(D("0.2") * 7000, D(10))),
    "fee to close": Example(PROFIT, D("0.693"), lambda: fee_up(D(6300) * D("0.2"), D("0.00055"))),
    # Published: fees of 1.32 to open 0.4 at 6,000 and 1.10 to close it at 5,000.
    "fee to open": Example(PROFIT, D("1.32"), lambda: fee_up(D("0.4") * 6000, D("0.00055"))),
    "fee of the close": Example(PROFIT, D("1.1"), lambda: fee_up(D("0.4") * 5000, D("0.00055"))),
    # Published: up to 2,000,000 at 0.5 %; 4,000,000 at 1 % and at most 57.14x.
    "leverage of 4,000,000": Example(RISK, D("57.14"), lambda: max_leverage(D(4000000), BYBIT_BTC_2023)),
    # Deduction of step 2 = 2,000,000 * (1 % - 0.5 %) = 10,000, so 3,000,000 * 1 % - 10,000.
    "maintenance in the second step": Example(
        PARAMETERS, D(20000),
        lambda: maintenance(held("60", "50000"), D(50000), BYBIT_BTC_2023, BYBIT),
    ),
    # Recorded with the table: mmDeduction 510 and 1710.
    "deduction of the second step": Example(PARAMETERS, D(510), lambda: BYBIT_BTC_2026[1].deduction),
    "deduction of the third step": Example(PARAMETERS, D(1710), lambda: BYBIT_BTC_2026[2].deduction),
    # Maintenance on entry: 20000 - (400 - 100) / 1.
    "isolated long, maintenance on entry": Example(
        BYBIT_LIQUIDATION, D(19700),
        lambda: liquidated_at("1", "20000", "400", BYBIT_BTC_2023, BYBIT_ON_ENTRY),
    ),
    # A short with 3,000 added: 20000 + (400 - 100) / 1 + 3000 / 1.
    "isolated short with margin added": Example(
        BYBIT_LIQUIDATION, D(23300),
        lambda: liquidated_at("-1", "20000", "3400", BYBIT_BTC_2023, BYBIT_ON_ENTRY),
    ),
    # Maintenance on the mark: (20000 - 400) / (1 - 0.005) = 19698.49246..., up to the tick.
    "isolated long, maintenance on mark": Example(
        BYBIT_LIQUIDATION, D("19698.5"),
        lambda: liquidated_at("1", "20000", "400", BYBIT_BTC_2023, BYBIT),
    ),
    # (20000 + 3400) / (1 + 0.005) = 23283.58208..., down to the tick.
    "isolated short, maintenance on mark": Example(
        BYBIT_LIQUIDATION, D("23283.5"),
        lambda: liquidated_at("-1", "20000", "3400", BYBIT_BTC_2023, BYBIT),
    ),
    # Settled at the bankruptcy price: nothing comes back, whatever the market gave.
    "nothing is left of isolated margin": Example(
        BYBIT_LIQUIDATION, D(0), lambda: clear(held("1", "20000"), D(400), D(19698), D(0), BYBIT).left
    ),
    "the fund keeps the rest": Example(
        BANKRUPTCY, D(98), lambda: clear(held("1", "20000"), D(400), D(19698), D(0), BYBIT).kept
    ),
    # 10 * 20000 * 0.01 % = 20: longs pay when the rate is positive.
    "funding": Example(BYBIT_FUNDING, D(-20), lambda: funding_payment(D(10), D(20000), D("0.0001"))),
}  # fmt: skip


@pytest.mark.parametrize("name", BINANCE_EXAMPLES)
def test_binance(name: str) -> None:
    """Every example of Binance comes out to the last digit."""
    example = BINANCE_EXAMPLES[name]
    with exact():
        assert example.ours() == example.expected, example.source


@pytest.mark.parametrize("name", BYBIT_EXAMPLES)
def test_bybit(name: str) -> None:
    """Every example of Bybit comes out to the last digit."""
    example = BYBIT_EXAMPLES[name]
    with exact():
        assert example.ours() == example.expected, example.source


def test_the_published_cents() -> None:
    """To the nearest cent the liquidation prices of Binance's page are the ones it prints."""
    with exact():
        eth = liquidation_price(
            ETH_LONG, D("1535443.01") - D("71200.81144") + D("-56354.57"), BINANCE_ETH_2021, EIGHTH, BINANCE
        )
        btc = liquidation_price(
            BTC_LONG, D("1535443.01") - D("356512.508") + D("-448192.89"), BINANCE_BTC_2021, EIGHTH, BINANCE
        )
    assert (round(eth or D(0), 2), round(btc or D(0), 2)) == (D("1153.26"), D("26316.89"))


def test_cross_collateral_is_what_the_other_positions_leave() -> None:
    """WB - TMM1 + UPNL1 of the page is the wallet after the other position's loss and maintenance."""
    with exact():
        other = Marked(held("2", "1000"), D(900), BINANCE_ETH_2021)
        assert cross_collateral(D(5000), [other], BINANCE) == D(5000) - 200 - D(1800) * D("0.005")
