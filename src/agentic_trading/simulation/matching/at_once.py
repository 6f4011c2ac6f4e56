"""A market order that is executed whole as it arrives: the common case, decided in one go.

It never comes to rest, so it need not be entered in the book, opened, worked and taken out again. The rules
are those of all orders, asked in the same order; one that could be left with a rest, or that meets others,
goes their way.
"""

from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Side
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
from agentic_trading.simulation.matching.filters import takes_orders
from agentic_trading.simulation.matching.prices import TAKER, elapsed_share
from agentic_trading.simulation.resting import MARKET, MarketModel
from agentic_trading.simulation.tape import Tape
from agentic_trading.simulation.travel import Command


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The price that a taker gets, what the market showed, and when."""

    price: Decimal
    shown: Decimal
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
        self._latency_ns = model.latency_ns
        self.taker_fee, self.participation = model.taker_fee, model.participation
        self._account = account
        self._tape = tape

    def quote(self, side: Side, sent_ns: int, candle: Candle) -> Quote | None:
        """What a market order gets that comes alone in a candle, as if it had come by `carry_out`.

        None if it does not come in time, or the market is closed. Costs must not depend on its quantity;
        whether all of that can be had, may be ordered and can be paid is left to ask.
        """
        open_ns = candle.open_ns
        at_ns = sent_ns + self._latency_ns
        if at_ns < open_ns:
            at_ns = open_ns
        if candle.filled or at_ns >= candle.close_ns or not takes_orders(self._rules, at_ns):
            return None
        shown = decimal_of(candle.open)
        elapsed = 0.0 if at_ns == open_ns else elapsed_share(candle, at_ns)
        return Quote(self._taker_price(self._rules, side, shown, candle, elapsed), shown, at_ns)

    def book(self, order_id: str, terms: OrderTerms, quote: Quote) -> Fill:
        """Book that an order got what `quote` gave, as if it had come; gives the venue's report."""
        quantity, price = terms.quantity, quote.price
        fee = fee_up(quantity * price, self.taker_fee)
        return self._book.booked(
            order_id, terms, quantity, price, fee, self._rules.quote, TAKER, quote.shown, quote.at_ns
        )

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
