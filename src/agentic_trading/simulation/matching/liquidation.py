"""Closing by force: liquidation when the collateral is used up, settlement when a market is delisted."""

from collections.abc import Mapping
from decimal import Decimal

from agentic_trading.core.events import Liquidated
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import ZERO, decimal_of
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.collateral import Collateral
from agentic_trading.simulation.margin import (
    MarginPosition,
    bankruptcy_price,
    clear,
    liquidation_fee_ratio,
    margin_rules,
)
from agentic_trading.simulation.mark import Marks
from agentic_trading.simulation.matching.book import OrderBook
from agentic_trading.simulation.tape import Tape


class Liquidator:
    """Closes positions at the venue, cancels their orders and reports both, the closing first."""

    def __init__(
        self,
        account: VenueAccount,
        collateral: Collateral,
        instruments: Mapping[str, Instrument],
        marks: Marks,
        tape: Tape,
    ) -> None:
        self._account = account
        self._collateral = collateral
        self._instruments = instruments
        self._marks = marks
        self._tape = tape
        self.books: dict[str, OrderBook] = {}
        """By symbol; the venue enters them."""
        self.closed = 0
        """How many positions were closed by force."""

    def close_gap(self, candle: Candle) -> None:
        """Liquidate if the candle opens where that is due already."""
        first = decimal_of(self._marks.over(candle).open)
        if self._collateral.fails(candle.symbol, candle, first):
            self.liquidate(candle, first)

    def is_due(self, candle: Candle) -> bool:
        """Whether the marks over a candle liquidate the position on its symbol."""
        if not self._account.held or not self._collateral.touched(candle):
            return False
        if self._collateral.fails(candle.symbol, candle):
            return True
        self._collateral.look_again()
        return False

    def spares(self, candle: Candle, level: Decimal) -> bool:
        """Whether the position is still alive when the market reaches this price."""
        return not self._collateral.fails(candle.symbol, candle, level)

    def liquidate(self, candle: Candle, own_mark: Decimal | None = None) -> None:
        """Liquidate the group of the candle's symbol, tested at ``own_mark``, or else at its worst.

        In cross margin the other positions are closed first, at the marks that were their worst; what
        that leaves stands behind this one.
        """
        collateral, symbol, at_ns = self._collateral, candle.symbol, candle.close_ns
        group = collateral.group(symbol)
        marks = {each: collateral.worst(each, candle) for each in group}
        if own_mark is not None:
            marks[symbol] = own_mark
        for other in group:
            if other != symbol:
                self._close(other, marks[other], ZERO, marks[other], at_ns, "liquidated")
        instrument, position = self._instruments[symbol], self._position(symbol)
        behind = collateral.behind(symbol)
        price = bankruptcy_price(position, behind, instrument.tick) or marks[symbol]
        rules = margin_rules(instrument.venue)
        result = clear(position, behind, price, liquidation_fee_ratio(instrument, rules), rules)
        fee = result.fee + result.kept - result.insured
        self._close(symbol, price, fee, marks[symbol], at_ns, "liquidated")
        for each, book in self.books.items():
            if collateral.shared(symbol, each):
                self._cancel_all(book, at_ns, "liquidated")

    def settle(self, symbol: str, at_ns: int) -> None:
        """End a delisted market: a perpetual is settled at its last mark, orders are cancelled."""
        price = self._marks.last(symbol, at_ns)
        if price is not None and self._account.legs(symbol):
            self._close(symbol, decimal_of(price), ZERO, decimal_of(price), at_ns, "delisted")
        self._cancel_all(self.books[symbol], at_ns, "delisted")

    def _position(self, symbol: str) -> MarginPosition:
        """All legs as one."""
        legs = self._account.legs(symbol)
        quantity = sum((leg.quantity for leg in legs), ZERO)
        return MarginPosition(quantity, sum((leg.cost for leg in legs), ZERO))

    def _close(
        self, symbol: str, price: Decimal, fee: Decimal, mark: Decimal, at_ns: int, reason: str
    ) -> None:
        position = self._position(symbol)
        self._account.close(self._instruments[symbol], position.quantity * price - position.cost - fee)
        self.closed += 1
        self._tape.reports.append(Liquidated(at_ns, symbol, position.quantity, price, fee, mark, reason))

    @staticmethod
    def _cancel_all(book: OrderBook, at_ns: int, reason: str) -> None:
        for order in list(book.orders.values()):
            book.cancel(order, at_ns, reason)
