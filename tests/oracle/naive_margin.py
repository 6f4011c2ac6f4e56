"""The naive venue's margin: what may be opened, and when and how perpetuals are liquidated.

From "Margin and liquidation" of docs/fill-rules.md and from docs/margin.md.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import Market, MarketStatus, PositionSide
from agentic_trading.core.models import Candle
from agentic_trading.core.orders import OrderTerms
from oracle.naive_account import EIGHT_DECIMALS, ZERO, Order
from oracle.naive_book import NaiveBook
from oracle.naive_refusals import STOPS, closes_a_leg, down, exact, up

STAND_IN = ((ZERO, None, Fraction(1, 20), ZERO, Fraction(10)),)
Marks = dict[str, Fraction]


class NaiveMargin(NaiveBook):
    """Knows the mark candles, and the candles of the instant that is passing."""

    def __init__(self, rules: Any, models: Any, balances: Any, marks: Mapping[str, Sequence[Candle]]) -> None:
        super().__init__(rules, models, balances)
        self.mark_candles = {
            (candle.symbol, candle.open_ns): candle
            for each in marks.values()
            for candle in each
            if not candle.filled
        }
        self.passing: dict[str, Candle] = {}

    def _over(self, candle: Candle) -> Candle:
        """The mark candle of the same time, else the traded one."""
        return self.mark_candles.get((candle.symbol, candle.open_ns), candle)

    # --- opening --------------------------------------------------------------------------------

    def _opens(self, terms: OrderTerms, quantity: Fraction) -> Fraction:
        """An order opens what goes beyond the position against it."""
        reduces = terms.reduce_only or terms.close_position or closes_a_leg(terms)
        if self.rule.market is Market.SPOT or reduces:
            return ZERO
        return max(ZERO, quantity - max(ZERO, -self._position(terms.position_side) * terms.side.sign))

    def lacks_margin(self, terms: OrderTerms, quantity: Fraction, price: Fraction) -> bool:
        """`order_cost` of what is opened must not exceed what is free."""
        opened, sign, leverage = self._opens(terms, quantity), terms.side.sign, exact(self.model.leverage)
        if not opened:
            return False
        mark, fee = self.last_marks.get(self.symbol, price), exact(self.model.taker_fee)
        loss = max(ZERO, (price - mark) * sign)
        cost = price / leverage + loss + price * fee + price * (1 - sign / leverage) * fee
        held = self._position(terms.position_side)
        if held * sign < 0:  # turned around: counts as closed at the price the order is valued at
            profit = held * price - self.cost[self.symbol, terms.position_side]
            return up(opened * cost, EIGHT_DECIMALS) > self.free(self.symbol) + profit
        return up(opened * cost, EIGHT_DECIMALS) > self.free()

    def beyond_limit(self, terms: OrderTerms, quantity: Fraction, price: Fraction) -> bool:
        """Notional held in its direction plus what it opens, against the table at the leverage."""
        opened = self._opens(terms, quantity)
        caps = [cap for _, cap, _, _, most in self._tiers(self.symbol) if most >= exact(self.model.leverage)]
        if not opened or None in caps:
            return False
        held = max(ZERO, self._position(terms.position_side) * terms.side.sign)
        mark = self.last_marks.get(self.symbol, price)
        return opened * price + held * mark > max(caps, default=ZERO)

    def _tiers(self, symbol: str) -> Any:
        names = ("floor", "cap", "maintenance_ratio", "deduction", "max_leverage")
        steps = self.rules[symbol].tiers
        return [tuple(exact(getattr(step, name)) for name in names) for step in steps] or STAND_IN

    def _move(self, symbol: str, leg: PositionSide, signed: Fraction, price: Fraction) -> None:
        """The isolated margin: what is opened adds its initial margin, what is closed releases its share."""
        key = symbol, leg
        held, margin = self.held.get(key, ZERO), self.margins.get(key, ZERO)
        closed = min(abs(held), abs(signed)) if held * signed < 0 else ZERO
        if closed:
            margin -= round(margin * closed / abs(held) / EIGHT_DECIMALS) * EIGHT_DECIMALS
        opened = abs(signed) - closed
        margin += up(opened * price / exact(self.models[symbol].leverage), EIGHT_DECIMALS)
        self.margins[key] = margin if held + signed else ZERO
        super()._move(symbol, leg, signed, price)

    # --- liquidation ----------------------------------------------------------------------------

    def _group(self) -> list[str]:
        """The symbols whose positions share collateral with this one, in their order."""
        return [
            symbol
            for symbol in self.rules
            if self.legs(symbol) and (symbol == self.symbol or not self.model.isolated)
        ]

    def _standing(self, symbol: str, mark: Fraction) -> Fraction:
        """Unrealised profit less maintenance margin at a mark."""
        total = ZERO
        for key in self.legs(symbol):
            notional = abs(self.held[key]) * mark
            _, _, ratio, deduction, _ = [step for step in self._tiers(symbol) if step[0] <= notional][-1]
            total += self.held[key] * mark - self.cost[key] - (notional * ratio - deduction)
        return total

    def _worst(self, symbol: str) -> Fraction:
        """The extreme of its mark at which a symbol stands worse."""
        candle = self.passing.get(symbol)
        if candle is None:
            return self.mark_of(*self.legs(symbol)[0])
        low, high = exact(self._over(candle).low), exact(self._over(candle).high)
        return low if self._standing(symbol, low) <= self._standing(symbol, high) else high

    def _collateral(self) -> Fraction:
        if self.model.isolated:
            return sum((self.margins[key] for key in self.legs(self.symbol)), ZERO)
        return self.balances.get(self.rule.quote, ZERO)

    def _failing(self, own: Fraction | None = None) -> Marks:
        """The marks at which the group is to be liquidated; nothing if it is not."""
        if not self.legs(self.symbol):
            return {}
        marks = {symbol: self._worst(symbol) for symbol in self._group()}
        marks |= {} if own is None else {self.symbol: own}
        left = self._collateral() + sum(self._standing(symbol, mark) for symbol, mark in marks.items())
        return marks if left <= 0 else {}

    def _may_liquidate(self) -> None:
        """Stops at which the group survives are triggered first; then it is tested again."""
        self.now = self.candle.close_ns
        if self._failing():
            trading = self.rule.status_at(self.candle.open_ns) is MarketStatus.TRADING
            for order in list(self.orders.values()) if trading and not self.candle.filled else ():
                shown = self._touched(order) if order["id"] in self.orders else None
                if shown is not None and not self._failing(shown):
                    self._trigger(order, shown)
        self._liquidate(self._failing())

    def _touched(self, order: Order) -> Fraction | None:
        if order["state"] != "waiting" or order["type"] not in STOPS or order["level"] is None:
            return None
        sign = order["sign"]
        reached = self.high >= order["level"] if sign > 0 else self.low <= order["level"]
        return max(order["level"] * sign, self.open * sign) * sign if reached else None

    def _liquidate(self, marks: Marks) -> None:
        """The others of the group at their marks, this one at the bankruptcy price of what is left."""
        if not marks:
            return
        self.now = self.candle.close_ns
        for symbol, mark in marks.items():
            if symbol != self.symbol:
                self._close_all(symbol, mark, ZERO, mark, "liquidated")
        keys, collateral = self.legs(self.symbol), self._collateral()
        held, cost = sum(self.held[key] for key in keys), sum(self.cost[key] for key in keys)
        mark = price = marks[self.symbol]
        if held and (cost - collateral) / held > 0:
            point = (cost - collateral) / held
            price = up(point, self.tick) if held > 0 else down(point, self.tick)
        rest, bybit = collateral + held * price - cost, self.rule.venue == "bybit"
        ratio = exact(self.rule.liquidation_fee_ratio)
        ratio = (ZERO if bybit else Fraction(1, 80)) if ratio is None else ratio
        fee = min(up(abs(held) * price * ratio, EIGHT_DECIMALS), max(rest, ZERO))
        self._close_all(self.symbol, price, rest if bybit or rest < 0 else fee, mark, "liquidated")
        shared = [self.symbol] if self.model.isolated else list(self.rules)
        for symbol in shared:
            perpetual = self.rules[symbol].market is Market.LINEAR
            for order in list(self.book[symbol].values()) if perpetual else ():
                self._cancel(order, "liquidated")

    def _close_all(self, symbol: str, price: Fraction, fee: Fraction, mark: Fraction, reason: str) -> None:
        """Close all legs of a symbol at a price."""
        keys = self.legs(symbol)
        quantity = sum((self.held[key] for key in keys), ZERO)
        for key in keys:
            self._move(*key, -self.held[key], price)
        self.balances[self.rules[symbol].quote] -= fee
        said = {"type": "Liquidated", "symbol": symbol, "quantity": quantity, "price": price, "fee": fee}
        self._say(said | {"mark": mark, "reason": reason})
