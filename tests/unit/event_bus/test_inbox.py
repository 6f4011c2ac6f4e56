"""The inlet of the bus: what must not be lost is not, what may be replaced is, and all else waits."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from agentic_trading.core.events import AlarmRang, CandlesClosed, Event, OrderAccepted
from agentic_trading.event_bus.inbox import Inbox, InboxOverflow

T = TypeVar("T")


class TopOfBook(Event, frozen=True):
    """A quote, for these tests."""

    symbol: str
    bid: float


def make_inbox(room: int = 2, urgent_room: int = 2) -> Inbox:
    return Inbox(
        (OrderAccepted, AlarmRang),
        {TopOfBook: lambda event: event.symbol},
        room=room,
        urgent_room=urgent_room,
    )


def candles(at_ns: int) -> CandlesClosed:
    return CandlesClosed(at_ns, ())


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(scenario, 60))  # a hang is a failure, too


async def drain(inbox: Inbox) -> list[Event]:
    return [await inbox.get() for _ in range(len(inbox))]


async def blocked(inbox: Inbox, event: Event) -> "asyncio.Task[None] | None":
    """Hand in an event; the task if it has to wait."""
    task = asyncio.create_task(inbox.put(event))
    for _ in range(5):
        await asyncio.sleep(0)
    if task.done():
        task.result()
        return None
    return task


def test_events_come_out_in_order_of_arrival() -> None:
    """Whatever their kind, events that are not replaced are seen in the order in which they came."""

    async def scenario() -> list[Event]:
        inbox = make_inbox()
        for event in (candles(1), AlarmRang("a", 2), TopOfBook("X", 3.0), OrderAccepted("o", 4), candles(5)):
            await inbox.put(event)
        return await drain(inbox)

    assert run(scenario()) == [
        candles(1), AlarmRang("a", 2), TopOfBook("X", 3.0), OrderAccepted("o", 4), candles(5)
    ]  # fmt: skip


def test_only_the_newest_of_a_key_is_kept_and_the_others_are_counted() -> None:
    """Of each key one conflated event waits, the last to come, at the place of its own arrival."""

    async def scenario() -> tuple[list[Event], dict[str, int]]:
        inbox = make_inbox()
        for event in (
            TopOfBook("X", 1.0), TopOfBook("Y", 1.0), AlarmRang("a", 2), TopOfBook("X", 2.0),
            TopOfBook("X", 3.0),
        ):  # fmt: skip
            await inbox.put(event)
        return await drain(inbox), inbox.conflated

    seen, counted = run(scenario())
    assert seen == [TopOfBook("Y", 1.0), AlarmRang("a", 2), TopOfBook("X", 3.0)]
    assert counted == {"TopOfBook": 2}


def test_what_was_taken_is_not_replaced_any_more() -> None:
    """After a conflated event was taken out, the next of its key is a new one."""

    async def scenario() -> tuple[list[Event], int]:
        inbox = make_inbox()
        await inbox.put(TopOfBook("X", 1.0))
        first = await inbox.get()
        await inbox.put(TopOfBook("X", 2.0))
        return [first, await inbox.get()], inbox.conflated["TopOfBook"]

    assert run(scenario()) == ([TopOfBook("X", 1.0), TopOfBook("X", 2.0)], 0)


def test_closed_candles_wait_for_room_and_none_is_lost() -> None:
    """When the room is full a producer waits until one was taken out; every closed candle gets through."""

    async def scenario() -> list[Event]:
        inbox = make_inbox(room=2)
        assert await blocked(inbox, candles(1)) is None
        assert await blocked(inbox, candles(2)) is None
        waiting = await blocked(inbox, candles(3))
        assert waiting is not None
        seen = [await inbox.get()]
        await waiting
        return [*seen, *await drain(inbox)]

    assert run(scenario()) == [candles(1), candles(2), candles(3)]


def test_urgent_and_conflated_events_never_wait() -> None:
    """With no room left for candles, orders, alarms and quotes still come in at once."""

    async def scenario() -> list[Event]:
        inbox = make_inbox(room=1)
        await inbox.put(candles(1))
        waiting = await blocked(inbox, candles(2))
        assert waiting is not None
        assert await blocked(inbox, OrderAccepted("o", 1)) is None
        assert await blocked(inbox, TopOfBook("X", 1.0)) is None
        assert await blocked(inbox, AlarmRang("a", 1)) is None
        waiting.cancel()
        return await drain(inbox)

    assert run(scenario()) == [candles(1), OrderAccepted("o", 1), TopOfBook("X", 1.0), AlarmRang("a", 1)]


def test_overflow_of_what_must_not_be_lost_halts() -> None:
    """An urgent event without room raises, and from then on nothing comes in or out."""

    async def scenario() -> None:
        inbox = make_inbox(urgent_room=1)
        await inbox.put(OrderAccepted("o", 1))
        with pytest.raises(InboxOverflow, match="no room for AlarmRang: 1 urgent events wait already"):
            await inbox.put(AlarmRang("a", 2))
        with pytest.raises(InboxOverflow):
            await inbox.get()
        for event in (candles(3), TopOfBook("X", 1.0), OrderAccepted("p", 4)):
            with pytest.raises(InboxOverflow):
                await inbox.put(event)

    run(scenario())


def test_a_waiting_consumer_hears_of_the_overflow() -> None:
    """A consumer that waits is woken by the loss rather than left waiting."""

    async def scenario() -> None:
        inbox = make_inbox(urgent_room=0)
        consumer = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        with pytest.raises(InboxOverflow):
            await inbox.put(OrderAccepted("o", 1))
        with pytest.raises(InboxOverflow):
            await asyncio.wait_for(consumer, 5)

    run(scenario())


def test_urgent_room_is_given_back() -> None:
    """Room for urgent events is counted by what waits, not by what ever came."""

    async def scenario() -> int:
        inbox = make_inbox(urgent_room=1)
        for number in range(5):
            await inbox.put(OrderAccepted(str(number), number))
            await inbox.get()
        return len(inbox)

    assert run(scenario()) == 0


def test_the_consumer_waits_for_an_event() -> None:
    """Taking from an empty inbox waits until something comes."""

    async def scenario() -> Event:
        inbox = make_inbox()
        consumer = asyncio.create_task(inbox.get())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not consumer.done()
        await inbox.put(candles(1))
        return await consumer

    assert run(scenario()) == candles(1)


def test_closed_candles_cannot_be_conflated() -> None:
    """Wiring that would replace closed candles, or urgent events, is refused."""
    with pytest.raises(ValueError, match="CandlesClosed must not be conflated"):
        Inbox((), {CandlesClosed: lambda event: "all"})
    with pytest.raises(ValueError, match="AlarmRang must not be conflated"):
        Inbox((AlarmRang,), {AlarmRang: lambda event: event.key})
