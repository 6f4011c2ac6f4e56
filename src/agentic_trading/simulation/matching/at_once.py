"""A market order that is executed whole as it arrives: the common case, decided in one go.

It never comes to rest, so it need not be entered in the book, opened, worked and taken out again. The rules
are those of all orders, asked in the same order; one that could be left with a rest, or that meets others,
goes their way.
"""

from decimal import Decimal

import msgspec

from agentic_trading.core.events import (
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OrderTerms,
    SubmitOrder,
)
from agentic_trading.core.models import Candle
from agentic_trading.core.money import decimal_of, fee_up
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.matching.book import OrderBook
from agentic_trading.simulation.matching.brackets import protect
from agentic_trading.simulation.matching.desk import OrderDesk
from agentic_trading.simulation.matching.prices import TAKER, elapsed_share
from agentic_trading.simulation.resting import BUY, MARKET, MarketModel
from agentic_trading.simulation.tape import Tape
from agentic_trading.simulation.travel import Command


class Execution(msgspec.Struct, frozen=True, gc=False):
    """A whole order at one price: that, what the market showed, notional and fee in quote currency, when."""

    price: Decimal
    reference: Decimal
    notional: Decimal
    fee: Decimal
    at_ns: int


class AtOnce:
    """Judges, executes and reports such orders on one symbol."""

    def __init__(
        self, book: OrderBook, desk: OrderDesk, model: MarketModel, account: VenueAccount, tape: Tape
    ) -> None:
        self._book = book
        self._orders = book.orders
        self._rules = book.instrument
        self._objection = desk.objection
        self._taker_price = model.costs.taker_price
        self._taker_fee, self._latency_ns = model.taker_fee, model.latency_ns
        self._account = account
        self._tape = tape

    def reckon(self, terms: OrderTerms, sent_ns: int, candle: Candle) -> Execution | None:
        """What a market order without a bracket gets, on spot, that comes alone in a candle; changes nothing.

        None unless it surely executes at once and whole, as if it had come by `carry_out`. It buys, or sells
        no more than is held; whether it can be paid is left to ask.
        """
        side, quantity, open_ns = terms.side, terms.quantity, candle.open_ns
        at_ns = sent_ns + self._latency_ns
        if at_ns < open_ns:
            at_ns = open_ns
        if candle.filled or at_ns >= candle.close_ns or not self._book.surely_grants(quantity, candle.volume):
            return None
        shown = decimal_of(candle.open)
        most = None if side is BUY else quantity
        if self._objection(terms, most, shown, at_ns, open_ns) is not None:
            return None
        elapsed = 0.0 if at_ns == open_ns else elapsed_share(candle, at_ns)
        price = self._taker_price(self._rules, side, shown, candle, elapsed, quantity)
        notional = quantity * price
        return Execution(price, shown, notional, fee_up(notional, self._taker_fee), at_ns)

    def book(self, order_id: str, terms: OrderTerms, reckoned: Execution) -> Fill:
        """Book what `reckon` gave, as if the order had come; gives the venue's report."""
        return self._book.booked(
            order_id, terms, terms.quantity, reckoned.price, reckoned.fee, self._rules.quote, TAKER,
            reckoned.reference, reckoned.at_ns,
        )  # fmt: skip

    def carry_out(self, command: Command, at_ns: int, candle: Candle) -> bool:
        """Carry out a command that arrives alone; False, and nothing is done, if it is no such order."""
        if type(command) is not SubmitOrder:
            return False
        terms, open_ns = command.terms, candle.open_ns
        if terms.type is not MARKET or terms.targets or terms.close_position:
            return False
        if terms.oco_group is not None or terms.expires_ns is not None:
            return False
        if (self._orders or terms.replaces is not None) and self._meets_others(terms, at_ns == open_ns):
            return False
        book, reports, rules, order_id = self._book, self._tape.reports, self._rules, command.order_id
        side, quantity = terms.side, terms.quantity
        most = self._account.most(rules, side, terms.reduce_only, terms.position_side)
        if (most is not None and most < quantity) or book.granted(quantity) < quantity:
            return False
        shown = decimal_of(candle.open)
        reason = self._objection(terms, most, shown, at_ns, open_ns)
        if reason is not None:
            reports.append(OrderRejected(order_id, at_ns, reason))
            return True
        if terms.replaces is not None:
            book.cancel(self._orders[terms.replaces], at_ns, "replaced")
        reports.append(OrderAccepted(order_id, at_ns))
        elapsed = 0.0 if at_ns == open_ns else elapsed_share(candle, at_ns)
        price = self._taker_price(rules, side, shown, candle, elapsed, quantity)
        if not book.settle(order_id, terms, quantity, price, shown, TAKER, at_ns):
            reports.append(OrderCanceled(order_id, at_ns, book.unpaid))
        elif terms.protective_stop is not None:
            protect(book, order_id, terms, quantity, at_ns)
        return True

    def _meets_others(self, terms: OrderTerms, at_open: bool) -> bool:
        """Whether an order meets others that rest: at the open, where they come first, or by replacing one.

        It may replace the only one there is, if that leaves it whole.
        """
        if terms.replaces is None:
            return at_open
        replaced = self._orders.get(terms.replaces)
        if replaced is None or len(self._orders) > 1 or replaced.is_target:
            return True
        return bool(replaced.wanted) and replaced.remaining < terms.quantity
