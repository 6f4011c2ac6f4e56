"""The naive venue's money: prices after costs, fees, balances and positions, all in exact fractions."""

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from agentic_trading.core.enums import Market, PositionSide, Side
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.orders import OrderTerms
from oracle.naive_refusals import closes_a_leg, down, exact, up

Order = dict[str, Any]
EIGHT_DECIMALS = Fraction(1, 10**8)
ZERO = Fraction(0)


class NaiveAccount:
    """One wallet and the positions of perpetuals; knows the candle that is passing."""

    def __init__(
        self, rules: Mapping[str, Instrument], models: Mapping[str, Any], balances: Mapping[str, Decimal]
    ) -> None:
        self.rules, self.models = rules, models
        self.balances = {asset: exact(amount) for asset, amount in balances.items()}
        self.held: dict[tuple[str, PositionSide], Fraction] = {}
        self.cost: dict[tuple[str, PositionSide], Fraction] = {}
        self.margins: dict[tuple[str, PositionSide], Fraction] = {}
        self.last_marks: dict[str, Fraction] = {}
        self.book: dict[str, dict[str, Order]] = {symbol: {} for symbol in rules}

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

    def bounds(self, terms: OrderTerms) -> list[tuple[Fraction, str]]:
        """What a reducing order or a sale of spot holdings may execute at most, down to the lot."""
        found = []
        against = max(ZERO, self._position(terms.position_side) * -terms.side.sign)
        if terms.reduce_only or terms.close_position or closes_a_leg(terms):
            found.append((down(against, self.lot), "reduce_only"))
        if self.rule.market is Market.SPOT and terms.side is Side.SELL:
            held = self.balances.get(self.rule.base, ZERO)
            found.append((down(held, self.lot), "insufficient_holdings"))
        return found

    def _position(self, leg: PositionSide) -> Fraction:
        if self.rule.market is Market.SPOT:
            return self.balances.get(self.rule.base, ZERO)
        return self.held.get((self.symbol, leg), ZERO)

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

    def _pay(self, order: Order, quantity: Fraction, price: Fraction, fee: Fraction, asset: str) -> bool:
        """Move money and goods; False for a spot purchase that cannot be paid with its fee."""
        quote, base, signed = self.rule.quote, self.rule.base, quantity * order["sign"]
        if self.rule.market is Market.SPOT:
            due = signed * price + (fee if asset == quote else 0)
            if order["sign"] > 0 and due > min(self.balances.get(quote, ZERO), self.free()):
                return False  # only what is free, while perpetuals are held
            self.balances[quote] = self.balances.get(quote, ZERO) - signed * price
            self.balances[base] = self.balances.get(base, ZERO) + signed
        else:
            self._move(self.symbol, order["leg"], signed, price)
        self.balances[asset] = self.balances.get(asset, ZERO) - fee
        return True

    def _fee(self, notional: Fraction, taker: bool) -> tuple[Fraction, str]:
        """Rounded up to eight decimals; in a third asset while there is enough of it."""
        fee = notional * exact(self.model.taker_fee if taker else self.model.maker_fee)
        other = self.model.fee_asset
        if other is not None:
            less = up(fee * (1 - exact(other.discount_ratio)), EIGHT_DECIMALS)
            amount = up(less / exact(other.price), EIGHT_DECIMALS)
            if amount <= self.balances.get(other.asset, 0):
                return amount, other.asset
        return up(fee, EIGHT_DECIMALS), self.rule.quote

    def legs(self, symbol: str) -> list[tuple[str, PositionSide]]:
        """The positions on a perpetual."""
        return [key for key, held in self.held.items() if key[0] == symbol and held]

    def mark_of(self, symbol: str, leg: PositionSide) -> Fraction:
        """The last mark, before the first one the average entry price."""
        return self.last_marks.get(symbol, self.cost[symbol, leg] / self.held[symbol, leg])

    def free(self, without: str = "") -> Fraction:
        """Isolated: the wallet less all margins. Cross: and profit, less the initial margin at the mark."""
        free = self.balances.get(self.rule.quote, ZERO)
        for (symbol, leg), held in self.held.items():
            model = self.models[symbol]
            if not held or symbol == without:
                continue
            if model.isolated:
                free -= self.margins[symbol, leg]
            else:
                mark = self.mark_of(symbol, leg)
                free += held * mark - self.cost[symbol, leg]
                free -= up(abs(held) * mark / exact(model.leverage), EIGHT_DECIMALS)
        return free

    def _move(self, symbol: str, leg: PositionSide, signed: Fraction, price: Fraction) -> None:
        """Average cost: what is closed pays out its profit, what turns around is opened anew."""
        key = (symbol, leg)
        held, cost = self.held.get(key, ZERO), self.cost.get(key, ZERO)
        closed = -max(-abs(held), min(abs(held), signed)) if held * signed < 0 else ZERO
        part = cost * closed / held if held else ZERO
        share = part if closed == held else round(part / EIGHT_DECIMALS) * EIGHT_DECIMALS
        self.balances[self.rules[symbol].quote] += closed * price - share
        self.held[key] = held + signed
        self.cost[key] = cost - share + (signed + closed) * price

    def settle(self, symbol: str, mark: Fraction, rate: Fraction) -> tuple[Fraction, Fraction]:
        """Payment = -quantity x mark x rate on the net position, rounded against us; the two of them."""
        net = sum((self.held[key] for key in self.legs(symbol)), ZERO)
        payment = down(-net * mark * rate, EIGHT_DECIMALS)
        if net:
            self.balances[self.rules[symbol].quote] += payment
            first = next((symbol, leg) for leg in PositionSide if self.held.get((symbol, leg)))
            self.margins[first] += payment
        return net, payment
