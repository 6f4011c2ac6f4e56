"""Deterministic identity: ids are counters of a run, never random and never reused."""

from collections import defaultdict


class IdSequence:
    """Hands out order, trade and decision ids that depend only on the run's epoch and on counts.

    The epoch is bumped at every start of a trader, so an order id is a function of (epoch, order
    counter) and no restart can hand out the same one twice. Order ids count orders only.
    """

    def __init__(self, epoch: int = 0) -> None:
        self._order = epoch << 32
        self._counts: defaultdict[str, int] = defaultdict(int)

    def order(self) -> str:
        """Next client order id: sixteen hex digits, epoch then counter (fits Binance and Bybit)."""
        self._order = order = self._order + 1
        return order.to_bytes(8, "big").hex()

    def next(self, kind: str) -> str:
        """Next id of another kind, such as ``signal-12``."""
        self._counts[kind] = count = self._counts[kind] + 1
        return f"{kind}-{count}"

    def several(self, kind: str, count: int) -> list[str]:
        """The next ``count`` ids of such a kind."""
        first = self._counts[kind] + 1
        self._counts[kind] += count
        return [f"{kind}-{number}" for number in range(first, first + count)]
