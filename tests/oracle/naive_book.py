"""The naive venue's orders: a dictionary of dictionaries, oldest first, what binds them, what is told."""

from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import OrderType
from agentic_trading.core.orders import OrderTerms, attached_stop, attached_target, stop_id_of, target_id_of
from oracle.naive_account import ZERO, NaiveAccount, Order
from oracle.naive_refusals import WITH_TRIGGER, down, exact

Report = dict[str, Any]


class NaiveBook(NaiveAccount):
    """Orders of each symbol by id; reports that are not yet known wait here."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.groups_done: list[tuple[str, str]] = []
        self.unsaid: list[tuple[int, Report]] = []

    def _add(self, order_id: str, terms: OrderTerms, entry: Any = None, role: str = "") -> Order:
        waits = terms.type in WITH_TRIGGER or terms.type is OrderType.TRAILING_STOP
        order: Order = {
            "id": order_id, "terms": terms, "type": terms.type, "sign": terms.side.sign,
            "leg": terms.position_side,
            "quantity": exact(terms.quantity), "filled": ZERO,
            "price": exact(terms.price), "level": exact(terms.stop_price), "best": None,
            "activation": exact(terms.activation_price), "ratio": exact(terms.trail_ratio),
            "amount": exact(terms.trail_amount), "triggered": False,
            "state": "waiting" if waits else "limit" if terms.type is OrderType.LIMIT else "market",
            # An attached order born at the close meets an open at that very instant as an arrival.
            "fresh": entry is None or (self.step > 3 and self.now), "whole": self.step < 3,
            "entry": entry, "role": role, "spread": {},
            "born": "close" if entry and self.step > 3 else "",
        }  # fmt: skip
        self.orders[order_id] = order
        self._tell("OrderAccepted", order)
        return order

    def _excludes(self, order: Order) -> None:
        """A protective stop ends what is left of its entry and its targets, a member of a group the rest."""
        group, entry = order["terms"].oco_group, order["entry"]
        if group is not None:
            self.groups_done.append((self.symbol, group))
        for other in list(self.orders.values()):
            if other is order:
                continue
            of_entry = other is entry or (other["role"] == "target" and other["entry"] is entry)
            if order["role"] == "stop" and of_entry:
                self._cancel(other, "stopped_out")
            elif group is not None and other["terms"].oco_group == group:
                self._cancel(other, "oco")

    def _members(self, entry: Order | None, role: str) -> list[Order]:
        return [each for each in self.orders.values() if each["role"] == role and each["entry"] is entry]

    def _grow(self, order: Order, quantity: Fraction) -> None:
        """With each fill of an entry its stop grows, then its targets; a target's fill lowers the stop."""
        self._grow_stop(order, quantity)
        self._grow_targets(order)
        if order["role"] == "target":
            self._cancel(order["entry"], "target_reached")
            for stop in self._members(order["entry"], "stop"):
                stop["quantity"] -= quantity
                if stop["quantity"] > stop["filled"]:
                    self._tell_amended(stop)
                else:
                    self._cancel(stop, "target_reached")

    def _grow_stop(self, entry: Order, quantity: Fraction) -> None:
        if entry["terms"].protective_stop is None:
            return
        name = stop_id_of(entry["id"])
        if name not in self.orders:
            self._add(name, attached_stop(entry["terms"]), entry, "stop")
        self.orders[name]["quantity"] += quantity

    def _grow_targets(self, entry: Order) -> None:
        """With F filled, target i is raised to F x share, down to the lot, as far as F is not spread."""
        targets, spread = entry["terms"].targets, entry["spread"]
        whole = sum(exact(target.share_ratio) for target in targets) == 1
        for number, target in enumerate(targets, start=1):
            name = target_id_of(entry["id"], number)
            want = down(entry["filled"] * exact(target.share_ratio), self.lot) - spread.get(name, 0)
            if number == len(targets) and whole:
                want = entry["filled"]  # the last one takes all that is left
            more = min(want, entry["filled"] - sum(spread.values()))
            if more <= 0:
                continue
            if name not in spread:
                self._add(name, attached_target(entry["terms"], target), entry, "target")
            spread[name] = spread.get(name, 0) + more
            if name in self.orders:
                self.orders[name]["quantity"] += more
                self._tell_amended(self.orders[name])

    def _cancel(self, order: Order, reason: str) -> None:
        if self._gone(order):
            self._tell("OrderCanceled", order, reason=reason)

    def _gone(self, order: Order) -> bool:
        return self.book[order["terms"].symbol].pop(order["id"], None) is not None

    def _tell_amended(self, order: Order) -> None:
        terms = {"quantity": order["quantity"], "price": order["price"], "stop_price": order["level"]}
        self._tell("OrderAmended", order, **terms)

    def _tell(self, kind: str, order: Order, **fields: Any) -> None:
        self._say({"type": kind, "order_id": order["id"]} | fields)

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Report | None:
        """Known at once or, while other reports travel, after them."""
        quantity, payment = self.settle(symbol, exact(mark), exact(rate))
        report = {"type": "Funding", "symbol": symbol, "rate": exact(rate), "mark": exact(mark)}
        report |= {"quantity": quantity, "payment": payment}
        self.now = at_ns
        if quantity and self.unsaid:
            self._say(report)
        return report | {"at_ns": at_ns} if quantity and not self.unsaid else None

    def _say(self, report: Report) -> None:
        known = self.now + self.model.report_latency_ns
        self.unsaid.append((known, report | {"at_ns": self.now}))
