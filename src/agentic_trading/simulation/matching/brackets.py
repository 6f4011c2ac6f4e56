"""What is attached to an entry: a protective stop and targets that follow its fills, and each other."""

from decimal import Decimal
from typing import Protocol

from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ONE, ZERO, quantity_down
from agentic_trading.core.orders import OrderTerms, attached_stop, attached_target, stop_id_of, target_id_of
from agentic_trading.simulation.resting import RestingOrder


class Bracketed(Protocol):
    """An order book, as far as brackets must know it."""

    instrument: Instrument
    orders: dict[str, RestingOrder]

    def add(self, order: RestingOrder) -> None: ...

    def moved(self, order: RestingOrder, at_ns: int) -> None: ...

    def cancel(self, order: RestingOrder, at_ns: int, reason: str) -> None: ...


def protect(book: Bracketed, entry_id: str, terms: OrderTerms, quantity: Decimal, at_ns: int) -> None:
    """Work the stop attached to an entry with these terms for what was filled; it grows with every fill."""
    stop_id = stop_id_of(entry_id)
    stop = book.orders.get(stop_id)
    if stop is None:
        stop = RestingOrder(stop_id, attached_stop(terms), book.instrument, at_ns, entry_id)
        book.add(stop)
    stop.remaining += quantity
    stop.wanted += quantity


def aim(book: Bracketed, entry: RestingOrder, at_ns: int) -> None:
    """Spread what was filled of the entry over its targets: each has its share, in whole lots.

    No target ever shrinks. Where the shares make the whole, the last target has what the others leave.
    """
    targets = entry.terms.targets
    if entry.allotted is None:
        entry.allotted = [ZERO] * len(targets)
    left, shares = entry.executed, ZERO
    for allotted, target in zip(entry.allotted, targets, strict=True):
        left -= allotted
        shares += target.share_ratio
    for place, target in enumerate(targets):
        if place == len(targets) - 1 and shares == ONE:
            more = left
        else:
            share = quantity_down(entry.executed * target.share_ratio, book.instrument.lot)
            more = min(left, share - entry.allotted[place])
        if more <= 0:
            continue
        left -= more
        target_id = target_id_of(entry.order_id, place + 1)
        order = book.orders.get(target_id)
        if order is None:
            if entry.allotted[place]:
                continue  # it was cancelled: what it would have closed stays with the stop
            terms = attached_target(entry.terms, target)
            order = RestingOrder(target_id, terms, book.instrument, at_ns, entry.order_id, is_target=True)
            book.add(order)
        entry.allotted[place] += more
        order.remaining += more
        order.wanted += more
        book.moved(order, at_ns)


def release(book: Bracketed, target: RestingOrder, quantity: Decimal, at_ns: int) -> None:
    """A target was filled: the stop covers that much less, and the entry goes no further."""
    for order in list(book.orders.values()):
        if order.order_id == target.entry_id:
            book.cancel(order, at_ns, "target_reached")
        elif order.entry_id == target.entry_id and not order.is_target:
            covered = min(quantity, order.remaining)
            order.remaining -= covered
            order.wanted -= covered
            if order.remaining:
                book.moved(order, at_ns)
            else:
                book.cancel(order, at_ns, "target_reached")
