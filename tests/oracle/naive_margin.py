"""The naive venue's margin: what may be opened, and when and how a perpetual is liquidated.

From "Margin and liquidation" of docs/fill-rules.md and from docs/margin.md; one perpetual, one-way.
"""

from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import Market, MarketStatus, PositionSide
from agentic_trading.core.orders import OrderTerms
from oracle.naive_account import EIGHT_DECIMALS, Order
from oracle.naive_book import NaiveBook
from oracle.naive_refusals import STOPS, closes_a_leg, down, exact, up

NET = PositionSide.NET
STAND_IN = ((Fraction(0), None, Fraction(1, 20), Fraction(0), Fraction(10)),)


class NaiveMargin(NaiveBook):
    """Isolated margins by symbol, and the close of the last mark candle."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.marks: dict[str, Fraction] = {}

    # --- opening --------------------------------------------------------------------------------

    def _opens(self, terms: OrderTerms, quantity: Fraction) -> Fraction:
        """An order opens what goes beyond the position against it."""
        if (
            self.rule.market is Market.SPOT
            or terms.reduce_only
            or terms.close_position
            or closes_a_leg(terms)
        ):
            return Fraction(0)
        return max(
            Fraction(0), quantity - max(Fraction(0), -self._position(terms.position_side) * terms.side.sign)
        )

    def lacks_margin(self, terms: OrderTerms, quantity: Fraction, price: Fraction) -> bool:
        """`order_cost` of what is opened must not exceed what is free."""
        opened, sign, leverage = self._opens(terms, quantity), terms.side.sign, exact(self.model.leverage)
        if not opened or self.model.hedged:
            return False
        mark, fee = self.marks.get(self.symbol, price), exact(self.model.taker_fee)
        loss = max(Fraction(0), (price - mark) * sign)
        cost = price / leverage + loss + price * fee + price * (1 - sign / leverage) * fee
        return up(opened * cost, EIGHT_DECIMALS) > self._free(sign, price)

    def _free(self, sign: int, price: Fraction) -> Fraction:
        wallet, key = self.balances[self.rule.quote], (self.symbol, NET)
        held, cost = self.held.get(key, Fraction(0)), self.cost.get(key, Fraction(0))
        if held * sign < 0:  # turned around: counts as closed at the price the order is valued at
            return wallet + held * price - cost
        if self.model.isolated:
            return wallet - self.margins.get(self.symbol, Fraction(0))
        mark = self.marks.get(self.symbol, cost / held if held else Fraction(0))
        initial = up(abs(held) * mark / exact(self.model.leverage), EIGHT_DECIMALS)
        return wallet + held * mark - cost - initial

    def beyond_limit(self, terms: OrderTerms, quantity: Fraction, price: Fraction) -> bool:
        """Notional held in its direction plus what it opens, against the table at the leverage."""
        opened = self._opens(terms, quantity)
        caps = [cap for _, cap, _, _, most in self._tiers() if most >= exact(self.model.leverage)]
        held = max(Fraction(0), self._position(terms.position_side) * terms.side.sign)
        if not opened or None in caps:
            return False
        mark = self.marks.get(self.symbol, price)
        return opened * price + held * mark > max(caps, default=Fraction(0))

    def _tiers(self) -> Any:
        found = [
            tuple(
                exact(each)
                for each in (tier.floor, tier.cap, tier.maintenance_ratio, tier.deduction, tier.max_leverage)
            )
            for tier in self.rule.tiers
        ]
        return found or STAND_IN

    def _move(self, leg: PositionSide, signed: Fraction, price: Fraction) -> None:
        """The isolated margin: what is opened adds its initial margin, what is closed releases its share."""
        held = self.held.get((self.symbol, leg), Fraction(0))
        margin = self.margins.get(self.symbol, Fraction(0))
        closed = min(abs(held), abs(signed)) if held * signed < 0 else Fraction(0)
        if closed:
            margin -= round(margin * closed / abs(held) / EIGHT_DECIMALS) * EIGHT_DECIMALS
        margin += up((abs(signed) - closed) * price / exact(self.model.leverage), EIGHT_DECIMALS)
        self.margins[self.symbol] = margin if held + signed else Fraction(0)
        super()._move(leg, signed, price)

    # --- liquidation ----------------------------------------------------------------------------

    def _left(self, mark: Fraction) -> Fraction:
        """Collateral + unrealised profit - maintenance margin, at a mark."""
        held, cost = self.held[self.symbol, NET], self.cost[self.symbol, NET]
        notional = abs(held) * mark
        steps = [step for step in self._tiers() if step[0] <= notional]
        _, _, ratio, deduction, _ = steps[-1]
        return self._collateral() + held * mark - cost - (notional * ratio - deduction)

    def _collateral(self) -> Fraction:
        return self.margins[self.symbol] if self.model.isolated else self.balances[self.rule.quote]

    def _fails(self, mark: Fraction) -> bool:
        return bool(self.held.get((self.symbol, NET))) and self._left(mark) <= 0

    def _worst(self) -> Fraction:
        return self.low if self.held.get((self.symbol, NET), 0) > 0 else self.high

    def _may_liquidate(self) -> None:
        """Stops at which the group survives are triggered first; then it is tested again."""
        self.now = self.candle.close_ns
        if self._fails(self._worst()):
            trading = self.rule.status_at(self.candle.open_ns) is MarketStatus.TRADING
            for order in list(self.orders.values()) if trading and not self.candle.filled else ():
                shown = self._touched(order) if order["id"] in self.orders else None
                if shown is not None and not self._fails(shown):
                    self._trigger(order, shown)
        if self._fails(self._worst()):
            self._liquidate(self._worst())

    def _touched(self, order: Order) -> Fraction | None:
        if order["state"] != "waiting" or order["type"] not in STOPS or order["level"] is None:
            return None
        sign = order["sign"]
        reached = self.high >= order["level"] if sign > 0 else self.low <= order["level"]
        return max(order["level"] * sign, self.open * sign) * sign if reached else None

    def _liquidate(self, mark: Fraction) -> None:
        """Closed at the bankruptcy price of its collateral; then all orders on the symbol are cancelled."""
        self.now = self.candle.close_ns
        held, cost, collateral = self.held[self.symbol, NET], self.cost[self.symbol, NET], self._collateral()
        point = (cost - collateral) / held
        price = up(point, self.tick) if held > 0 else down(point, self.tick)
        price = price if point > 0 else mark
        rest, bybit = collateral + held * price - cost, self.rule.venue == "bybit"
        ratio = exact(self.rule.liquidation_fee_ratio) or (Fraction(0) if bybit else Fraction(1, 80))
        fee = min(up(abs(held) * price * ratio, EIGHT_DECIMALS), max(rest, Fraction(0)))
        taken = rest if bybit or rest < 0 else fee
        self._move(NET, -held, price)
        self.balances[self.rule.quote] -= taken
        self._say_closed(held, price, taken, mark, "liquidated")

    def _say_closed(
        self, held: Fraction, price: Fraction, fee: Fraction, mark: Fraction, reason: str
    ) -> None:
        said = {"type": "Liquidated", "symbol": self.symbol, "quantity": held, "price": price, "fee": fee}
        self._say(said | {"mark": mark, "reason": reason})
        for order in list(self.orders.values()) if reason == "liquidated" else ():
            self._cancel(order, "liquidated")
