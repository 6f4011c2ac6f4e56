"""From an approved order to a command for the venue, and closing what a stop could not."""

from collections.abc import Iterable

from agentic_trading.core.events import Event, OrderIntent, SubmitOrder


class ExecutionEngine:
    """Agent ``execution``: sends each approved order once, as it was approved."""

    name = "execution"
    reads: tuple[str, ...] = ()
    emits = (SubmitOrder,)

    def react(self, event: OrderIntent) -> Iterable[Event]:
        return (SubmitOrder(event.order_id, event.at_ns, event.terms),)
