"""The equity curve of a replay that skips rows is the curve of one that visits them."""

from decimal import Decimal

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


def visit(account: EquityCurve, row: int, prices: FloatArray, there: tuple[bool, ...], edges: int) -> None:
    """What a replay tells of a row it looks at; ``there`` says which symbols have a candle in it."""
    if edges & DAY_BEFORE:
        account.react(DayStarted(row))
    candles = tuple(
        Candle(symbol, Timeframe.M1, row, row + 1, price, price, price, price, 1.0)
        for symbol, price, present in zip(SYMBOLS, prices[row].tolist(), there, strict=True)
        if present
    )
    account.react(CandlesClosed(row + 1, candles))
    if edges & DAY_AFTER:
        account.react(DayStarted(row + 1))


@given(
    moves=st.lists(st.tuples(st.floats(1.0, 300.0), st.floats(1.0, 300.0)), min_size=ROWS, max_size=ROWS),
    absent=st.lists(st.booleans(), min_size=ROWS, max_size=ROWS),
    edges=st.lists(st.integers(0, 3), min_size=ROWS, max_size=ROWS),
    skipped=st.tuples(st.integers(1, ROWS), st.integers(1, ROWS)).map(sorted),
)
@pytest.mark.property
def test_skipping_rows_is_visiting_them(
    moves: list[tuple[float, float]], absent: list[bool], edges: list[int], skipped: list[int]
) -> None:
    """Any stretch of rows swept at once leaves the same rows, losses, exposures and, once told, prices."""
    prices = np.array(moves)
    absent[0] = False
    for row in range(1, ROWS):
        if absent[row]:  # the perpetual has no candle: its last close is carried forward
            prices[row, 1] = prices[row - 1, 1]
    start, stop = skipped
    times, day_edges = np.arange(1, ROWS + 1), np.array(edges, dtype=np.int8)
    visited, swept = curve(), curve()
    for row in range(ROWS):
        visit(visited, row, prices, (True, not absent[row]), edges[row])
        if not start <= row < stop:
            visit(swept, row, prices, (True, not absent[row]), edges[row])
        elif row == start:
            assert swept.skip(times, prices, day_edges, NO_LIMITS, start, stop) == stop
            for position, symbol in enumerate(SYMBOLS):
                swept.note(symbol, float(prices[stop - 1, position]), stop)
        if not start <= row < stop - 1:
            for symbol in SYMBOLS:
                assert visited.price(symbol) == swept.price(symbol)
            for name in ("equity", "cash", "gross_exposure", "net_exposure", "drawdown_ratio"):
                assert getattr(visited, name) == getattr(swept, name)
            assert np.array_equal(visited.day_loss_ratio, swept.day_loss_ratio, equal_nan=True)
    assert [part.tobytes() for part in visited.rows()] == [part.tobytes() for part in swept.rows()]


def test_before_a_limit_the_sweep_stops_and_prices_stay_those_of_the_last_event() -> None:
    """Rows up to the one beyond the limit are marked; only `note` moves the price and its age."""
    account, prices = curve(), np.array([[100.0, 100.0], [101.0, 99.0], [100.0, 1_500.0], [100.0, 100.0]])
    visit(account, 0, prices, (True, True), 0)
    limits, no_edges = np.array([0.5, np.inf, 0.0]), np.zeros(4, dtype=np.int8)
    assert account.skip(np.arange(1, 5), prices, no_edges, limits, 1, 4) == 2
    assert account.rows()[0].tolist() == [1, 2]
    assert (account.price(SPOT), account.marked_ns(SPOT)) == (100.0, 1)
    account.note(SPOT, 101.0, 2)
    assert (account.price(SPOT), account.marked_ns(SPOT)) == (101.0, 2)
