"""The books: every posting exact, every sub-book its own, and all of them together the account."""

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import Direction, Liquidity, Side
from agentic_trading.core.events import Fill, Funding, FundingPosted, Liquidated
from agentic_trading.core.money import exact
from agentic_trading.portfolio.ledger import Ledger
from order_desk import INSTRUMENTS, PERP, SPOT, make_instrument

D = Decimal


def make_ledger() -> Ledger:
    return Ledger(INSTRUMENTS, {"USDT": D(1_000)})


def fill(
    number: int, side: Side, quantity: str, price: str, fee: str = "0", *,
    asset: str = "USDT", symbol: str = SPOT, strategy: str = "a",
) -> Fill:  # fmt: skip
    return Fill(
        f"trade-{number}",
        f"order-{number}",
        strategy,
        symbol,
        side,
        D(quantity),
        D(price),
        D(fee),
        asset,
        Liquidity.TAKER,
        D(price),
        number,
    )


def post(ledger: Ledger, *events: Fill | Funding | Liquidated) -> list[FundingPosted]:
    posted: list[FundingPosted] = []
    with exact():
        for event in events:
            posted += ledger.react(event)  # type: ignore[arg-type]
    return posted


def test_spot_moves_both_assets() -> None:
    """A purchase and a sale on spot move base and quote by exactly quantity, notional and fee."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.BUY, "2", "100", "0.2"), fill(2, Side.SELL, "0.5", "110", "0.055"))
    assert ledger.balances == {"USDT": D("854.745"), "BTC": D("1.5")}  # 1000 -200 -0.2 +55 -0.055
    book = ledger.position("a", SPOT)
    assert (book.quantity, book.cost, book.realised, book.fees) == (D("1.5"), D(150), D(5), D("0.255"))


def test_a_perpetual_moves_only_quote_and_only_by_what_is_realised() -> None:
    """Opening a perpetual costs its fee; closing brings the difference of the prices."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.SELL, "2", "100", "0.1", symbol=PERP))
    assert ledger.balances == {"USDT": D("999.9")}
    post(ledger, fill(2, Side.BUY, "2", "90", "0.09", symbol=PERP))
    assert ledger.balances == {"USDT": D("1019.81")}  # + 2 x 10 - 0.09
    book = ledger.position("a", PERP)
    assert (book.quantity, book.cost, book.realised) == (D(0), D(0), D(20))


def test_a_trade_through_zero_closes_and_opens() -> None:
    """Selling more than is held realises on what was held and opens the rest at the trade's price."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.BUY, "1", "100", symbol=PERP), fill(2, Side.SELL, "3", "120", symbol=PERP))
    book = ledger.position("a", PERP)
    assert (book.quantity, book.cost, book.realised) == (D(-2), D(-240), D(20))


def test_a_fee_in_base_lowers_what_is_held() -> None:
    """A fee taken in the bought asset comes out of quantity and balance alike, not out of cash."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.BUY, "1", "100", "0.001", asset="BTC"))
    assert ledger.balances == {"USDT": D(900), "BTC": D("0.999")}
    assert ledger.position("a", SPOT).quantity == ledger.net_quantity(SPOT) == D("0.999")
    assert ledger.position("a", SPOT).fees == 0


def test_a_fee_in_a_third_asset_touches_neither_side() -> None:
    """A fee taken in another asset comes out of that balance only."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.BUY, "1", "100", "0.002", asset="BNB"))
    assert ledger.balances == {"USDT": D(900), "BTC": D(1), "BNB": D("-0.002")}
    assert (ledger.position("a", SPOT).quantity, ledger.position("a", SPOT).fees) == (D(1), D(0))


def test_a_stock_for_fees_is_worth_its_stated_price() -> None:
    """It counts at that price, and a fee paid from it lowers what the account is worth by its value."""
    ledger = Ledger(INSTRUMENTS, {"USDT": D(400), "BNB": D(2)}, {"BNB": D(300)})
    assert ledger.quote_value("USDT") == 1_000
    post(ledger, fill(1, Side.BUY, "1", "100", "0.002", asset="BNB"))
    assert ledger.balances == {"USDT": D(300), "BTC": D(1), "BNB": D("1.998")}
    book = ledger.position("a", SPOT)
    assert (book.quantity, book.fees) == (D(1), D("0.6"))
    assert ledger.quote_value("USDT") - 1_000 == book.flow == D("-100.6")


def test_strategies_do_not_touch_each_others_books() -> None:
    """Opposite strategies on one perpetual keep their own positions while the account nets."""
    ledger = make_ledger()
    post(
        ledger,
        fill(1, Side.BUY, "2", "100", symbol=PERP),
        fill(2, Side.SELL, "2", "110", symbol=PERP, strategy="b"),
    )
    assert ledger.position("a", PERP).quantity == 2
    assert ledger.position("b", PERP).quantity == -2
    assert ledger.net_quantity(PERP) == 0
    assert ledger.balance("USDT") == 1_020
    flows = sum(book.flow for _, _, book in ledger.positions())
    assert flows == ledger.quote_value("USDT") - 1_000 == 20


def test_a_fill_that_is_reported_again_posts_nothing() -> None:
    """Fills are a set keyed by trade id: the second report of one changes no number and is no posting."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.BUY, "1", "100", "0.1"))
    before = (dict(ledger.balances), len(ledger.posted), ledger.position("a", SPOT).flow)
    post(ledger, fill(1, Side.BUY, "1", "100", "0.1"))
    assert (ledger.balances, len(ledger.posted), ledger.position("a", SPOT).flow) == before


def test_the_order_of_fills_does_not_matter() -> None:
    """Whatever the order of arrival, quantities, flows and the account's value are the same."""
    fills = [
        fill(1, Side.BUY, "1", "100", "0.1", symbol=PERP),
        fill(2, Side.SELL, "3", "97", "0.3", symbol=PERP),
        fill(3, Side.BUY, "1", "103.3", "0.1", symbol=PERP),
        fill(4, Side.SELL, "1", "99", "0.1", symbol=PERP, strategy="b"),
    ]
    seen = set()
    for order in permutations(fills):
        ledger = make_ledger()
        post(ledger, *order, order[0])
        books = sorted((name, book.quantity, book.flow) for name, _, book in ledger.positions())
        seen.add((tuple(books), ledger.net_quantity(PERP), ledger.quote_value("USDT")))
    assert len(seen) == 1


def test_funding_is_split_by_position_and_nothing_is_lost() -> None:
    """Each strategy pays for its own position; the last takes the remainder, so the parts sum exactly."""
    ledger = make_ledger()
    post(
        ledger,
        *(
            fill(number, Side.BUY, "1", "100", symbol=PERP, strategy=name)
            for number, name in enumerate("abc", 1)
        ),
    )
    posted = post(ledger, Funding(9, PERP, D("0.0001"), D(100), D(3), D("-0.03000001")))
    assert [each.payment for each in posted] == [D("-0.01"), D("-0.01"), D("-0.01000001")]
    assert [each.notional for each in posted] == [D(100)] * 3
    assert ledger.balance("USDT") == D("999.96999999")
    assert [book.funding for _, _, book in ledger.positions()] == [each.payment for each in posted]


def test_funding_goes_to_opposite_strategies_with_opposite_signs() -> None:
    """Of a positive rate on a net long the long strategy pays more than all, the short one receives."""
    ledger = make_ledger()
    post(
        ledger,
        fill(1, Side.BUY, "3", "100", symbol=PERP),
        fill(2, Side.SELL, "2", "100", symbol=PERP, strategy="b"),
    )
    posted = post(ledger, Funding(9, PERP, D("0.001"), D(100), D(1), D("-0.1")))
    assert [(each.strategy, each.payment) for each in posted] == [("a", D("-0.3")), ("b", D("0.2"))]


def test_the_costs_of_all_perpetuals_are_out_of_the_quote_value() -> None:
    """Two perpetuals at their entry prices are worth nothing beside the wallet."""
    other = "SOL/USDT:USDT"
    ledger = Ledger(INSTRUMENTS | {other: make_instrument(other)}, {"USDT": D(1_000)})
    post(ledger, fill(1, Side.BUY, "2", "100", symbol=PERP), fill(2, Side.SELL, "3", "10", symbol=other),
         fill(3, Side.BUY, "1", "130", symbol=PERP))  # fmt: skip
    assert ledger.quote_value("USDT") + 3 * D(110) - 3 * D(10) == ledger.balance("USDT") == 1_000


def test_funding_passes_by_who_is_flat() -> None:
    """A strategy whose position is closed takes no part in funding."""
    ledger = make_ledger()
    post(ledger, fill(1, Side.BUY, "1", "100", symbol=PERP), fill(2, Side.SELL, "1", "100", symbol=PERP),
         fill(3, Side.BUY, "1", "100", symbol=PERP, strategy="b"))  # fmt: skip
    posted = post(ledger, Funding(9, PERP, D("0.001"), D(100), D(1), D("-0.1")))
    assert [(each.strategy, each.payment) for each in posted] == [("b", D("-0.1"))]


def test_what_is_held_follows_the_books() -> None:
    """One mapping for the whole run has the sub-books that are not flat, each with the way it is held."""
    ledger = make_ledger()
    held, steps = ledger.held, list[list[tuple[str, str, Direction]]]()
    for each in (
        fill(1, Side.BUY, "1", "100", symbol=PERP),
        fill(2, Side.SELL, "3", "100", symbol=PERP),
        fill(3, Side.BUY, "1", "100", "1", asset="BTC", strategy="b"),  # the fee takes all of it
        fill(4, Side.BUY, "2", "100", strategy="b"),
        fill(5, Side.SELL, "1", "100", strategy="b"),
        Liquidated(6, PERP, D(-2), D(100), D(0), D(100), "liquidated"),
    ):
        post(ledger, each)
        steps.append([(*pair, book.direction) for pair, book in held.items()])
    long, short = ("b", SPOT, Direction.LONG), ("a", PERP, Direction.SHORT)
    assert steps == [[("a", PERP, Direction.LONG)], [short], [short], [short, long], [short, long], [long]]


AMOUNTS = st.integers(1, 500).map(lambda lots: D(lots) / 100)
PRICES = st.integers(500, 2_000).map(lambda ticks: D(ticks) / 10)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from([SPOT, PERP]),
            st.sampled_from(list(Side)),
            AMOUNTS,
            PRICES,
        ),
        max_size=30,
    ),
    st.integers(-(10**8), 10**8).map(lambda units: D(units).scaleb(-8)),
)
@pytest.mark.property
def test_sub_books_sum_to_the_account(
    trades: list[tuple[str, str, Side, Decimal, Decimal]], payment: Decimal
) -> None:
    """For any trades and funding, quantities and flows of the sub-books sum to the account exactly."""
    ledger, cash = make_ledger(), D(1_000)
    with exact():
        for number, (strategy, symbol, side, quantity, price) in enumerate(trades):
            each = fill(number, side, str(quantity), str(price), "0.003", symbol=symbol, strategy=strategy)
            ledger.react(each)
            cash -= quantity * price * side.sign + D("0.003")
        net = ledger.net_quantity(PERP)
        if net:
            ledger.react(Funding(99, PERP, D("0.0001"), D(100), net, payment))
            cash += payment
        books = list(ledger.positions())
        assert ledger.held == {(strategy, symbol): book for strategy, symbol, book in books if book.quantity}
        for symbol in (SPOT, PERP):
            held = sum((book.quantity for _, name, book in books if name == symbol), D(0))
            assert held == ledger.net_quantity(symbol)
        assert sum((book.flow for _, _, book in books), D(0)) == ledger.quote_value("USDT") - 1_000
        assert ledger.quote_value("USDT") == cash
        assert ledger.balance("BTC") == ledger.net_quantity(SPOT)
