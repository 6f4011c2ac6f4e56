"""Our orders on one symbol at the simulated venue, and what an execution does to them and to the account."""

from decimal import Decimal

from agentic_trading.core.events import (
    Event,
    Fill,
    OrderAccepted,
    OrderCanceled,
    attached_stop,
    stop_id_of,
)
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import ZERO, decimal_of, fee_up, quantity_down
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.matching import Match
from agentic_trading.simulation.resting import MarketModel, RestingOrder

DOWN, UP = float("-inf"), float("inf")


class Tape:
    """What the venue has to say, in order; it numbers the trades of all symbols."""

    __slots__ = ("reports", "trades")

    def __init__(self) -> None:
        self.reports: list[Event] = []
        self.trades = 0


class OrderBook:
    """Orders that rest on one symbol, oldest first; executes them within the volume of a candle."""

    def __init__(self, instrument: Instrument, model: MarketModel, account: VenueAccount, tape: Tape) -> None:
        self.instrument = instrument
        self.orders: dict[str, RestingOrder] = {}
        self._model = model
        self._account = account
        self._tape = tape
        self._share = float(model.participation)
        self._lot = float(instrument.lot)
        self._volume = 0.0
        self._room: Decimal | None = None
        self._taken = ZERO
        self._levels: tuple[float, float] | None = None

    def __contains__(self, order: RestingOrder) -> bool:
        return order.order_id in self.orders

    @property
    def levels(self) -> tuple[float, float]:
        """The prices (from above, from below) at which something could execute; infinite for none."""
        if self._levels is None:
            down, up = DOWN, UP
            for order in self.orders.values():
                level, from_above = order.reached_at
                down, up = (max(down, level), up) if from_above else (down, min(up, level))
            self._levels = down, up
        return self._levels

    @property
    def at_market(self) -> bool:
        """Whether an order executes in the next candle, whatever its price."""
        return any(order.at_market for order in self.orders.values())

    def open_candle(self, candle: Candle) -> None:
        """From here on executions share the volume of this candle."""
        self._volume = candle.volume
        self._room = None
        self._taken = ZERO

    def add(self, order: RestingOrder) -> None:
        """Take an order."""
        self.orders[order.order_id] = order
        self._levels = None
        self._tape.reports.append(OrderAccepted(order.order_id, order.arrived_ns))

    def trigger(self, order: RestingOrder, at_ns: int) -> None:
        """A stop was touched; what is left of the entry it protects is pointless."""
        order.trigger()
        self._levels = None
        entry = self.orders.get(order.entry_id) if order.entry_id is not None else None
        if entry is not None:
            self.cancel(entry, at_ns, "stopped_out")

    def cancel(self, order: RestingOrder, at_ns: int, reason: str) -> None:
        """End an order and say why."""
        self._finish(order)
        self._tape.reports.append(OrderCanceled(order.order_id, at_ns, reason))

    def take(self, order: RestingOrder, matched: Match, at_ns: int) -> None:
        """Execute what may be executed of an order at a match."""
        rules = self.instrument
        most = self._account.most(rules, order.side, reduce_only=order.terms.reduce_only)
        quantity = self._granted(order.remaining)
        if most is not None and most < quantity:
            quantity = quantity_down(most, rules.lot)
        if quantity:
            if not self._execute(order, quantity, matched, at_ns):
                self.cancel(order, at_ns, "insufficient_balance")
                return
            if self._room is None:
                self._taken += quantity
            else:
                self._room -= quantity
        if not order.remaining and order.executed == order.wanted:
            self._finish(order)
        elif not order.remaining:
            self.cancel(order, at_ns, "position_was_smaller")
        elif most is not None and most - quantity < rules.lot:
            self.cancel(order, at_ns, "reduce_only" if order.terms.reduce_only else "insufficient_holdings")

    def _granted(self, wanted: Decimal) -> Decimal:
        """How much of a quantity our share of the candle's volume still allows, in lots.

        That the share is surely large enough is judged in floats; only a close case needs exact numbers.
        """
        if self._room is None:
            if self._volume * self._share > float(self._taken + wanted) * 1.000001 + self._lot:
                return wanted
            share = decimal_of(self._volume) * self._model.participation
            self._room = quantity_down(share, self.instrument.lot) - self._taken
        return min(wanted, self._room)

    def _execute(self, order: RestingOrder, quantity: Decimal, matched: Match, at_ns: int) -> bool:
        rules, terms = self.instrument, order.terms
        notional = quantity * matched.price
        fee = fee_up(notional, self._model.fee_rate(matched.liquidity))
        if not self._account.affords(rules, terms.side, notional + fee):
            return False
        self._account.book(rules, terms.side, quantity, matched.price, fee)
        order.remaining -= quantity
        order.executed += quantity
        self._tape.trades += 1
        fill = Fill(
            f"trade-{self._tape.trades}", order.order_id, terms.strategy, terms.symbol, terms.side, quantity,
            matched.price, fee, rules.quote, matched.liquidity, matched.reference, at_ns,
        )  # fmt: skip
        self._tape.reports.append(fill)
        if terms.protective_stop is not None:
            self._protect(order, quantity, at_ns)
        return True

    def _protect(self, entry: RestingOrder, quantity: Decimal, at_ns: int) -> None:
        """Work the entry's attached stop for what was filled; it grows with every fill."""
        stop_id = stop_id_of(entry.order_id)
        stop = self.orders.get(stop_id)
        if stop is None:
            terms = attached_stop(entry.terms)
            stop = RestingOrder(stop_id, terms, self.instrument, at_ns, entry.order_id)
            self.add(stop)
        stop.remaining += quantity
        stop.wanted += quantity

    def _finish(self, order: RestingOrder) -> None:
        del self.orders[order.order_id]
        self._levels = None
