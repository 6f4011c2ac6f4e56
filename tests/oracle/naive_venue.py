"""The simulated venue a second time, slow and plain, written from docs/fill-rules.md and nothing else.

Orders are dictionaries in a list, oldest first; all numbers are exact fractions, rounded by hand. Every
rule stands beside the sentence of the page that it follows. What the page leaves to chance (jitter and
random rejects) is left out.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import Market, MarketStatus, OrderType, PositionSide, Side, TimeInForce
from agentic_trading.core.events import AmendOrder, CancelOrder, SubmitOrder
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.orders import OrderTerms, attached_stop, attached_target, stop_id_of, target_id_of
from oracle.naive_refusals import (
    LIMITED,
    STOPS,
    TAKE_PROFITS,
    WITH_TRIGGER,
    bad_amend,
    closes_a_leg,
    down,
    exact,
    refusal,
    up,
)

Order = dict[str, Any]
Report = dict[str, Any]
EIGHT_DECIMALS = Fraction(1, 10**8)


class NaiveVenue:
    """One account; commands are sent, candles pass, reports come back as dictionaries."""

    def __init__(
        self, rules: Mapping[str, Instrument], models: Mapping[str, Any], balances: Mapping[str, Decimal]
    ) -> None:
        self.rules, self.models = rules, models
        self.balances = {asset: exact(amount) for asset, amount in balances.items()}
        self.held: dict[tuple[str, PositionSide], Fraction] = {}
        self.cost: dict[tuple[str, PositionSide], Fraction] = {}
        self.book: dict[str, dict[str, Order]] = {symbol: {} for symbol in rules}
        self.groups_done: list[tuple[str, str]] = []
        self.travelling: list[dict[str, Any]] = []
        self.latest: dict[str, int] = {}
        self.unsaid: list[tuple[int, Report]] = []
        self.commands, self.trades = 0, 0

    # --- commands travel ------------------------------------------------------------------------

    def send(self, command: Any) -> None:
        """Commands travel for their latency and never overtake an earlier one for the same order."""
        symbol = command.terms.symbol if isinstance(command, SubmitOrder) else command.symbol
        model = self.models[symbol]
        own = {AmendOrder: model.amend_latency_ns, CancelOrder: model.cancel_latency_ns}.get(type(command))
        arrival = command.at_ns + (model.latency_ns if own is None else own)
        self.latest[command.order_id] = max(arrival, self.latest.get(command.order_id, arrival))
        self._travel(symbol, self.latest[command.order_id], command)

    def _travel(self, symbol: str, arrival: int, command: Any) -> None:
        self.commands += 1
        self.travelling.append({"key": (arrival, self.commands), "symbol": symbol, "command": command})

    def _arrived(self, until_ns: int) -> list[dict[str, Any]]:
        """What arrives together is carried out in the order of sending."""
        here = [each for each in self.travelling if each["symbol"] == self.symbol]
        return sorted((each for each in here if each["key"][0] < until_ns), key=lambda each: each["key"])

    # --- one candle -----------------------------------------------------------------------------

    def pass_candle(self, candle: Candle) -> list[Report]:
        """Let one candle pass; reports are known at its close, or their latency after they happened."""
        if not candle.filled:  # a flat stand-in for a missing candle executes nothing
            self._trade(candle)
        if self.rules[candle.symbol].delisted_ns == candle.close_ns:
            self._delist(candle)
        said = []
        while self.unsaid and self.unsaid[0][0] <= candle.close_ns:  # reports never overtake each other
            said.append(self.unsaid.pop(0)[1])
        return said

    def _look_at(self, candle: Candle) -> None:
        self.candle, self.symbol = candle, candle.symbol
        self.rule, self.model = self.rules[candle.symbol], self.models[candle.symbol]
        self.tick, self.lot = exact(self.rule.tick), exact(self.rule.lot)
        self.open, self.high, self.low, self.close = (
            exact(price) for price in (candle.open, candle.high, candle.low, candle.close)
        )
        # The room in a candle is volume x participation, rounded down to the lot.
        self.room = down(exact(candle.volume) * exact(self.model.participation), self.lot)
        self.orders = self.book[self.symbol]

    def _trade(self, candle: Candle) -> None:
        self._look_at(candle)
        for order in self.orders.values():
            order["whole"] = True  # what rested at the open may count the whole candle
        self.now, self.step, self.elapsed = candle.open_ns, 1, 0.0
        while due := self._arrived(candle.open_ns + 1):
            self._carry_out(due[0])
        halted = self.rule.status_at(candle.open_ns) is not MarketStatus.TRADING
        if not halted:  # in a candle that opens in a halt nothing executes
            self._each(2, candle.open_ns, self._meets_open)
        self.step = 3
        while due := self._arrived(candle.close_ns):
            self.now = due[0]["key"][0]
            self.elapsed = (self.now - candle.open_ns) / (candle.close_ns - candle.open_ns)
            self._carry_out(due[0])
        self.elapsed = 0.0
        steps = [(4, self._touches_stop), (5, self._trades_through)]
        for step, look in [] if halted else steps[::-1] if self.model.optimistic else steps:
            self._each(step, candle.close_ns, look)
        if not halted:
            self._each(6, candle.close_ns, self._touches_young_stop)
        for order in self.orders.values():
            order["born"] = ""

    def _delist(self, candle: Candle) -> None:
        """A perpetual's position is closed at its last mark without fee, and all orders are cancelled."""
        self._look_at(candle)
        self.now = candle.close_ns
        for (symbol, leg), held in list(self.held.items()):
            if symbol == candle.symbol and held:
                self._move(leg, -held, self.close)
                self._say({"type": "Liquidated", "symbol": symbol, "quantity": held, "price": self.close}
                          | {"fee": 0, "mark": self.close, "reason": "delisted"})  # fmt: skip
        for order in list(self.orders.values()):
            self._cancel(order, "delisted")

    def _touches_young_stop(self, order: Order) -> None:
        if order["born"] == "close":
            self._touches_stop(order)

    def _each(self, step: int, at_ns: int, look: Any) -> None:
        """Oldest first; what is added, cancelled or triggered in a step is not looked at again in it."""
        self.step, self.now = step, at_ns
        for order in list(self.orders.values()):
            if order["id"] in self.orders:
                look(order)

    def _meets_open(self, order: Order) -> None:
        fresh, order["fresh"] = order["fresh"], False
        if order["state"] == "waiting":
            if order["level"] is not None and self._reached(order, self.open, self.open):
                self._trigger(order, self.open)
            else:
                self._sees(order, self.open)
        elif order["state"] == "market" or fresh:
            self._execute(order, self.open, taker=True)
        elif (order["price"] - self.open) * order["sign"] > 0:
            self._execute(order, self.open, taker=False)

    def _reached(self, order: Order, low: Fraction, high: Fraction) -> bool:
        upward = (order["sign"] > 0) == (order["type"] in STOPS)
        return bool(high >= order["level"] if upward else low <= order["level"])

    def _touches_stop(self, order: Order) -> None:
        """A level that is reached shows the level, or the open if that is worse."""
        if order["state"] != "waiting" or order["type"] not in STOPS:
            return
        sign = order["sign"]
        if order["level"] is not None and self._reached(order, self.low, self.high):
            self._trigger(order, max(order["level"] * sign, self.open * sign) * sign)
        elif order["type"] is OrderType.TRAILING_STOP:
            best = self.low if sign > 0 else self.high
            self._sees(order, best if order["whole"] else self.close)
            if order["level"] is not None and self._reached(order, self.close, self.close):
                self._trigger(order, order["level"] if self.model.optimistic else self.close)

    def _sees(self, order: Order, price: Fraction) -> None:
        """A trailing stop keeps the best price seen since its activation; its level never loosens."""
        if order["type"] is not OrderType.TRAILING_STOP:
            return
        sign, start = order["sign"], order["activation"]
        if order["best"] is None and start is not None and (start - price) * sign < 0:
            return
        better = order["best"] is None or (price - order["best"]) * sign < 0
        order["best"] = price if better else order["best"]
        gap = order["amount"] if order["ratio"] is None else order["best"] * order["ratio"]
        order["level"] = (
            up(order["best"] + gap, self.tick) if sign > 0 else down(order["best"] - gap, self.tick)
        )

    def _trades_through(self, order: Order) -> None:
        """Limits the candle trades through; what came after the open trusts only the close."""
        sign = order["sign"]
        if order["born"] == "close":
            return
        if order["state"] == "limit":
            far = self.close if not order["whole"] else self.low if sign > 0 else self.high
            beyond = (order["price"] - far) * sign
            if beyond > 0 or (self.model.touch_fills and beyond == 0):
                self._execute(order, order["price"], taker=False)
        elif order["state"] == "waiting" and order["type"] in TAKE_PROFITS:
            low, high = (self.low, self.high) if order["whole"] else (self.close, self.close)
            if self._reached(order, low, high):
                self._trigger(order, order["level"])
                if order["id"] in self.orders and order["state"] == "limit":
                    self._trades_through(order)  # the close lies after its trigger

    # --- executing ------------------------------------------------------------------------------

    def _trigger(self, order: Order, shown: Fraction) -> None:
        order["state"] = "limit" if order["type"] in LIMITED else "market"
        order["whole"], order["triggered"] = self.step == 2, True
        entry, role = order["place"]
        if role == "stop":
            for other in [entry, *entry["targets"].values()]:
                self._cancel(other, "stopped_out")
        self._excludes(order)
        self._execute(order, shown, taker=True)

    def _excludes(self, order: Order) -> None:
        group = order["terms"].oco_group
        if group is not None:
            self.groups_done.append((self.symbol, group))
            for other in list(self.orders.values()):
                if other is not order and other["terms"].oco_group == group:
                    self._cancel(other, "oco")

    def _execute(self, order: Order, shown: Fraction, taker: bool) -> None:
        """The least of what is left, the room, and what may be reduced or is held."""
        bounds = self.bounds(order["terms"])
        if order["terms"].close_position and not order["quantity"]:
            order["quantity"] = min((held for held, _ in bounds), default=Fraction(0))
            if not order["quantity"]:
                return self._cancel(order, "reduce_only")
            self._tell_amended(order)
        left = min(order["quantity"], order["most"]) - order["filled"]
        may = min([left, self.room, *(held for held, _ in bounds)])
        price = self._after_costs(order, shown, may) if taker else shown
        if order["state"] == "limit" and taker and (price - order["price"]) * order["sign"] > 0:
            may, bounds = Fraction(0), []  # a limit takes only if the price after costs is within it
        if order["terms"].time_in_force is TimeInForce.FOK and may < left:
            return self._cancel(order, "fill_or_kill")
        if may > 0 and not self._fill(order, may, price, shown, taker):
            return self._cancel(order, "insufficient_balance")
        if order["filled"] == order["quantity"]:
            return self._gone(order)
        if order["filled"] == order["most"]:
            return self._cancel(order, "position_was_smaller")
        for held, reason in bounds:
            if held - may < self.lot:
                return self._cancel(order, reason)
        if order["terms"].time_in_force is TimeInForce.IOC:
            self._cancel(order, "immediate_or_cancel")

    def bounds(self, terms: OrderTerms) -> list[tuple[Fraction, str]]:
        """What a reducing order or a sale of spot holdings may execute at most, down to the lot."""
        found = []
        against = max(Fraction(0), self._position(terms.position_side) * -terms.side.sign)
        if terms.reduce_only or terms.close_position or closes_a_leg(terms):
            found.append((down(against, self.lot), "reduce_only"))
        if self.rule.market is Market.SPOT and terms.side is Side.SELL:
            held = self.balances.get(self.rule.base, Fraction(0))
            found.append((down(held, self.lot), "insufficient_holdings"))
        return found

    def _position(self, leg: PositionSide) -> Fraction:
        if self.rule.market is Market.SPOT:
            return self.balances.get(self.rule.base, Fraction(0))
        return self.held.get((self.symbol, leg), Fraction(0))

    def _after_costs(self, order: Order, shown: Fraction, quantity: Fraction) -> Fraction:
        """The price shown, moved against us, on the tick, never outside the candle."""
        costs, span = self.model.costs, self.high - self.low
        moved = shown * exact(costs.fixed_bps) / 10_000 + exact(costs.volatility_factor) * span
        if costs.impact_factor and quantity > 0:
            share = exact(math.sqrt(float(quantity) / self.candle.volume))
            moved += exact(costs.impact_factor) * Fraction("0.6005612") * span * share
        if costs.latency:
            moved += span * exact(math.sqrt(self.elapsed))
        # Mirrored, a sale is a purchase: up is against us, and the far end of the candle is its low.
        sign = order["sign"]
        price, far, near = up(shown * sign + moved, self.tick), self.high, self.low
        if sign < 0:
            far, near = -self.low, -self.high
        if price <= far:
            return price * sign
        last = down(far, self.tick)
        return (last if last >= max(near, shown * sign) else max(far, shown * sign)) * sign

    def _fill(self, order: Order, quantity: Fraction, price: Fraction, shown: Fraction, taker: bool) -> bool:
        quote, base = self.rule.quote, self.rule.base
        fee, asset = self._fee(quantity * price, taker)
        signed = quantity * order["sign"]
        if self.rule.market is Market.SPOT:
            due = signed * price + (fee if asset == quote else 0)
            if order["sign"] > 0 and due > self.balances.get(quote, 0):
                return False
            self.balances[quote] = self.balances.get(quote, Fraction(0)) - signed * price
            self.balances[base] = self.balances.get(base, Fraction(0)) + signed
        else:
            self._move(order["leg"], signed, price)
        self.balances[asset] = self.balances.get(asset, Fraction(0)) - fee
        self.room -= quantity
        order["filled"] += quantity
        self.trades += 1
        self._tell(
            "Fill", order, trade_id=f"trade-{self.trades}", strategy=order["terms"].strategy,
            symbol=self.symbol, side=order["terms"].side, quantity=quantity, price=price, fee=fee,
            fee_asset=asset, liquidity="taker" if taker else "maker", reference_price=shown,
        )  # fmt: skip
        self._grow(order, quantity)
        self._excludes(order)
        return True

    def _fee(self, notional: Fraction, taker: bool) -> tuple[Fraction, str]:
        """Rounded up to eight decimals; in a third asset while there is enough of it."""
        fee = up(notional * exact(self.model.taker_fee if taker else self.model.maker_fee), EIGHT_DECIMALS)
        other = self.model.fee_asset
        if other is not None:
            less = up(fee * (1 - exact(other.discount_ratio)), EIGHT_DECIMALS)
            amount = up(less / exact(other.price), EIGHT_DECIMALS)
            if amount <= self.balances.get(other.asset, 0):
                return amount, other.asset
        return fee, self.rule.quote

    def _move(self, leg: PositionSide, signed: Fraction, price: Fraction) -> None:
        """Average cost: what is closed pays out its profit, what turns around is opened anew."""
        key = (self.symbol, leg)
        held, cost = self.held.get(key, Fraction(0)), self.cost.get(key, Fraction(0))
        closed = -max(-abs(held), min(abs(held), signed)) if held * signed < 0 else Fraction(0)
        share = round(cost * closed / held / EIGHT_DECIMALS) * EIGHT_DECIMALS if held else Fraction(0)
        self.balances[self.rule.quote] += closed * price - share
        self.held[key] = held + signed
        self.cost[key] = cost - share + (signed + closed) * price

    # --- what belongs together ------------------------------------------------------------------

    def _grow(self, order: Order, quantity: Fraction) -> None:
        """With each fill of an entry its stop grows, then its targets; a target's fill lowers the stop."""
        self._grow_stop(order, quantity)
        self._grow_targets(order)
        entry, role = order["place"]
        if role == "target":
            stop = entry["stop"]
            if stop is not None and stop["id"] in self.orders:
                stop["quantity"] -= quantity
                if stop["quantity"] > stop["filled"]:
                    self._tell_amended(stop)
                else:
                    self._cancel(stop, "target_reached")
            self._cancel(entry, "target_reached")

    def _grow_stop(self, entry: Order, quantity: Fraction) -> None:
        if entry["terms"].protective_stop is None:
            return
        if entry["stop"] is None or entry["stop"]["id"] not in self.orders:
            terms = attached_stop(entry["terms"])
            entry["stop"] = self._add(stop_id_of(entry["id"]), terms, (entry, "stop"))
        entry["stop"]["quantity"] += quantity

    def _grow_targets(self, entry: Order) -> None:
        """With F filled, target i is raised to F x share, down to the lot, as far as F is not spread."""
        targets, made, spread = entry["terms"].targets, entry["targets"], entry["spread"]
        whole = sum(exact(target.share_ratio) for target in targets) == 1
        for number, target in enumerate(targets, start=1):
            want = down(entry["filled"] * exact(target.share_ratio), self.lot) - spread.get(number, 0)
            if number == len(targets) and whole:
                want = entry["filled"]  # the last one takes all that is left
            more = min(want, entry["filled"] - sum(spread.values()))
            if more > 0:
                if number not in made:
                    terms = attached_target(entry["terms"], target)
                    made[number] = self._add(target_id_of(entry["id"], number), terms, (entry, "target"))
                spread[number] = spread.get(number, 0) + more
                made[number]["quantity"] += more
                self._tell_amended(made[number])

    def _add(self, order_id: str, terms: OrderTerms, place: Any = None) -> Order:
        waits = terms.type in WITH_TRIGGER or terms.type is OrderType.TRAILING_STOP
        order: Order = {
            "id": order_id, "terms": terms, "type": terms.type, "sign": terms.side.sign, "leg": terms.position_side,
            "quantity": exact(terms.quantity), "filled": Fraction(0), "most": math.inf,
            "price": exact(terms.price), "level": exact(terms.stop_price), "best": None,
            "activation": exact(terms.activation_price), "ratio": exact(terms.trail_ratio),
            "amount": exact(terms.trail_amount), "triggered": False,
            "state": "waiting" if waits else "limit" if terms.type is OrderType.LIMIT else "market",
            # An attached order born at the close meets the next open as an arrival.
            "fresh": place is None or self.step > 3, "whole": self.step < 3,
            "place": place or (None, ""), "stop": None, "targets": {}, "spread": {},
            "born": "close" if place and self.step > 3 else "",
        }  # fmt: skip
        self.orders[order_id] = order
        self._tell("OrderAccepted", order)
        return order

    # --- commands are carried out ---------------------------------------------------------------

    def _carry_out(self, due: dict[str, Any]) -> None:
        self.travelling.remove(due)
        command = due["command"]
        if isinstance(command, SubmitOrder):
            return self._submit(command.order_id, command.terms)
        order = self.orders.get(command.order_id)
        if isinstance(command, AmendOrder):
            return self._amend(command, order)
        if order is not None:
            self._cancel(order, command.reason)

    def _submit(self, order_id: str, terms: OrderTerms) -> None:
        old = None if terms.replaces is None else self.orders.get(terms.replaces)
        reason = refusal(self, terms, old)
        if reason:
            return self._say({"type": "OrderRejected", "order_id": order_id, "reason": reason})
        if old is not None:
            self._cancel(old, "replaced")
        order = self._add(order_id, terms)
        if old is not None:  # it may fill what was left of the old one, and takes its place
            order["most"] = min(old["quantity"], old["most"]) - old["filled"]
            self._replace(old, order)
        if terms.expires_ns is not None:
            self._travel(self.symbol, terms.expires_ns, CancelOrder(order_id, 0, self.symbol, "expired"))
        if self.step == 3:
            self._takes_at_arrival(order)

    def _replace(self, old: Order, order: Order) -> None:
        entry, role = order["place"] = old["place"]
        if role == "stop":
            entry["stop"] = order
        elif role == "target":
            made = entry["targets"]
            entry["targets"] = {number: order if made[number] is old else made[number] for number in made}

    def _takes_at_arrival(self, order: Order) -> None:
        order["fresh"] = order["whole"] = False
        if order["state"] == "waiting":
            self._sees(order, self.open)
        else:
            self._execute(order, self.open, taker=True)

    def _amend(self, command: AmendOrder, order: Order | None) -> None:
        reason = bad_amend(self, command, order)
        if reason or order is None:
            rejected = {"type": "AmendRejected", "order_id": command.order_id, "reason": reason}
            return self._say(rejected)
        quantity = order["quantity"] if command.quantity is None else exact(command.quantity)
        price = order["price"] if command.price is None else exact(command.price)
        level = order["level"] if command.stop_price is None else exact(command.stop_price)
        repriced = (price, level) != (order["price"], order["level"])
        behind = repriced or quantity > order["quantity"]
        order |= {"quantity": quantity, "price": price, "level": level}
        self._tell_amended(order)
        if quantity <= order["filled"]:
            return self._cancel(order, "amended_below_filled")
        if behind:
            self.orders[order["id"]] = self.orders.pop(order["id"])
        if repriced:
            order["fresh"] = True
            if self.step == 3:
                self._takes_at_arrival(order)

    # --- reports and funding --------------------------------------------------------------------

    def _cancel(self, order: Order, reason: str) -> None:
        if order["id"] in self.orders:
            self._gone(order)
            self._tell("OrderCanceled", order, reason=reason)

    def _gone(self, order: Order) -> None:
        self.orders.pop(order["id"], None)

    def _tell_amended(self, order: Order) -> None:
        terms = {"quantity": order["quantity"], "price": order["price"], "stop_price": order["level"]}
        self._tell("OrderAmended", order, **terms)

    def _tell(self, kind: str, order: Order, **fields: Any) -> None:
        self._say({"type": kind, "order_id": order["id"]} | fields)

    def _say(self, report: Report) -> None:
        known = max(self.candle.close_ns, self.now + self.model.report_latency_ns)
        self.unsaid.append((known, report | {"at_ns": self.now}))

    def fund(self, symbol: str, rate: float, mark: float) -> Fraction | None:
        """Payment = -quantity x mark x rate on the net position, rounded against us."""
        net = sum((held for (of, _), held in self.held.items() if of == symbol), Fraction(0))
        if not net:
            return None
        payment = down(-net * exact(mark) * exact(rate), EIGHT_DECIMALS)
        self.balances[self.rules[symbol].quote] += payment
        return payment
