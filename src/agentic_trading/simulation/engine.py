"""One symbol of the simulated exchange: what happens to our orders inside a candle, in order.

What arrived by the open, what the open executes, later arrivals by time, then stops, then limits. So a
cancel never undoes what the open did before it, and nothing executes after its cancel. Prices are those
of `simulation.matching`; `simulation.book` executes.
"""

from agentic_trading.core.enums import TimeInForce
from agentic_trading.core.events import CancelOrder, OrderRejected, OrderTerms
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.book import OrderBook, Tape
from agentic_trading.simulation.filters import objection
from agentic_trading.simulation.matching import (
    gap_limit,
    match_market,
    match_stop,
    opens_beyond,
    take_limit,
    trade_through,
)
from agentic_trading.simulation.resting import MarketModel, RestingOrder
from agentic_trading.simulation.travel import Command

IOC = TimeInForce.IOC


class MatchingEngine:
    """Matches our orders on one symbol against its candles."""

    def __init__(self, instrument: Instrument, model: MarketModel, account: VenueAccount, tape: Tape) -> None:
        self.book = OrderBook(instrument, model, account, tape)
        self._instrument = instrument
        self._costs = model.costs
        self._account = account
        self._tape = tape

    def pass_candle(self, candle: Candle, arrived: list[tuple[int, Command]]) -> bool:
        """Let a candle pass, with the commands that arrive in it; False if it surely changed nothing."""
        book = self.book
        if not arrived:
            down, up = book.levels
            if candle.low > down and candle.high < up and not book.at_market:
                return False
        book.open_candle(candle)
        open_ns = candle.open_ns
        late = 0
        while late < len(arrived) and arrived[late][0] <= open_ns:
            self._arrive(arrived[late][1], open_ns, candle)
            late += 1
        if book.orders:
            self._open(candle)
        for at_ns, command in arrived[late:]:
            order = self._arrive(command, at_ns, candle)
            if order is not None and not order.is_stop:
                self._take_at_arrival(order, candle)
        if book.orders:
            self._try_stops(candle)
            self._try_limits(candle)
            self._try_stops(candle)  # stops of entries that filled inside this candle
        return True

    def _arrive(self, command: Command, at_ns: int, candle: Candle) -> RestingOrder | None:
        """Carry out a cancel, or take or reject an order; returns the order that was taken."""
        book = self.book
        if isinstance(command, CancelOrder):
            order = book.orders.get(command.order_id)
            if order is not None:
                book.cancel(order, at_ns, command.reason)
            return None
        terms = command.terms
        reason = self._objection(terms, candle)
        if reason:
            self._tape.reports.append(OrderRejected(command.order_id, at_ns, reason))
            return None
        order = RestingOrder(command.order_id, terms, self._instrument, at_ns)
        if terms.replaces is not None:  # like an amend: what the old order executed counts
            replaced = book.orders[terms.replaces]
            order.remaining = min(order.remaining, replaced.remaining)
            book.cancel(replaced, at_ns, "replaced")
        book.add(order)
        return order

    def _objection(self, terms: OrderTerms, candle: Candle) -> str | None:
        if terms.replaces is not None:
            replaced = self.book.orders.get(terms.replaces)
            if replaced is None or (replaced.triggered and terms.stop_price is not None):
                return "replaced_order_is_done"  # a stop that was touched cannot be moved any more
        most = self._account.most(self._instrument, terms.side, reduce_only=terms.reduce_only)
        return objection(terms, self._instrument, candle.open, most)

    def _open(self, candle: Candle) -> None:
        """The open executes, oldest first: orders at the market, stops it touches, limits it betters."""
        book, open_ns = self.book, candle.open_ns
        for order in list(book.orders.values()):
            if order not in book:
                continue
            if order.is_stop:
                if not order.out_of_reach(candle) and opens_beyond(order.side, order.stop_price, candle):
                    self._trigger(order, candle, open_ns)
            elif order.arrived_ns == open_ns:
                self._take_at_arrival(order, candle)
            elif order.at_market:
                matched = match_market(self._instrument, order.side, candle, 0.0, self._costs)
                book.take(order, matched, open_ns)
            else:
                better = gap_limit(order.side, order.limit, candle)
                if better is not None:
                    book.take(order, better, open_ns)

    def _take_at_arrival(self, order: RestingOrder, candle: Candle) -> None:
        """Execute what an order takes as it arrives; of an immediate-or-cancel order the rest is gone."""
        at_ns = order.arrived_ns
        elapsed = (at_ns - candle.open_ns) / (candle.close_ns - candle.open_ns)
        if order.rests_as_limit:
            matched = take_limit(self._instrument, order.side, order.limit, candle, elapsed, self._costs)
        else:
            matched = match_market(self._instrument, order.side, candle, elapsed, self._costs)
        if matched is not None:
            self.book.take(order, matched, at_ns)
        if order.terms.time_in_force is IOC and order in self.book:
            self.book.cancel(order, at_ns, "immediate_or_cancel")

    def _try_stops(self, candle: Candle) -> None:
        for order in list(self.book.orders.values()):
            if order.is_stop and order in self.book and not order.out_of_reach(candle):
                self._trigger(order, candle, candle.close_ns)

    def _trigger(self, order: RestingOrder, candle: Candle, at_ns: int) -> None:
        """A stop whose price the candle may have touched: it goes to the market if so."""
        matched = match_stop(self._instrument, order.side, order.stop_price, candle, self._costs)
        if matched is not None:
            self.book.trigger(order, at_ns)
            self.book.take(order, matched, at_ns)

    def _try_limits(self, candle: Candle) -> None:
        for order in list(self.book.orders.values()):
            if order.rests_as_limit and order in self.book:
                from_open = order.arrived_ns <= candle.open_ns
                matched = trade_through(order.side, order.limit, candle, from_open=from_open)
                if matched is not None:
                    self.book.take(order, matched, candle.close_ns)
