"""The equity curve of a replay that skips rows is the curve of one that visits them."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import Liquidity, Side, Timeframe
from agentic_trading.core.equity import DAY_AFTER, DAY_BEFORE, NO_LIMITS
from agentic_trading.core.events import CandlesClosed, DayStarted, Fill
from agentic_trading.core.models import Candle, FloatArray
from agentic_trading.core.money import exact
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from order_desk import INSTRUMENTS, PERP, SPOT

ROWS = 10
SYMBOLS = (SPOT, PERP)


def curve() -> EquityCurve:
    """A curve over an account of 1 000 that bought 0.3 of the spot market and sold 0.7 of the perpetual."""
    ledger = Ledger(INSTRUMENTS, {"USDT": Decimal(1_000)})
    with exact():
        trades = ((SPOT, Side.BUY, "0.3"), (PERP, Side.SELL, "0.7"))
        for number, (symbol, side, quantity) in enumerate(trades):
            price = Decimal(100)
            ledger.react(
                Fill(
                    f"t{number}", "o", "a", symbol, side, Decimal(quantity), price, Decimal(1), "USDT",
                    Liquidity.TAKER, price, 1,
                )
            )  # fmt: skip
    return EquityCurve(ledger, SYMBOLS, "USDT", 1)


class Market:
    """Rows of the market as a replay hands them over: row 0 closes at 1, and so on; its own time axis."""

    def __init__(self, prices: FloatArray, absent: Sequence[bool], edges: Sequence[int]) -> None:
        """``absent`` says where the perpetual has no candle: its last close is carried forward there."""
        self.times = np.arange(1, len(prices) + 1)
        self.day_edges = np.array(edges, dtype=np.int8)
        self.timeline = self
        self.absent = absent
        for row in range(1, len(prices)):
            if absent[row]:
                prices[row, 1] = prices[row - 1, 1]
        self.closes = prices.T.copy()

    def closed_ns(self, row: int) -> list[int]:
        return [row + 1, max((each + 1 for each in range(row + 1) if not self.absent[each]), default=0)]

    def candles(self, row: int) -> tuple[Candle, ...]:
        return tuple(
            Candle(symbol, Timeframe.M1, row, row + 1, price, price, price, price, 1.0)
            for symbol, price in zip(SYMBOLS, self.closes[:, row].tolist(), strict=True)
            if symbol == SPOT or not self.absent[row]
        )

    def visit(self, account: EquityCurve, row: int, shown: int | None = None) -> None:
        """What a replay tells of a row it looks at; of ``shown`` candles only, once the row is marked."""
        if self.day_edges[row] & DAY_BEFORE:
            account.react(DayStarted(row))
        if shown is not None:
            account.look(self, row)
        account.react(CandlesClosed(row + 1, self.candles(row)[:shown]))
        if self.day_edges[row] & DAY_AFTER:
            account.react(DayStarted(row + 1))


VALUES = ("equity", "cash", "gross_exposure", "net_exposure", "drawdown_ratio", "day_loss_ratio")
WAYS = st.sampled_from(["visit", "look", "skip", "skip"])
"""What a replay does with a row; rows in a row that are skipped are swept at once."""


@given(
    moves=st.lists(st.tuples(st.floats(1.0, 300.0), st.floats(1.0, 300.0)), min_size=ROWS, max_size=ROWS),
    absent=st.lists(st.booleans(), min_size=ROWS - 1, max_size=ROWS - 1),
    edges=st.lists(st.integers(0, 3), min_size=ROWS, max_size=ROWS),
    ways=st.lists(WAYS, min_size=ROWS, max_size=ROWS),
    shown=st.integers(0, 2),
    asked=st.lists(st.booleans(), min_size=ROWS, max_size=ROWS),
)
@pytest.mark.property
def test_marking_rows_is_visiting_them(
    moves: list[tuple[float, float]],
    absent: list[bool],
    edges: list[int],
    ways: list[str],
    shown: int,
    asked: list[bool],
) -> None:
    """Whether rows are visited, marked and shown in part, or swept: rows, losses, prices and ages are one."""
    market = Market(np.array(moves), [False, *absent], edges)
    visited, marked = curve(), curve()
    for way, group in groupby(range(ROWS), key=lambda row: ways[row]):
        rows = list(group)
        for row in rows:
            market.visit(visited, row)
            if way != "skip":
                market.visit(marked, row, shown if way == "look" else None)
        if way == "skip":
            assert marked.skip(market, NO_LIMITS, rows[0], rows[-1] + 1) == rows[-1] + 1
        if asked[rows[-1]]:
            assert_same(visited, marked)
    assert_same(visited, marked)
    assert [part.tobytes() for part in visited.rows()] == [part.tobytes() for part in marked.rows()]


def assert_same(visited: EquityCurve, marked: EquityCurve) -> None:
    for symbol in SYMBOLS:
        assert visited.price(symbol) == marked.price(symbol)
        assert visited.marked_ns(symbol) == marked.marked_ns(symbol)
    assert [getattr(visited, name) for name in VALUES] == [getattr(marked, name) for name in VALUES]


def four_rows() -> Market:
    """The perpetual jumps in the third row."""
    prices = np.array([[100.0, 100.0], [101.0, 99.0], [100.0, 1_500.0], [100.0, 100.0]])
    return Market(prices, [False] * 4, [0] * 4)


def test_a_sweep_stops_before_a_limit() -> None:
    """Rows up to the one beyond the limit are marked, and prices and their age are those of the last one."""
    account, market = curve(), four_rows()
    market.visit(account, 0)
    assert account.skip(market, np.array([0.5, np.inf, 0.0]), 1, 4) == 2
    assert account.rows()[0].tolist() == [1, 2]
    assert (account.price(SPOT), account.marked_ns(SPOT)) == (101.0, 2)


def test_a_sweep_that_marks_nothing_changes_nothing() -> None:
    """If the very first row needs a look, the account has what it had, no row and no price."""
    account = curve()
    before = account.equity, account.cash
    assert account.skip(four_rows(), np.array([np.inf, np.inf, 5_000.0]), 0, 4) == 0
    assert (account.equity, account.cash) == before
    assert account.cash == 1_000.0 - 30.0 - 2.0
    assert account.rows()[0].size == 0
    assert np.isnan(account.price(SPOT))
    assert account.marked_ns(SPOT) == 0


def test_what_the_last_row_left_is_there_however_late_one_asks() -> None:
    """A symbol without a candle in the marked rows keeps the price and the age from before them."""
    account, market = curve(), Market(np.array([[1.0, 50.0]] * 4), [False, True, True, True], [0] * 4)
    market.visit(account, 0)
    account.skip(market, NO_LIMITS, 1, 2)
    account.skip(market, NO_LIMITS, 2, 3)
    market.visit(account, 3, shown=0)
    assert [account.marked_ns(symbol) for symbol in SYMBOLS] == [4, 1]
    assert [account.price(symbol) for symbol in SYMBOLS] == [1.0, 50.0]


def test_a_price_from_before_the_run_is_not_known() -> None:
    """A symbol whose only candle closed before the first row that was marked has no price and no age."""
    account, market = curve(), Market(np.array([[1.0, 50.0]] * 4), [False, True, True, True], [0] * 4)
    account.skip(market, NO_LIMITS, 1, 4)
    assert (account.price(SPOT), account.marked_ns(SPOT)) == (1.0, 4)
    assert np.isnan(account.price(PERP))
    assert account.marked_ns(PERP) == 0
