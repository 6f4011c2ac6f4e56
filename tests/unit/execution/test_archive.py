"""Ended orders are packed, and nobody can tell."""

from decimal import Decimal

import pytest

from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.core.events import Event, Fill, OrderAccepted, OrderCanceled, OrderIntent, OrderTerms
from agentic_trading.core.money import exact
from agentic_trading.execution.archive import Orders
from agentic_trading.execution.order import Order, OrderProtocolError
from agentic_trading.execution.order_manager import OrderManager
from random_runs import random_case

D = Decimal
TERMS = OrderTerms("a", "BTC/USDT", Side.BUY, D(2))


def shown(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in Order.__struct_fields__}


def everything(orders: OrderManager) -> list[dict[str, object]]:
    return [shown(order) for order in orders.all.history]


def packing(room: int = 1) -> OrderManager:
    orders = OrderManager()
    orders.all = Orders(room)
    return orders


def placed(order_id: str) -> list[Event]:
    return [OrderIntent(order_id, 5, TERMS, "proposal-1", "signal-1", "entry"), OrderAccepted(order_id, 6)]


def executed(order_id: str, trade_id: str) -> Fill:
    return Fill(trade_id, order_id, "a", "BTC/USDT", Side.BUY, D(2), D("10.50"), D(0), "USDT",
                Liquidity.TAKER, D(10), 9)  # fmt: skip


def ended(orders: OrderManager, *names: str) -> None:
    """Orders that were placed and cancelled."""
    with exact():
        for name in names:
            for event in (*placed(name), OrderCanceled(name, 7, "asked")):
                orders.react(event)


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_packing_changes_nothing(seed: int) -> None:
    """A session that packs after every event answers as one that never does, and knows the same orders."""
    case = random_case(seed)
    with case.loaded() as (inputs, settings):
        events = case.run(inputs, settings, "auto").events
    plain, packed = OrderManager(), packing()
    with exact():
        for event in events:
            if type(event) in plain.reactions:
                assert list(packed.react(event)) == list(plain.react(event))
                packed.all.pack()
    assert everything(packed) == everything(plain)
    assert len(packed.all) < len(plain.all)


def test_a_late_fill_finds_its_packed_order() -> None:
    """A fill that is reported long after the end of its order is booked on it, as if it were not packed."""
    orders = packing()
    ended(orders, "1", "2", "3")
    orders.all.pack()
    assert not len(orders.all)
    with exact():
        orders.react(executed("2", "t1"))
    assert [(each["order_id"], each["filled"]) for each in everything(orders)] == [
        ("1", D(0)), ("2", D(2)), ("3", D(0)),
    ]  # fmt: skip


def test_an_id_is_never_used_twice() -> None:
    """An order may not take the id of one that is packed; one that never was is not found."""
    orders = packing()
    ended(orders, "1", "2")
    orders.all.pack()
    with pytest.raises(OrderProtocolError, match="used before"):
        orders.react(placed("1")[0])
    orders.all.pack()
    with pytest.raises(KeyError):
        orders.react(OrderAccepted("9", 9))


def test_what_is_open_stays() -> None:
    """Orders are packed up to the first open one, so that their order is that of creation; few are not."""
    orders = packing(3)
    with exact():
        for event in placed("1"):
            orders.react(event)
    ended(orders, "2", "3")
    orders.all.pack()
    assert list(orders.all) == ["1", "2", "3"]
    with exact():
        orders.react(executed("1", "t1"))
    orders.all.pack()
    assert list(orders.all) == []
    assert [each["order_id"] for each in everything(orders)] == ["1", "2", "3"]
