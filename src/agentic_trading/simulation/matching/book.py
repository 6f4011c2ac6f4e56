"""Our orders on one symbol at the simulated venue, and what an execution does to them and to the account."""

from decimal import Decimal

from agentic_trading.core.enums import Liquidity
from agentic_trading.core.events import Fill, OrderAccepted, OrderAmended, OrderCanceled, OrderTerms
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import CENT_OF_ASSET, ONE, ZERO, decimal_of, fee_up, quantity_down, share_of
from agentic_trading.core.numerics import compiled
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.collateral import Collateral
from agentic_trading.simulation.matching.brackets import aim, protect, release
from agentic_trading.simulation.matching.prices import MAKER, Match
from agentic_trading.simulation.resting import FeeAsset, MarketModel, RestingOrder
from agentic_trading.simulation.tape import Tape

DOWN, UP = float("-inf"), float("inf")
Outlook = tuple[float, float, bool]


@compiled
def surely_grants(quantity: float, volume: float, participation: float, lot: float) -> bool:
    """Whether our share of a candle's volume is surely larger than a quantity, judged in floats."""
    return volume * participation > quantity * 1.000001 + lot


class OrderBook:
    """Orders that rest on one symbol, oldest first; executes them within the volume of a candle."""

    def __init__(
        self,
        instrument: Instrument,
        model: MarketModel,
        account: VenueAccount,
        collateral: Collateral,
        tape: Tape,
    ) -> None:
        self.instrument = instrument
        self.orders: dict[str, RestingOrder] = {}
        self.decided: set[str] = set()
        """Groups of which one has executed or triggered: for the others it is too late."""
        self.unpaid = f"insufficient_{'margin' if instrument.can_short else 'balance'}"
        """Why an order ends that cannot be paid."""
        self._account = account
        self._collateral = collateral
        self._tape = tape
        self._quote = instrument.quote
        self._maker_fee, self._taker_fee, self._other = model.maker_fee, model.taker_fee, model.fee_asset
        self._opened_ns = 0
        self._participation, self._share = model.participation, float(model.participation)
        self._lot = float(instrument.lot)
        self._volume = 0.0
        self._room: Decimal | None = None
        self._taken = ZERO
        self._outlook: Outlook | None = None

    @property
    def outlook(self) -> Outlook:
        """The prices (from above, from below) at which something could happen, infinite for none.

        And whether the next candle matters whatever its prices: something executes, or trails.
        """
        if self._outlook is None:
            down, up, every_row = DOWN, UP, False  # an empty book
            for order in self.orders.values():
                level, from_above = order.reached_at()
                down, up = (max(down, level), up) if from_above else (down, min(up, level))
                trailing = order.waiting and order.trails and order.level is not None
                every_row = every_row or order.at_market or trailing
            self._outlook = down, up, every_row
        return self._outlook

    def sleeps_through(self, candle: Candle) -> bool:
        """Whether nothing that rests can happen in a candle."""
        down, up, every_row = self._outlook or self.outlook
        return candle.low > down and candle.high < up and not every_row

    def open_candle(self, candle: Candle) -> None:
        """From here on executions share the volume of this candle."""
        self._volume = candle.volume
        self._opened_ns = candle.open_ns
        self._room = None
        self._taken = ZERO

    def add(self, order: RestingOrder) -> None:
        """Take an order."""
        self.orders[order.order_id] = order
        self._outlook = None
        self._tape.reports.append(OrderAccepted(order.order_id, order.arrived_ns))

    def moved(self, order: RestingOrder, at_ns: int) -> None:
        """Report the whole quantity and the prices of an order that were changed."""
        self._outlook = None
        self._tape.reports.append(OrderAmended(order.order_id, at_ns, order.wanted, order.limit, order.level))

    def follow(self, order: RestingOrder, seen: Decimal) -> None:
        """Let a trailing stop see a price."""
        if order.follow(seen):
            self._outlook = None

    def trigger(self, order: RestingOrder, at_ns: int) -> None:
        """Its level was reached: whatever it excludes is cancelled."""
        order.trigger(at_ns)
        self._outlook = None
        self._exclude(order, at_ns)

    def cancel(self, order: RestingOrder, at_ns: int, reason: str) -> None:
        """End an order and say why."""
        self._finish(order)
        self._tape.reports.append(OrderCanceled(order.order_id, at_ns, reason))

    def size_up(self, order: RestingOrder, at_ns: int) -> bool:
        """Give an order that closes the position its quantity, as it executes; whether there is any."""
        held = self._most(order)
        order.wanted = order.remaining = quantity_down(held or ZERO, self.instrument.lot)
        if order.remaining:
            self.moved(order, at_ns)
            return True
        self.cancel(order, at_ns, "reduce_only")
        return False

    def allowed(self, order: RestingOrder) -> Decimal:
        """How much of an order may be executed now: what is left of it, of the volume, and to reduce."""
        most = self._most(order)
        quantity = self.granted(order.remaining)
        if most is not None and most < quantity:
            quantity = quantity_down(most, self.instrument.lot)
        return quantity

    def take(self, order: RestingOrder, matched: Match, at_ns: int) -> None:
        """Execute what may be executed of an order at a match."""
        rules = self.instrument
        most = self._most(order)
        quantity = self.granted(order.remaining)
        if most is not None and most < quantity:
            quantity = quantity_down(most, rules.lot)
        if quantity and not self._execute(order, quantity, matched, at_ns):
            self.cancel(order, at_ns, self.unpaid)
        elif not order.remaining:
            self._finish(order)
        elif most is not None and most - quantity < rules.lot:
            reduces = order.reduces or rules.can_short  # of a leg, by nature
            self.cancel(order, at_ns, "reduce_only" if reduces else "insufficient_holdings")

    def granted(self, wanted: Decimal) -> Decimal:
        """How much of a quantity our share of the candle's volume still allows, in lots.

        That the share is surely large enough is judged in floats; only a close case needs exact numbers.
        """
        if self._room is None:
            if surely_grants(float(self._taken + wanted), self._volume, self._share, self._lot):
                return wanted
            share = decimal_of(self._volume) * self._participation
            self._room = quantity_down(share, self.instrument.lot) - self._taken
        return min(wanted, self._room)

    def settle(
        self,
        order_id: str,
        terms: OrderTerms,
        quantity: Decimal,
        price: Decimal,
        reference: Decimal,
        liquidity: Liquidity,
        at_ns: int,
    ) -> bool:
        """Book and report an execution of so much; False, and nothing is done, if it cannot be paid."""
        rules, side, leg, asset = self.instrument, terms.side, terms.position_side, self._quote
        rate = self._maker_fee if liquidity is MAKER else self._taker_fee
        fee = fee_up(quantity * price, rate)
        if self._other is not None:
            fee, asset = self._fee_in(self._other, quantity * price, rate) or (fee, asset)
        due = fee if asset == self._quote else ZERO
        if not self._collateral.affords(rules, side, quantity, price, due, leg, self._opened_ns):
            return False
        if self._room is None:
            self._taken += quantity
        else:
            self._room -= quantity
        fill = self.booked(order_id, terms, quantity, price, fee, asset, liquidity, reference, at_ns)
        self._tape.reports.append(fill)
        return True

    def booked(
        self,
        order_id: str,
        terms: OrderTerms,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        asset: str,
        liquidity: Liquidity,
        reference: Decimal,
        at_ns: int,
    ) -> Fill:
        """Book an execution that can be paid, and number it."""
        side = terms.side
        self._account.book(self.instrument, side, quantity, price, fee, asset, terms.position_side)
        return Fill(
            self._tape.next_trade(), order_id, terms.strategy, terms.symbol, side, quantity, price, fee,
            asset, liquidity, reference, at_ns,
        )  # fmt: skip

    def _most(self, order: RestingOrder) -> Decimal | None:
        return self._account.most(self.instrument, order.side, order.reduces, order.leg)

    def _execute(self, order: RestingOrder, quantity: Decimal, matched: Match, at_ns: int) -> bool:
        terms = order.terms
        price, reference, liquidity = matched.price, matched.reference, matched.liquidity
        if not self.settle(order.order_id, terms, quantity, price, reference, liquidity, at_ns):
            return False
        order.remaining -= quantity
        order.executed += quantity
        if terms.protective_stop is not None:
            protect(self, order.order_id, terms, quantity, at_ns)
        if terms.targets:
            aim(self, order, at_ns)
        if order.is_target:
            release(self, order, quantity, at_ns)
        if order.entry_id is not None or terms.oco_group is not None:
            self._exclude(order, at_ns)
        return True

    def _fee_in(self, other: FeeAsset, notional: Decimal, rate: Decimal) -> tuple[Decimal, str] | None:
        """The fee in the third asset, rounded up; None if there is not enough of it."""
        due = fee_up(notional, rate * (ONE - other.discount_ratio))
        amount = share_of(due, ONE, other.price)
        if amount * other.price < due:
            amount += CENT_OF_ASSET
        enough = self._account.balances.get(other.asset, ZERO) >= amount
        return (amount, other.asset) if enough else None

    def _exclude(self, order: RestingOrder, at_ns: int) -> None:
        """What may not go on beside an order that executes or triggers: its group, its own bracket."""
        group, entry_id = order.terms.oco_group, None if order.is_target else order.entry_id
        if group is None and (entry_id is None or len(self.orders) == 1):
            return
        if group is not None:
            self.decided.add(group)
        for other in list(self.orders.values()):
            if other is order:
                continue
            if entry_id is not None and (
                other.order_id == entry_id or (other.is_target and other.entry_id == entry_id)
            ):  # stopped out: what is left of the entry and its targets is pointless
                self.cancel(other, at_ns, "stopped_out")
            elif group is not None and other.terms.oco_group == group:
                self.cancel(other, at_ns, "oco")

    def _finish(self, order: RestingOrder) -> None:
        del self.orders[order.order_id]
        self._outlook = None
