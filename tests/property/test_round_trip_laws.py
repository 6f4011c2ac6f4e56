"""Laws of round trips over random fills: nothing is lost, nothing is counted twice."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.backtester.trades.nets import closed_nets
from agentic_trading.backtester.trades.round_trips import fold_round_trips
from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.core.events import Fill, FundingPosted
from agentic_trading.core.money import exact

SYMBOLS = ("BTC/USDT", "ETH/USDT:USDT")
STRATEGIES = ("a", "b")
PRICES = {"BNB": Decimal("583.21")}
MARKS = {"BTC/USDT": Decimal("101.37"), "ETH/USDT:USDT": Decimal("47.011")}

amounts = st.integers(1, 5000).map(lambda lots: Decimal(lots) * Decimal("0.001"))
prices = st.integers(100, 30000).map(lambda ticks: Decimal(ticks) * Decimal("0.01"))
small = st.integers(0, 9_999_999).map(lambda units: Decimal(units) * Decimal("0.00000001"))


@st.composite
def bookings(draw: st.DrawFn) -> list[Fill | FundingPosted]:
    events: list[Fill | FundingPosted] = []
    for number in range(draw(st.integers(0, 25))):
        strategy, symbol = draw(st.sampled_from(STRATEGIES)), draw(st.sampled_from(SYMBOLS))
        if symbol.endswith(":USDT") and draw(st.integers(0, 4)) == 0:
            payment = draw(small) * draw(st.sampled_from((1, -1)))
            events.append(FundingPosted(number, strategy, symbol, Decimal("0.0001"), Decimal(10), payment))
            continue
        asset = draw(st.sampled_from(("BTC", "BNB", "USDT") if symbol == "BTC/USDT" else ("BNB", "USDT")))
        fee = draw(small) * (Decimal("0.001") if asset == "BTC" else 1)
        price, side = draw(prices), draw(st.sampled_from(Side))
        events.append(
            Fill(f"t{number}", f"o{number}", strategy, symbol, side, draw(amounts), price, fee, asset,
                 Liquidity.TAKER, price, number)
        )  # fmt: skip
    return events


def equity_change(events: list[Fill | FundingPosted]) -> Decimal:
    """Cash and holdings at the marks, counted without any notion of trades."""
    total = Decimal(0)
    for event in events:
        if isinstance(event, FundingPosted):
            total += event.payment
            continue
        value = MARKS[event.symbol] - event.price
        total += event.side.sign * event.quantity * value
        total -= event.fee * {"BTC": MARKS["BTC/USDT"], **PRICES, "USDT": Decimal(1)}[event.fee_asset]
    return total


@given(bookings(), st.sampled_from((Decimal(0), Decimal("0.004"))))
def test_nets_and_open_profit_sum_to_the_change_of_equity(
    events: list[Fill | FundingPosted], lot: Decimal
) -> None:
    """Nets of trades, plus net and unrealised of open positions, are the equity change to the last digit."""
    lots = dict.fromkeys(SYMBOLS, lot)
    trips = fold_round_trips(events, reasons={}, regimes={}, marks=MARKS, lots=lots, prices=PRICES)
    with exact():
        closed = sum((trade.net for trade in trips.trades), Decimal(0))
        still = sum((each.net + each.unrealised for each in trips.open_positions), Decimal(0))
        assert closed + still + trips.stray_funding == equity_change(events)


@given(bookings(), st.sampled_from((Decimal(0), Decimal("0.004"))))
def test_nets_alone_are_those_of_the_trades(events: list[Fill | FundingPosted], lot: Decimal) -> None:
    """Who asks for nets only gets those of the trades, digit for digit and in their order."""
    lots = dict.fromkeys(SYMBOLS, lot)
    trips = fold_round_trips(events, reasons={}, regimes={}, marks=MARKS, lots=lots, prices=PRICES)
    assert list(map(str, closed_nets(events, lots, PRICES))) == [str(trade.net) for trade in trips.trades]


@given(bookings())
def test_every_trade_is_consistent(events: list[Fill | FundingPosted]) -> None:
    """Net is gross less fees plus funding, a trade ends after it began, and exits are in order."""
    trips = fold_round_trips(events, reasons={}, regimes={}, marks=MARKS, prices=PRICES)
    with exact():
        for trade in trips.trades:
            assert trade.net == trade.gross - trade.fees + trade.funding
            assert trade.quantity > 0
            assert trade.entry_ns <= trade.exit_ns
    exits = [trade.exit_ns for trade in trips.trades]
    assert exits == sorted(exits)


@given(bookings())
def test_strategies_do_not_mix(events: list[Fill | FundingPosted]) -> None:
    """The trades of one strategy are the same whether or not others traded."""
    whole = fold_round_trips(events, reasons={}, regimes={}, marks=MARKS, prices=PRICES)
    own = [event for event in events if event.strategy == "a"]
    alone = fold_round_trips(own, reasons={}, regimes={}, marks=MARKS, prices=PRICES)
    shared = [trade for trade in whole.trades if trade.strategy == "a"]
    assert [(each.net, each.entry_ns, each.exit_ns) for each in shared] == [
        (each.net, each.entry_ns, each.exit_ns) for each in alone.trades
    ]
