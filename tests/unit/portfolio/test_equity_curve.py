"""What the account is worth at every close, as risk, strategies and reports read it."""

from decimal import Decimal

import numpy as np
import pytest

from agentic_trading.core.enums import Liquidity, Side, Timeframe
from agentic_trading.core.events import Bankrupt, CandlesClosed, DayStarted, Event, Fill, Funding
from agentic_trading.core.models import Candle
from agentic_trading.core.money import exact
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from order_desk import INSTRUMENTS, PERP, SPOT


class Account:
    """A ledger of 1 000 and its curve."""

    def __init__(self, capacity: int = 4) -> None:
        self.ledger = Ledger(INSTRUMENTS, {"USDT": Decimal(1_000)})
        self.curve = EquityCurve(self.ledger, [SPOT, PERP], "USDT", capacity)
        self._trades = 0

    def trade(self, symbol: str, side: Side, quantity: str, price: str) -> None:
        self._trades += 1
        fill = Fill(
            f"t{self._trades}", "o", "a", symbol, side, Decimal(quantity), Decimal(price), Decimal(1),
            "USDT", Liquidity.TAKER, Decimal(price), 1,
        )  # fmt: skip
        with exact():
            self.ledger.react(fill)

    def close(self, at_ns: int, **prices: float) -> list[Event]:
        """Candles of spot and perp, where given, that close at a time."""
        names = {"spot": SPOT, "perp": PERP}
        candles = tuple(
            Candle(names[name], Timeframe.M1, 0, at_ns, price, price, price, price, 1.0)
            for name, price in prices.items()
        )
        return list(self.curve.react(CandlesClosed(at_ns, candles)))


def test_before_the_first_candle_there_is_the_capital() -> None:
    """Until something closed, equity is the capital, nothing is at stake and no price is known."""
    curve = Account().curve
    assert (curve.equity, curve.cash, curve.gross_exposure, curve.drawdown_ratio) == (1_000, 1_000, 0, 0)
    assert np.isnan(curve.price(SPOT))
    assert curve.marked_ns(SPOT) == 0


def test_equity_marks_spot_and_perpetuals() -> None:
    """Spot counts with its whole price, a perpetual with what it gained; fees are gone."""
    account = Account()
    account.trade(SPOT, Side.BUY, "2", "100")
    account.trade(PERP, Side.SELL, "3", "50")
    account.close(1, spot=110.0, perp=45.0)
    curve = account.curve
    assert curve.equity == 1_000 - 2 + 20 + 15
    assert curve.cash == 1_000 - 200 - 2
    assert (curve.gross_exposure, curve.net_exposure) == (220 + 135, 220 - 135)


def test_funding_alone_moves_the_marks() -> None:
    """A payment between two closes is in the equity of the second, though nothing was traded."""
    account = Account()
    account.trade(PERP, Side.SELL, "3", "50")
    account.close(1, perp=50.0)
    with exact():
        account.ledger.react(Funding(2, PERP, Decimal("0.001"), Decimal(50), Decimal(-3), Decimal("0.125")))
    account.close(3, perp=50.0)
    assert account.curve.equity == account.curve.cash == 1_000 - 1 + 0.125


def test_a_symbol_without_a_candle_keeps_its_last_price() -> None:
    """At a close without a symbol, its position is marked where it last traded, and its age is known."""
    account = Account()
    account.trade(SPOT, Side.BUY, "1", "100")
    account.close(1, spot=120.0, perp=50.0)
    account.close(2, perp=51.0)
    assert account.curve.equity == 1_000 - 1 + 20
    assert (account.curve.price(SPOT), account.curve.marked_ns(SPOT), account.curve.marked_ns(PERP)) == (
        120.0, 1, 2,
    )  # fmt: skip


def test_the_days_loss_is_measured_from_its_start() -> None:
    """A new day starts at the last equity; before any the capital is the start."""
    account = Account()
    account.trade(PERP, Side.BUY, "1", "100")
    account.close(1, perp=51.0)
    assert account.curve.day_loss_ratio == pytest.approx(0.05)
    account.curve.react(DayStarted(2))
    assert account.curve.day_loss_ratio == 0.0
    account.close(3, perp=32.0)
    assert account.curve.day_loss_ratio == pytest.approx(19 / 950)


def test_what_is_not_known_is_no_number() -> None:
    """With a position that has no price, equity and losses are NaN, so that nothing is taken for fine."""
    account = Account()
    account.trade(SPOT, Side.BUY, "1", "100")
    account.close(1, perp=50.0)
    curve = account.curve
    assert np.isnan([curve.equity, curve.drawdown_ratio, curve.day_loss_ratio]).all()
    curve.react(DayStarted(2))
    account.close(3, spot=100.0)
    assert curve.equity == 999.0
    assert np.isnan(curve.day_loss_ratio)  # nobody knows where this day began


@pytest.mark.parametrize(("price", "ends"), [(0.5, False), (0.0, True), (-0.0, True)])
def test_the_run_ends_when_equity_is_gone(price: float, ends: bool) -> None:
    """Equity of zero or less is bankruptcy, said with the number; anything above is not."""
    account = Account()
    account.ledger.balances["USDT"] = Decimal(101)
    account.trade(SPOT, Side.BUY, "1", "100")
    answer = account.close(1, spot=price)
    assert answer == ([Bankrupt(1, 0.0)] if ends else [])


def test_every_close_is_a_row_however_many() -> None:
    """Rows grow beyond the first block and keep their order and values."""
    account = Account(capacity=1)
    for number in range(1, 8):
        account.close(number, spot=100.0)
    times, rows = account.curve.rows()
    assert times.tolist() == list(range(1, 8))
    assert rows.shape == (5, 7)
    assert (rows[0] == 1_000.0).all()
