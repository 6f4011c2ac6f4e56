"""All orders of a session by id: those that ended long ago take little room, but are never lost."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from operator import attrgetter

import msgspec

from agentic_trading.execution.order import Order

_NAME, _DONE = attrgetter("order_id"), attrgetter("done_ns")
_ROOM = 4096
"""So many orders are kept as they are before any is packed."""


class History:
    """Every order in order of creation, to be read as often as needed."""

    def __init__(self, packed: list[bytes], recent: Mapping[str, Order]) -> None:
        self._packed = packed
        self._recent = recent

    def __iter__(self) -> Iterator[Order]:
        decoder = msgspec.msgpack.Decoder(list[Order])
        for rows in self._packed:
            yield from decoder.decode(rows)
        yield from self._recent.values()


class Orders(dict[str, Order]):
    """Orders by id, in order of creation. Who asks for one that is packed gets all of them back."""

    def __init__(self, room: int = _ROOM) -> None:
        super().__init__()
        self._room = room
        self._packed: list[bytes] = []
        self._highest = ""
        """The highest id that is packed."""

    def __missing__(self, order_id: str) -> Order:
        if not self._packed:
            raise KeyError(order_id)
        self._unpack()
        return self[order_id]

    def __contains__(self, order_id: object) -> bool:
        if str(order_id) <= self._highest:  # new ids are higher than all before them
            self._unpack()
        return super().__contains__(order_id)

    def add(self, order: Order) -> bool:
        """Take up a new order; gives False, and leaves it, if its id was used before."""
        if order.order_id <= self._highest:
            self._unpack()
        return self.setdefault(order.order_id, order) is order

    @property
    def history(self) -> History:
        """Every order, packed or not."""
        return History(self._packed, self)

    def store(self, orders: Sequence[Order]) -> None:
        """Take up new orders that have ended, after all others have, and keep them packed."""
        self._put_away(list(self.values()))
        self._put_away(orders)

    def pack(self) -> None:
        """Pack the oldest orders, up to the first that is open; to be called now and then."""
        if len(self) >= self._room:
            self._put_away(list(takewhile(_DONE, self.values())))

    def _put_away(self, ended: Sequence[Order]) -> None:
        if not ended:
            return
        self._packed.append(msgspec.msgpack.encode(ended))
        self._highest = max(self._highest, *map(_NAME, ended))
        if len(ended) >= len(self):
            self.clear()
        else:
            for order in ended:
                del self[order.order_id]

    def _unpack(self) -> None:
        everything = {order.order_id: order for order in self.history}
        self._packed.clear()
        self._highest = ""
        self.clear()
        self.update(everything)
