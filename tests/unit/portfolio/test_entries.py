"""How an open position came about, as strategies read it in ``ctx.entry``."""

from decimal import Decimal

from agentic_trading.core.enums import Side, Timeframe
from agentic_trading.core.events import CandlesClosed, Fill
from agentic_trading.core.models import Candle
from agentic_trading.core.money import exact
from agentic_trading.portfolio.entries import Entries
from order_desk import PERP, OrderDesk


class Book(OrderDesk):
    """A desk whose fills the entries hear, after the ledger, as on the real route."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = Entries(self.ledger, self.orders)

    def trade(self, number: int, side: Side, quantity: str, price: str) -> None:
        fill = Fill(
            f"t{number}", "o", "a", PERP, side, Decimal(quantity), Decimal(price), Decimal(0), "USDT",
            "taker", Decimal(price), number,
        )  # type: ignore[arg-type]  # fmt: skip
        with exact():
            self.ledger.react(fill)
            self.entries.react(fill)

    def candle(self, high: float, low: float) -> None:
        candle = Candle(PERP, Timeframe.M1, 0, 1, low, high, low, high, 1.0)
        self.entries.react(CandlesClosed(1, (candle,)))


def test_an_entry_lasts_from_the_first_fill_to_the_last() -> None:
    """While flat there is no entry; its time is that of the first fill, its price the average cost."""
    book = Book()
    assert book.entries.entry("a", PERP) is None
    book.trade(1, Side.BUY, "1", "100")
    book.trade(2, Side.BUY, "1", "110")
    entry = book.entries.entry("a", PERP)
    assert entry is not None
    assert (entry.at_ns, entry.price) == (1, 105.0)
    book.trade(3, Side.SELL, "2", "120")
    assert book.entries.entry("a", PERP) is None


def test_extremes_are_those_since_the_entry() -> None:
    """High and low begin at the entry's price and are stretched by every candle after it."""
    book = Book()
    book.candle(500.0, 1.0)
    book.trade(1, Side.SELL, "1", "100")
    book.candle(104.0, 99.0)
    book.candle(103.0, 97.0)
    entry = book.entries.entry("a", PERP)
    assert entry is not None
    assert (entry.high, entry.low) == (104.0, 97.0)


class Candles:
    """Rows of candles that nobody shows: of row ``r`` the high is 100 + r and the low 100 - r."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def extremes(self, symbol: str, start: int, stop: int) -> tuple[float, float]:
        self.asked.append((start, stop))
        return 100.0 + stop - 1, 100.0 - (stop - 1)


def test_unseen_candles_count_from_the_row_of_the_entry_on() -> None:
    """Rows before the entry do not stretch it, each row after it does once, and only for who asks."""
    book, market = Book(), Candles()
    book.entries.unseen(market, 5)
    book.trade(1, Side.BUY, "1", "100")
    book.entries.unseen(market, 5)
    assert (entry := book.entries.entry("a", PERP)) is not None
    assert (entry.high, entry.low, market.asked) == (100.0, 100.0, [])
    for stop in (7, 8, 10):
        book.entries.unseen(market, stop)
    for _ in range(2):
        assert (entry := book.entries.entry("a", PERP)) is not None
        assert (entry.high, entry.low, market.asked) == (109.0, 91.0, [(5, 10)])
    book.entries.unseen(market, 12)
    book.trade(2, Side.SELL, "2", "100")
    assert (entry := book.entries.entry("a", PERP)) is not None
    assert (entry.high, entry.low, market.asked) == (100.0, 100.0, [(5, 10)])


def test_another_fill_keeps_the_extremes() -> None:
    """Adding to a position, or a fill that is reported again, does not start the entry afresh."""
    for side in Side:
        book = Book()
        book.trade(1, side, "1", "100")
        book.candle(104.0, 97.0)
        book.trade(1, side, "1", "100")
        book.trade(2, side, "1", "101")
        entry = book.entries.entry("a", PERP)
        assert entry is not None
        assert (entry.at_ns, entry.high, entry.low) == (1, 104.0, 97.0)


def test_a_trade_through_zero_is_a_new_entry() -> None:
    """When a position turns around, time and extremes begin with the trade that turned it."""
    book = Book()
    book.trade(1, Side.BUY, "1", "100")
    book.candle(140.0, 60.0)
    book.trade(2, Side.SELL, "3", "90")
    entry = book.entries.entry("a", PERP)
    assert entry is not None
    assert (entry.at_ns, entry.price, entry.high, entry.low) == (2, 90.0, 90.0, 90.0)


def test_the_entry_shows_the_stop_that_protects_it() -> None:
    """``stop`` is the trigger of the resting stop, None without one."""
    book = Book()
    order = book.hold(Side.BUY, "1", protective_stop=Decimal("95.5"))
    book.entries.react(
        Fill("x", order, "a", PERP, Side.BUY, Decimal(1), Decimal(100), Decimal(0), "USDT", "taker",
             Decimal(100), 1)  # type: ignore[arg-type]
    )  # fmt: skip
    entry = book.entries.entry("a", PERP)
    assert entry is not None
    assert entry.stop == 95.5
