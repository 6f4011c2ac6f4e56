"""Order entry of the simulated venue for one symbol: what becomes of a command when it arrives."""

from decimal import Decimal

import msgspec

from agentic_trading.core.events import AmendOrder, AmendRejected, CancelOrder, OrderRejected, SubmitOrder
from agentic_trading.core.models import Candle
from agentic_trading.core.money import decimal_of
from agentic_trading.core.numerics import uniform
from agentic_trading.core.orders import OrderTerms
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.collateral import Collateral
from agentic_trading.simulation.matching.book import OrderBook
from agentic_trading.simulation.matching.filters import AT_ONCE, misfit, objection, off_tick
from agentic_trading.simulation.matching.prices import within
from agentic_trading.simulation.resting import MarketModel, RestingOrder
from agentic_trading.simulation.tape import Tape, stream_of
from agentic_trading.simulation.travel import Command, Expiry, Travel


class OrderDesk:
    """Takes or rejects orders, amends and cancels them."""

    def __init__(
        self,
        book: OrderBook,
        model: MarketModel,
        account: VenueAccount,
        collateral: Collateral,
        tape: Tape,
        travel: Travel,
    ) -> None:
        self._book = book
        self._model = model
        self._account = account
        self._collateral = collateral
        self._tape = tape
        self._travel = travel
        self._rules = book.instrument
        self._on_margin = book.instrument.can_short
        self._stream = stream_of(book.instrument.symbol, "reject")
        self._judged = 0

    def carry_out(self, command: Command, at_ns: int, candle: Candle) -> RestingOrder | None:
        """Carry out a command that arrives; returns the order that may now take what the market shows."""
        if isinstance(command, SubmitOrder):
            return self._submit(command, at_ns, candle)
        if isinstance(command, AmendOrder):
            return self._amend(command, at_ns, candle)
        self._cancel(command, at_ns)
        return None

    def _cancel(self, command: CancelOrder | Expiry, at_ns: int) -> None:
        order = self._book.orders.get(command.order_id)
        if order is not None:
            self._book.cancel(order, at_ns, command.reason)

    def _submit(self, command: SubmitOrder, at_ns: int, candle: Candle) -> RestingOrder | None:
        book, terms, rules = self._book, command.terms, self._rules
        most = self._account.most(
            rules, terms.side, terms.reduce_only or terms.close_position, terms.position_side
        )
        reason = self.objection(terms, most, decimal_of(candle.open), at_ns, candle.open_ns)
        if reason:
            self._tape.reports.append(OrderRejected(command.order_id, at_ns, reason))
            return None
        order = RestingOrder(command.order_id, terms, self._rules, at_ns)
        if terms.replaces is not None:  # like an amend: what the old order executed counts
            replaced = book.orders[terms.replaces]
            if replaced.wanted:  # an order that closes whatever is held binds nobody before it executes
                order.wanted = order.remaining = min(order.remaining, replaced.remaining)
            order.entry_id, order.is_target = replaced.entry_id, replaced.is_target
            book.cancel(replaced, at_ns, "replaced")
        book.add(order)
        if order.wanted != terms.quantity:
            book.moved(order, at_ns)
        if terms.expires_ns is not None:
            self._travel.arrive(terms.symbol, terms.expires_ns, Expiry(order.order_id))
        return order

    def objection(
        self, terms: OrderTerms, most: Decimal | None, shown: Decimal, at_ns: int, open_ns: int
    ) -> str | None:
        """Why an order is refused; None if it is not. To be asked once for each that arrives: chance counts.

        ``most`` is what the account lets it execute, ``shown`` the open of the candle.
        """
        model = self._model
        if model.reject_ratio > 0.0:
            self._judged += 1
            if uniform(model.seed, self._stream, self._judged) < model.reject_ratio:
                return "venue_busy"
        if terms.replaces is not None:
            replaced = self._book.orders.get(terms.replaces)
            if replaced is None or (replaced.triggered and terms.type not in AT_ONCE):
                return "replaced_order_is_done"  # a stop that was touched cannot be moved any more
        if terms.oco_group is not None and terms.oco_group in self._book.decided:
            return "oco_group_is_done"
        rules = self._rules
        reason = misfit(terms, rules, at_ns, model.hedged) or objection(terms, rules, shown, most)
        if reason is not None:
            return reason
        if terms.post_only and within(terms.side, shown, terms.price):
            return "post_only_would_take"
        if most is None and self._on_margin:  # else it only reduces
            price, leg = terms.price or terms.stop_price or shown, terms.position_side
            return self._collateral.objection(rules, terms.side, terms.quantity, price, leg, open_ns)
        return None

    def _amend(self, command: AmendOrder, at_ns: int, candle: Candle) -> RestingOrder | None:
        """Change an order in place; with a new price or more quantity it goes to the end of the queue."""
        book = self._book
        order = book.orders.get(command.order_id)
        reason = "order_is_done" if order is None else self._amend_objection(order, command, candle)
        if order is None or reason is not None:
            self._tape.reports.append(AmendRejected(command.order_id, at_ns, reason or ""))
            return None
        wanted = order.wanted if command.quantity is None else command.quantity
        more, order.wanted = wanted - order.wanted, wanted
        order.remaining += more
        repriced = False
        if command.price is not None and command.price != order.limit:
            order.limit, repriced = command.price, True
        if command.stop_price is not None and command.stop_price != order.level:
            order.wait_for(command.stop_price)
            repriced = True
        order.terms = msgspec.structs.replace(
            order.terms, quantity=wanted, price=order.limit, stop_price=order.level
        )
        book.moved(order, at_ns)
        if order.remaining <= 0:
            book.cancel(order, at_ns, "amended_below_filled")
            return None
        if repriced or more > 0:
            book.orders[order.order_id] = book.orders.pop(order.order_id)
        if not repriced:
            return None
        order.arrived_ns = order.since_ns = at_ns
        return order

    def _amend_objection(self, order: RestingOrder, command: AmendOrder, candle: Candle) -> str | None:
        quantity, price, stop, rules = command.quantity, command.price, command.stop_price, self._rules
        if order.at_market:
            return "order_is_executing"
        if (
            (price is not None and order.limit is None)
            or (stop is not None and (not order.waiting or order.trails))
            or (quantity is not None and order.terms.close_position)
        ):
            return "terms_contradict"
        if quantity is not None and (quantity < 0 or quantity % rules.lot):
            return "quantity_off_lot"
        if any(level is not None and off_tick(level, rules) for level in (price, stop)):
            return "price_off_tick"
        if price is not None and order.terms.post_only and within(order.side, decimal_of(candle.open), price):
            return "post_only_would_take"  # the market shows a price at the limit or better
        return None
