"""One order as far as we know it, and the table of what may be said of it in which state."""

from decimal import Decimal

import msgspec

from agentic_trading.core.enums import OrderStatus
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


# Names of their own: enums look their members up slowly.
PENDING, ACCEPTED, PARTIALLY_FILLED = _S.PENDING, _S.ACCEPTED, _S.PARTIALLY_FILLED
FILLED, CANCELED = _S.FILLED, _S.CANCELED


class OrderProtocolError(Exception):
    """The venue or our own code said something about an order that cannot follow what was known."""


class Order:
    """One order as far as we know it."""

    __slots__ = (
        "arrived_ns",
        "cancel_asked",
        "cause",
        "created_ns",
        "done_ns",
        "entry_id",
        "filled",
        "order_id",
        "outcome",
        "paid",
        "quantity",
        "reason",
        "status",
        "terms",
    )

    def __init__(
        self, order_id: str, terms: OrderTerms, created_ns: int, cause: str, reason: str, entry_id: str = ""
    ) -> None:
        """``entry_id`` names the entry whose fills the order closes, if it is part of a bracket."""
        self.order_id = order_id
        self.terms = terms
        self.quantity = terms.quantity
        self.status = PENDING
        self.filled = ZERO
        self.paid = ZERO
        self.created_ns = created_ns
        self.arrived_ns = 0
        self.done_ns = 0
        self.cause = cause
        self.reason = reason
        self.outcome = ""
        self.cancel_asked = False
        self.entry_id = entry_id

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
            raise OrderProtocolError(
                f"{type(report).__name__} for order {self.order_id}, which is {self.status}"
            ) from None
        self.status = PARTIALLY_FILLED if status is ACCEPTED and self.filled else status

    def amend(self, report: OrderAmended) -> None:
        """Take the venue's word on quantity and prices; what was filled stays filled."""
        self.quantity = max(report.quantity, self.filled)
        terms = self.terms
        if (report.price, report.stop_price) != (terms.price, terms.stop_price):
            self.terms = msgspec.structs.replace(terms, price=report.price, stop_price=report.stop_price)
