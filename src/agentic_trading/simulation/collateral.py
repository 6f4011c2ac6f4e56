"""What stands behind the perpetuals of an account: what is free, what is too much, how near the end is.

Positions that share collateral are a group: in cross margin all perpetuals of one quote currency with the
wallet, in isolated margin each perpetual with its own margin. A group is liquidated when collateral plus
the standing of its positions (unrealised profit less maintenance margin) is zero or less.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, getcontext

from agentic_trading.core.enums import Market, PositionSide, Side
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import CENT_OF_ASSET, EXACT, ZERO, average, decimal_of, exact, ratio_on_grid
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.margin import (
    MarginPosition,
    initial_margin,
    liquidation_point,
    maintenance,
    margin_rules,
    max_notional,
    tiers_of,
    unrealised,
)
from agentic_trading.simulation.mark import Mark, Marks
from agentic_trading.simulation.opening import payable
from agentic_trading.simulation.resting import MarketModel

LINEAR, BUY = Market.LINEAR, Side.BUY
Levels = tuple[float, float]
NOWHERE, EVERYWHERE = (float("-inf"), float("inf")), (float("inf"), float("-inf"))


class Collateral:
    """Answers from the account and the mark prices; changes neither. To be asked inside `money.exact()`."""

    def __init__(
        self,
        account: VenueAccount,
        instruments: Mapping[str, Instrument],
        models: Mapping[str, MarketModel],
        marks: Marks,
    ) -> None:
        self._account = account
        self._instruments = instruments
        self._models = models
        self._marks = marks
        self._perpetuals = [each for each in instruments.values() if each.market is LINEAR]
        self._rules = {each.symbol: margin_rules(each.venue) for each in self._perpetuals}
        self._tables = {each.symbol: tiers_of(each) for each in self._perpetuals}
        self._rooms = {
            symbol: max_notional(models[symbol].leverage, table) for symbol, table in self._tables.items()
        }
        self._groups = {
            symbol: [each for each in self._tables if self.shared(symbol, each)] for symbol in self._tables
        }
        self._version = -1
        self._levels: dict[str, Levels] = {}
        self.now_ns = 0
        """The end of the last candles that passed: as of when levels are reckoned."""

    # --- opening --------------------------------------------------------------------------------

    def objection(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        leg: PositionSide,
        at_ns: int,
    ) -> str | None:
        """Why an order for so much at a price is too much to open at a time; None if it is not."""
        symbol = instrument.symbol
        held = self._account.leg(symbol, leg)
        opened = self._opened(held, side, quantity)
        if not opened:
            return None
        room = self._rooms[symbol]
        if room is not None:
            value = opened * price
            if held.quantity and (held.quantity > ZERO) is (side is BUY):
                value += abs(held.quantity) * self._valued(symbol, price, at_ns)
            if value > room:
                return "above_position_limit"
        return None if self._payable(instrument, side, opened, held, price, at_ns) else "insufficient_margin"

    def affords(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        leg: PositionSide,
        at_ns: int,
    ) -> bool:
        """Whether a fill can be paid: a purchase on spot with its fee, an opening of a perpetual its cost."""
        if instrument.market is not LINEAR:
            if side is not BUY:
                return True
            due = quantity * price + fee
            if self._account.balances.get(instrument.quote, ZERO) < due:
                return False
            return not self._account.held or self.free(instrument.quote, at_ns) >= due
        held = self._account.leg(instrument.symbol, leg)
        opened = self._opened(held, side, quantity)
        return not opened or self._payable(instrument, side, opened, held, price, at_ns)

    def free(self, quote: str, at_ns: int, without: str = "") -> Decimal:
        """What may still be bound, in quote currency; a perpetual ``without`` counts as closed.

        Isolated: wallet less all margins. Cross: wallet and unrealised profit, less the initial margin of
        all positions, at the mark prices of the time.
        """
        account = self._account
        free = account.balances.get(quote, ZERO)
        if not account.held:
            return free
        for each in self._perpetuals:
            if each.quote != quote or each.symbol == without:
                continue
            model = self._models[each.symbol]
            if model.isolated:
                free -= account.margin(each.symbol)
                continue
            for leg in account.legs(each.symbol):
                mark = self._mark(each.symbol, leg, at_ns)
                free += unrealised(leg, mark) - initial_margin(abs(leg.quantity) * mark, model.leverage)
        return free

    @staticmethod
    def _opened(held: MarginPosition, side: Side, quantity: Decimal) -> Decimal:
        """The part of an order that does not merely close."""
        if not held.quantity or (held.quantity > ZERO) is (side is BUY):
            return quantity
        return max(ZERO, quantity - abs(held.quantity))

    def _payable(
        self,
        instrument: Instrument,
        side: Side,
        opened: Decimal,
        held: MarginPosition,
        price: Decimal,
        at_ns: int,
    ) -> bool:
        symbol = instrument.symbol
        turned = held.quantity and (held.quantity > ZERO) is not (side is BUY)
        free = self.free(instrument.quote, at_ns, symbol if turned else "")
        if turned:
            free += unrealised(held, price)
        mark, model = self._valued(symbol, price, at_ns), self._models[symbol]
        signed = opened if side is BUY else -opened
        return payable(signed, price, mark, model.leverage, model.taker_fee, free)

    def _valued(self, symbol: str, price: Decimal, at_ns: int) -> Decimal:
        """The last mark price; before the first there is, the price of the order."""
        last = self._marks.price(symbol, at_ns)
        return price if last is None else last

    # --- being closed out -----------------------------------------------------------------------

    def shared(self, symbol: str, other: str) -> bool:
        """Whether two perpetuals have the same collateral; each has with itself."""
        if symbol == other or self._models[symbol].isolated:
            return symbol == other
        one, two = self._instruments[symbol], self._instruments[other]
        return two.market is LINEAR and one.quote == two.quote and not self._models[other].isolated

    def group(self, symbol: str) -> list[str]:
        """The perpetuals with a position that stand or fall with this one, itself included."""
        return [each for each in self._groups[symbol] if self._account.legs(each)]

    def behind(self, symbol: str) -> Decimal:
        """The collateral of the symbol's group."""
        if self._models[symbol].isolated:
            return self._account.margin(symbol)
        return self._account.balances.get(self._instruments[symbol].quote, ZERO)

    def standing(self, symbol: str, mark: Decimal) -> Decimal:
        """Unrealised profit less maintenance margin of all positions on a symbol at a mark price."""
        table, rules = self._tables[symbol], self._rules[symbol]
        total = ZERO
        for leg in self._account.legs(symbol):
            total += unrealised(leg, mark) - maintenance(leg, mark, table, rules)
        return total

    def worst(self, symbol: str, candle: Candle) -> Decimal:
        """The mark price over a candle at which a symbol stands worst: its low or its high."""
        mark = self._over(symbol, candle)
        low, high = decimal_of(mark.low), decimal_of(mark.high)
        return low if self.standing(symbol, low) <= self.standing(symbol, high) else high

    def fails(self, symbol: str, candle: Candle, own_mark: Decimal | None = None) -> bool:
        """Whether the symbol's group is to be liquidated: every symbol at its worst within the candle.

        With ``own_mark`` this symbol stands at that price instead.
        """
        if not self._account.legs(symbol):
            return False
        left = self.behind(symbol)
        for each in self.group(symbol):
            own = own_mark if each == symbol else None
            left += self.standing(each, self.worst(each, candle) if own is None else own)
        return left <= 0

    # --- how far the marks may go ---------------------------------------------------------------

    def levels(self) -> Mapping[str, Levels]:
        """Mark prices (down, up) by symbol within which surely nothing is liquidated.

        What a group has left over is spread evenly over its symbols: none may lose more than its part
        before somebody looks closer. For one symbol alone that is its liquidation price.
        """
        if self._version != self._account.version:
            if getcontext() is not EXACT:
                with exact():
                    return self.levels()
            self._version = self._account.version
            self._levels = {}
            if self._account.held:
                done: list[str] = []
                for symbol in self._groups:
                    if self._account.legs(symbol) and symbol not in done:
                        group = self.group(symbol)
                        done += group
                        self._level(group, self.behind(symbol))
        return self._levels

    def look_again(self) -> None:
        """A level was reached and nothing happened: reckon anew from where the marks are now."""
        self._version = -1

    def touched(self, candle: Candle) -> bool:
        """Whether the marks over a candle reached a level, of its symbol or of one in the same group."""
        levels = self._levels if self._version == self._account.version else self.levels()
        own = levels.get(candle.symbol)
        if own is None:
            return False
        low, high = self._marks.span(candle)
        if low <= own[0] or high >= own[1]:
            return True
        for other, (down, up) in levels.items() if len(levels) > 1 else ():
            if other != candle.symbol and self.shared(candle.symbol, other):
                mark = self._over(other, candle)
                if mark.low <= down or mark.high >= up:
                    return True
        return False

    def _level(self, group: Sequence[str], collateral: Decimal) -> None:
        if len(group) == 1:
            (symbol,) = group
            level = self._own_level(symbol, collateral, collateral + self._standing_now(symbol))
            if level is not NOWHERE:
                self._levels[symbol] = level
            return
        now = {symbol: self._standing_now(symbol) for symbol in group}
        spare = collateral + sum(now.values(), ZERO)
        part = ratio_on_grid(spare, Decimal(len(group)), CENT_OF_ASSET, up=False)
        levels = {symbol: self._own_level(symbol, part - now[symbol], spare) for symbol in group}
        if any(level is not NOWHERE for level in levels.values()):
            self._levels |= levels

    def _own_level(self, symbol: str, behind: Decimal, spare: Decimal) -> Levels:
        legs = self._account.legs(symbol)
        if len(legs) > 1 or spare <= ZERO:
            return EVERYWHERE
        point = liquidation_point(legs[0], behind, self._tables[symbol], self._rules[symbol])
        long = legs[0].quantity > ZERO
        if point is None:
            return NOWHERE if long else EVERYWHERE
        tick = self._instruments[symbol].tick
        level = float(ratio_on_grid(point.numerator, point.denominator, tick, up=long))
        return (level, NOWHERE[1]) if long else (NOWHERE[0], level)

    def _standing_now(self, symbol: str) -> Decimal:
        legs = self._account.legs(symbol)
        return self.standing(symbol, self._mark(symbol, legs[0], self.now_ns))

    def _mark(self, symbol: str, leg: MarginPosition, at_ns: int) -> Decimal:
        """The last mark price; before the first there is, what was paid."""
        last = self._marks.price(symbol, at_ns)
        return average(leg.cost, leg.quantity) if last is None else last

    def _over(self, symbol: str, candle: Candle) -> Mark:
        if symbol == candle.symbol:
            return self._marks.over(candle)
        mark = self._marks.beside(symbol, candle)
        if mark is None:
            paid = float(self._mark(symbol, self._account.legs(symbol)[0], candle.open_ns))
            mark = Mark(paid, paid, paid, paid, stand_in=True)
        return mark
