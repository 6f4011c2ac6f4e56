"""The inlet of the bus: bounded, asynchronous, in order of arrival.

Three kinds of events have three rules, given by whoever wires the inbox. *Urgent* ones (orders, fills,
kill, alarms) have room of their own and never wait; if even that is full, nothing can be trusted any
more and the inbox halts. *Conflated* ones (forming candles, top of book) keep only the newest of their
key, so they take one place per key and never wait. All others (closed candles) wait for room.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from agentic_trading.core.events import CandlesClosed, Event


class InboxOverflow(Exception):
    """An event that must not be lost found no room: the session has to halt."""


class Inbox:
    """A queue between the asynchronous shore and the bus; one consumer, any number of producers.

    What comes out is in order of arrival: a conflated event takes the place of its arrival, not that of
    the one it replaced, so nothing newer is ever seen before something older.
    """

    def __init__(
        self,
        urgent: Iterable[type[Event]],
        conflated: Mapping[type[Event], Callable[[Any], Hashable]],
        *,
        room: int = 10_000,
        urgent_room: int = 10_000,
    ) -> None:
        """``conflated`` gives the key of each conflated type; ``room`` is for all that may wait.

        Raises ValueError if a type has two rules, or if closed candles were to be conflated.
        """
        self._urgent = tuple(urgent)
        self._key_of = dict(conflated)
        for kind in (*self._urgent, CandlesClosed):
            if kind in self._key_of:
                raise ValueError(f"{kind.__name__} must not be conflated: each one counts")
        self._urgent_room = urgent_room
        self._urgent_waiting = 0
        self._room = asyncio.Semaphore(room)
        self._arrived = asyncio.Event()
        self._queue: OrderedDict[int, Event] = OrderedDict()
        self._newest: dict[tuple[type[Event], Hashable], int] = {}
        self._number = 0
        self._lost = ""
        self.conflated: dict[str, int] = {kind.__name__: 0 for kind in self._key_of}
        """How many events of each conflated type gave way to a newer one."""

    def __len__(self) -> int:
        return len(self._queue)

    async def put(self, event: Event) -> None:
        """Hand in an event; waits for room only if it is neither urgent nor conflated.

        Raises InboxOverflow if an urgent event finds no room, and for every event after that.
        """
        kind = type(event)
        if kind not in self._urgent and kind not in self._key_of and not self._lost:
            await self._room.acquire()
        if self._lost:
            raise InboxOverflow(self._lost)
        if kind in self._urgent:
            self._take_urgent_room(kind)
        elif kind in self._key_of:
            self._replace_older(event)
        self._queue[self._number] = event
        self._number += 1
        self._arrived.set()

    async def get(self) -> Event:
        """The oldest event, as soon as there is one; raises InboxOverflow once something was lost."""
        while not self._queue or self._lost:
            if self._lost:
                raise InboxOverflow(self._lost)
            self._arrived.clear()
            await self._arrived.wait()
        number, event = self._queue.popitem(last=False)
        kind = type(event)
        if kind in self._urgent:
            self._urgent_waiting -= 1
        elif kind in self._key_of:
            key = (kind, self._key_of[kind](event))
            if self._newest.get(key) == number:
                del self._newest[key]
        else:
            self._room.release()
        return event

    def _take_urgent_room(self, kind: type[Event]) -> None:
        if self._urgent_waiting == self._urgent_room:
            self._lost = f"no room for {kind.__name__}: {self._urgent_room} urgent events wait already"
            self._arrived.set()
            raise InboxOverflow(self._lost)
        self._urgent_waiting += 1

    def _replace_older(self, event: Event) -> None:
        kind = type(event)
        key = (kind, self._key_of[kind](event))
        older = self._newest.get(key)
        if older is not None:
            del self._queue[older]
            self.conflated[kind.__name__] += 1
        self._newest[key] = self._number
