"""One order as far as we know it, and the table of what may be said of it in which state."""

from decimal import Decimal

import msgspec

from agentic_trading.core.enums import OrderStatus, OrderType
from agentic_trading.core.events import (
    AmendRejected,
    Event,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderNotSent,
    OrderRejected,
    OrderTerms,
    OrderUnknown,
)
from agentic_trading.core.money import ZERO, average

_S = OrderStatus


def _stays(*statuses: OrderStatus) -> dict[OrderStatus, OrderStatus]:
    """Said twice, or said late: the order is what it was."""
    return {status: status for status in statuses}


NEXT: dict[type[Event], dict[OrderStatus, OrderStatus]] = {
    OrderAccepted: {
        _S.PENDING: _S.ACCEPTED,
        _S.UNKNOWN: _S.ACCEPTED,
        **_stays(_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED),
    },
    OrderRejected: {_S.PENDING: _S.REJECTED, _S.UNKNOWN: _S.REJECTED, **_stays(_S.REJECTED)},
    OrderNotSent: {_S.PENDING: _S.NOT_SENT, **_stays(_S.NOT_SENT)},
    OrderUnknown: {
        _S.PENDING: _S.UNKNOWN,
        _S.ACCEPTED: _S.UNKNOWN,
        _S.PARTIALLY_FILLED: _S.UNKNOWN,
        **_stays(_S.UNKNOWN),
    },
    OrderAmended: {
        _S.PENDING: _S.ACCEPTED,
        _S.UNKNOWN: _S.ACCEPTED,
        **_stays(_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED),
    },
    AmendRejected: _stays(
        _S.PENDING, _S.UNKNOWN, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.REJECTED
    ),
    OrderCanceled: {
        _S.PENDING: _S.CANCELED,
        _S.ACCEPTED: _S.CANCELED,
        _S.PARTIALLY_FILLED: _S.CANCELED,
        _S.UNKNOWN: _S.CANCELED,
        **_stays(_S.CANCELED),
    },
    Fill: {
        _S.PENDING: _S.PARTIALLY_FILLED,
        _S.ACCEPTED: _S.PARTIALLY_FILLED,
        _S.PARTIALLY_FILLED: _S.PARTIALLY_FILLED,
        _S.UNKNOWN: _S.PARTIALLY_FILLED,
        **_stays(_S.CANCELED),
    },
}
"""Status after an event, by status before it; a pair that is not here is a protocol violation."""
AFTER_ACCEPTED, AFTER_FILL = NEXT[OrderAccepted], NEXT[Fill]
"""The rows of what every order hears."""


# Names of their own: enums look their members up slowly.
TRAILING_STOP = OrderType.TRAILING_STOP
PENDING, ACCEPTED, PARTIALLY_FILLED = _S.PENDING, _S.ACCEPTED, _S.PARTIALLY_FILLED
FILLED, CANCELED = _S.FILLED, _S.CANCELED


class OrderProtocolError(Exception):
    """The venue or our own code said something about an order that cannot follow what was known."""


class Order(msgspec.Struct, array_like=True, gc=False, eq=False):
    """One order as far as we know it.

    ``quantity`` is that of ``terms`` until the venue says otherwise. ``entry_id`` names the entry whose
    fills the order closes, if it is part of a bracket.
    """

    order_id: str
    terms: OrderTerms
    quantity: Decimal
    created_ns: int
    cause: str
    reason: str
    entry_id: str = ""
    status: OrderStatus = PENDING
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    arrived_ns: int = 0
    done_ns: int = 0
    outcome: str = ""
    cancel_asked: bool = False

    @property
    def remaining(self) -> Decimal:
        """What may still be executed."""
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """Average price of what was executed, for reading; 0 if nothing was."""
        return average(self.paid, self.filled)

    def heard(self, report: Event) -> None:
        """Move to the state that follows a report; raises OrderProtocolError if none does."""
        try:
            status = NEXT[type(report)][self.status]
        except KeyError:
            raise self.out_of_turn(report) from None
        self.status = PARTIALLY_FILLED if status is ACCEPTED and self.filled else status

    def out_of_turn(self, report: Event) -> OrderProtocolError:
        """Say that a report cannot follow what is known."""
        return OrderProtocolError(
            f"{type(report).__name__} for order {self.order_id}, which is {self.status}"
        )

    def amend(self, report: OrderAmended) -> None:
        """Take the venue's word on quantity and prices; what was filled stays filled."""
        self.quantity = max(report.quantity, self.filled)
        terms = self.terms
        if (report.price, report.stop_price) != (terms.price, terms.stop_price):
            self.terms = msgspec.structs.replace(terms, price=report.price, stop_price=report.stop_price)


class OpenOrders:
    """Open orders of a strategy on a symbol by id, oldest first; stops and targets of the position apart."""

    __slots__ = ("orders", "stops", "targets")

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.stops: dict[str, Order] = {}
        self.targets: dict[str, Order] = {}

    def shelf(self, terms: OrderTerms) -> dict[str, Order]:
        """Where an order belongs: a closing order with a trigger is a stop, one with a limit a target."""
        if not terms.closing:
            return self.orders
        if terms.stop_price is not None or terms.type is TRAILING_STOP:
            return self.stops
        return self.orders if terms.price is None else self.targets
