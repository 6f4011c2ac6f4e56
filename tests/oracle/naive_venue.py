"""The simulated venue a second time, slow and plain, written from docs/fill-rules.md and nothing else.

Orders are dictionaries, all numbers exact fractions rounded by hand, and every rule stands beside the
sentence of the page that it follows. What the page leaves to chance (jitter, random rejects) is left out.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import Market, MarketStatus, OrderType, TimeInForce
from agentic_trading.core.events import AmendOrder, CancelOrder, SubmitOrder
from agentic_trading.core.models import Candle
from agentic_trading.core.orders import OrderTerms
from oracle.naive_account import ZERO, Order
from oracle.naive_book import Report
from oracle.naive_margin import NaiveMargin
from oracle.naive_refusals import LIMITED, STOPS, TAKE_PROFITS, bad_amend, down, exact, refusal, up


class NaiveVenue(NaiveMargin):
    """One account; commands are sent, candles pass, reports come back as dictionaries."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.travelling: list[dict[str, Any]] = []
        self.commands, self.trades = 0, 0

    # --- commands travel ------------------------------------------------------------------------

    def send(self, command: Any) -> None:
        """Commands travel for their latency and never overtake an earlier one for the same order."""
        symbol = command.terms.symbol if isinstance(command, SubmitOrder) else command.symbol
        model = self.models[symbol]
        own = {AmendOrder: model.amend_latency_ns, CancelOrder: model.cancel_latency_ns}.get(type(command))
        arrival = command.at_ns + (model.latency_ns if own is None else own)
        ahead = [each for each in self.travelling if each["command"].order_id == command.order_id]
        arrivals = [each["key"][0] for each in ahead if getattr(each["command"], "reason", "") != "expired"]
        self._travel(symbol, max([arrival, *arrivals]), command)

    def _travel(self, symbol: str, arrival: int, command: Any) -> None:
        self.commands += 1
        self.travelling.append({"key": (arrival, self.commands), "symbol": symbol, "command": command})

    def _arrived(self, until_ns: int) -> list[dict[str, Any]]:
        """What arrives together is carried out in the order of sending."""
        here = [each for each in self.travelling if each["symbol"] == self.symbol]
        return sorted((each for each in here if each["key"][0] < until_ns), key=lambda each: each["key"])

    # --- one candle -----------------------------------------------------------------------------

    def pass_candles(self, candles: Sequence[Candle], now_ns: int) -> list[Report]:
        """Let the candles of an instant pass; reports are known then, or their latency after it happened."""
        self.passing = {candle.symbol: candle for candle in candles}
        for candle in candles:
            self._look_at(candle)
            if not candle.filled:
                self._trade(candle)
            else:  # a flat stand-in for a missing candle executes nothing; only the mark moves
                self._may_liquidate()
        self.last_marks |= {candle.symbol: exact(self._over(candle).close) for candle in candles}
        for symbol, rule in self.rules.items():
            if rule.delisted_ns is not None and rule.delisted_ns <= now_ns:
                self._delist(symbol, rule.delisted_ns)
        said = []
        while self.unsaid and self.unsaid[0][0] <= now_ns:  # reports never overtake each other
            said.append(self.unsaid.pop(0)[1])
        return said

    def _trade(self, candle: Candle) -> None:
        for order in self.orders.values():
            order["fresh"] = order["fresh"] in (True, candle.open_ns)
            order["whole"] = True  # what rested at the open may count the whole candle
        halted = self.halted = self.rule.status_at(candle.open_ns) is not MarketStatus.TRADING
        if not halted:
            self._liquidate(self._failing(exact(self._over(candle).open)))
        self.now, self.step, self.elapsed = candle.open_ns, 1, 0.0
        while due := self._arrived(candle.open_ns + 1):
            self._carry_out(due[0])
        if not halted:  # in a candle that opens in a halt nothing executes
            self._each(2, candle.open_ns, self._meets_open)
        self.step = 3
        while due := self._arrived(candle.close_ns):
            self.now = due[0]["key"][0]
            self.elapsed = (self.now - candle.open_ns) / (candle.close_ns - candle.open_ns)
            self._carry_out(due[0])
        self.elapsed = 0.0
        self.step = 4
        if self.model.optimistic and not halted:
            self._each(5, candle.close_ns, self._trades_through)
        self._may_liquidate()
        if not halted:
            self._each(4, candle.close_ns, self._touches_stop)
            if not self.model.optimistic:
                self._each(5, candle.close_ns, self._trades_through)
            self._may_liquidate()
            self._each(6, candle.close_ns, self._touches_young_stop)
        for order in self.orders.values():
            order["born"] = ""
            order["fresh"] = False if halted else order["fresh"]  # what arrived in a halt rests

    def _delist(self, symbol: str, end_ns: int) -> None:
        """A perpetual's position is closed at its last mark without fee, and all orders are cancelled."""
        self.now = end_ns
        if self.legs(symbol):
            mark = self.last_marks[symbol]
            self._close_all(symbol, mark, ZERO, mark, "delisted")
        for order in list(self.book[symbol].values()):
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
                self._trigger(order, max(self.low, min(order["level"], self.high)))
                if order["id"] in self.orders and order["state"] == "limit":
                    self._trades_through(order)  # the close lies after its trigger

    # --- executing ------------------------------------------------------------------------------

    def _trigger(self, order: Order, shown: Fraction) -> None:
        order["state"] = "limit" if order["type"] in LIMITED else "market"
        order["whole"], order["triggered"] = self.step == 2, True
        self._excludes(order)
        self._execute(order, shown, taker=True)

    def _execute(self, order: Order, shown: Fraction, taker: bool) -> None:
        """What is filled leaves, and what may not stay is cancelled."""
        reason = self._outcome(order, shown, taker)
        if order["filled"] and order["filled"] == order["quantity"]:
            self._gone(order)
        elif reason:
            self._cancel(order, reason)

    def _outcome(self, order: Order, shown: Fraction, taker: bool) -> str:
        """Execute the least of what is left, the room, and what may be reduced or is held."""
        lasting, bounds = order["terms"].time_in_force, self.bounds(order["terms"])
        if order["terms"].close_position and not order["quantity"]:
            order["quantity"] = min(held for held, _ in bounds)
            if not order["quantity"]:
                return "reduce_only"
            self._tell_amended(order)
        left = order["quantity"] - order["filled"]
        may = min([left, self.room, *(held for held, _ in bounds)])
        price = self._after_costs(order, shown, may) if taker else shown
        if order["state"] == "limit" and taker and (price - order["price"]) * order["sign"] > 0:
            may, bounds = ZERO, []  # a limit takes only if the price after costs is within it
        if lasting is TimeInForce.FOK and may < left:
            return "fill_or_kill"
        if may > 0 and not self._fill(order, may, price, shown, taker):
            return "insufficient_balance" if self.rule.market is Market.SPOT else "insufficient_margin"
        for held, reason in bounds:
            if held - may < self.lot:
                return reason
        return "immediate_or_cancel" if lasting is TimeInForce.IOC else ""

    def _fill(self, order: Order, quantity: Fraction, price: Fraction, shown: Fraction, taker: bool) -> bool:
        """Book and report a fill and what follows from it; False if it cannot be paid."""
        fee, asset = self._fee(quantity * price, taker)
        if self.lacks_margin(order["terms"], quantity, price):
            return False
        if not self._pay(order, quantity, price, fee, asset):
            return False
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

    # --- commands are carried out ---------------------------------------------------------------

    def _carry_out(self, due: dict[str, Any]) -> None:
        self.travelling.remove(due)
        command = due["command"]
        order = self.orders.get(command.order_id)
        if isinstance(command, SubmitOrder):
            self._submit(command.order_id, command.terms)
        elif isinstance(command, AmendOrder):
            self._amend(command, order)
        elif order is not None:
            self._cancel(order, command.reason)

    def _submit(self, order_id: str, terms: OrderTerms) -> None:
        old = None if terms.replaces is None else self.orders.get(terms.replaces)
        reason = refusal(self, terms, old)
        if reason:
            self._say({"type": "OrderRejected", "order_id": order_id, "reason": reason})
            return
        if old is not None:
            self._cancel(old, "replaced")
        order = self._add(order_id, terms)
        if old is not None:
            order |= {"entry": old["entry"], "role": old["role"]}
            left = old["quantity"] - old["filled"]
            if 0 < left < order["quantity"]:  # it may fill what was left of the old one
                order["quantity"] = left
                self._tell_amended(order)
        if terms.expires_ns is not None:
            self._travel(self.symbol, terms.expires_ns, CancelOrder(order_id, 0, self.symbol, "expired"))
        if self.step == 3:
            self._takes_at_arrival(order)

    def _takes_at_arrival(self, order: Order) -> None:
        order["fresh"] = order["whole"] = False
        if order["state"] == "waiting":
            self._sees(order, self.open)
        else:
            self._execute(order, self.open, taker=True)

    def _amend(self, command: AmendOrder, order: Order | None) -> None:
        reason = bad_amend(self, command, order)
        if reason or order is None:
            self._say({"type": "AmendRejected", "order_id": command.order_id, "reason": reason})
            return
        quantity = order["quantity"] if command.quantity is None else exact(command.quantity)
        price = order["price"] if command.price is None else exact(command.price)
        level = order["level"] if command.stop_price is None else exact(command.stop_price)
        repriced = (price, level) != (order["price"], order["level"])
        behind = repriced or quantity > order["quantity"]
        order |= {"quantity": quantity, "price": price, "level": level}
        self._tell_amended(order)
        if quantity <= order["filled"]:
            self._cancel(order, "amended_below_filled")
            return
        if behind:
            self.orders[order["id"]] = self.orders.pop(order["id"])
        order["fresh"] = order["fresh"] or repriced
        if repriced and self.step == 3 and not self.halted:
            self._takes_at_arrival(order)
