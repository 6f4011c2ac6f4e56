"""Identity and time: counted, never drawn, never backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.clock import ReplayClock, iso
from agentic_trading.core.events import stop_id_of
from agentic_trading.core.ids import IdSequence


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["order", "signal", "proposal"])), max_size=60))
@pytest.mark.property
def test_ids_never_repeat(draws: list[tuple[int, str]]) -> None:
    """Whatever is drawn in whatever mixture, no id of an epoch repeats, and no order id of any epoch."""
    sequences = {epoch: IdSequence(epoch) for epoch in range(6)}
    orders: list[str] = []
    others: list[tuple[int, str]] = []
    for epoch, kind in draws:
        if kind == "order":
            identity = sequences[epoch].order()
            orders += [identity, stop_id_of(identity)]
        else:
            others.append((epoch, sequences[epoch].next(kind)))
    assert len(set(orders)) == len(orders)
    assert len(set(others)) == len(others)


def test_order_ids_count_orders_only() -> None:
    """An order id depends on epoch and on the number of orders, not on what else was counted."""
    ids, busy = IdSequence(3), IdSequence(3)
    for _ in range(7):
        busy.next("signal")
    assert ids.order() == busy.order() == "0000000300000001"
    assert busy.order() == "0000000300000002"
    assert busy.next("signal") == "signal-8"


def test_order_ids_fit_the_venues() -> None:
    """An order id and its stop's are short and of plain characters, as Binance and Bybit want them."""
    identity = stop_id_of(IdSequence(0xFFFFFFFF).order())
    assert len(identity) <= 36
    assert identity.isalnum()


def test_replayed_time_only_moves_forward() -> None:
    """The clock shows what it was last set to; setting it back is refused and changes nothing."""
    clock = ReplayClock(5)
    clock.advance(5)
    clock.advance(9)
    with pytest.raises(ValueError, match="replayed time ran backwards: 8 after 9"):
        clock.advance(8)
    assert clock.now_ns == 9


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01 00:00:00"),
        (1_706_706_300_999_999_999, "2024-01-31 13:05:00"),
    ],
)
def test_times_are_shown_in_utc(at_ns: int, text: str) -> None:
    """Nanoseconds are shown as UTC, whole seconds, never rounded up."""
    assert iso(at_ns) == text
