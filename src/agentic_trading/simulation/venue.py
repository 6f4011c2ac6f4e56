"""The simulated exchange: takes orders, lets candles pass over them, reports what happened.

Pure and deterministic; one instance serves a backtest, paper trading and the local exchange. It sees a
candle once, after it closed, and then reports everything that happened inside it, in the order in
which it happened: arrivals by time, then resting stops, then resting limits, per symbol in the order of
the candles. Rules inside a candle are those of `simulation.matching`; the venue adds arrival times,
volume participation, reduce-only and holdings caps, and stops attached to entries.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from agentic_trading.core.enums import OrderType, TimeInForce
from agentic_trading.core.events import (
    CancelOrder,
    Event,
    Fill,
    Funding,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    SubmitOrder,
    attached_stop,
    stop_id_of,
)
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import decimal_of, exact, fee_up, payment_down, quantity_down
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.matching import Match, match_limit, match_market, match_stop
from agentic_trading.simulation.resting import MarketModel, RestingOrder


class SimulatedVenue:
    """An exchange for one account, driven by closed candles."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        models: Mapping[str, MarketModel],
        balances: dict[str, Decimal],
    ) -> None:
        """``models`` holds fees, costs, latency and participation per symbol."""
        self.account = VenueAccount(balances)
        self._instruments = instruments
        self._models = models
        self._travelling: list[tuple[int, int, SubmitOrder | CancelOrder]] = []
        self._sent = 0
        self._resting: dict[str, dict[str, RestingOrder]] = {symbol: {} for symbol in instruments}
        self._trades = 0
        self._reports: list[Event] = []

    @property
    def idle(self) -> bool:
        """True when no order travels or rests: a candle cannot matter."""
        return not self._travelling and not any(self._resting.values())

    def send(self, command: Event) -> None:
        """Take a command from the outbox; it arrives after the symbol's latency."""
        if isinstance(command, SubmitOrder):
            symbol = command.terms.symbol
        elif isinstance(command, CancelOrder):
            symbol = command.symbol
        else:
            raise TypeError(f"{type(command).__name__} is not a command")
        self._sent += 1
        self._travelling.append((command.at_ns + self._models[symbol].latency_ns, self._sent, command))

    def pass_candles(self, candles: Iterable[Candle]) -> list[Event]:
        """Let the candles of one instant pass and return the venue's reports, in order."""
        if self.idle:
            return []
        self._reports = []
        with exact():
            for candle in candles:
                if self._travelling or self._resting[candle.symbol]:
                    self._pass(candle)
        return self._reports

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Funding | None:
        """Settle funding on the net position at a stamp: payment = -quantity * mark * rate.

        Source: funding rules of Binance and Bybit for USDT perpetuals (longs pay a positive rate).
        Rounded to eight decimals against us. None without a position.
        """
        quantity = self.account.position(symbol)
        if not quantity:
            return None
        with exact():
            exact_rate, exact_mark = decimal_of(rate), decimal_of(mark)
            payment = payment_down(-quantity * exact_mark * exact_rate)
            self.account.credit(self._instruments[symbol].quote, payment)
        return Funding(at_ns, symbol, exact_rate, exact_mark, quantity, payment)

    # --- one candle -----------------------------------------------------------------------

    def _pass(self, candle: Candle) -> None:
        if candle.filled:  # nothing was traded: orders keep travelling or resting
            return
        model = self._models[candle.symbol]
        room = quantity_down(
            decimal_of(candle.volume) * model.participation, self._instruments[candle.symbol].lot
        )
        resting = self._resting[candle.symbol]
        for order in list(resting.values()):  # what was left of orders already at the market
            if order.at_market and order.order_id in resting:
                room = self._take(order, self._at_market(order, candle, 0.0), candle.open_ns, room)
        for at_ns, elapsed, command in self._arrivals(candle):
            room = self._arrive(command, at_ns, elapsed, candle, room)
        room = self._try_stops(candle, room)
        for order in list(resting.values()):
            if order.rests_as_limit and order.order_id in resting and order.arrived_ns < candle.open_ns:
                matched = match_limit(order.instrument, order.side, order.limit, candle, None, model.costs)
                room = self._take(order, matched, candle.close_ns, room)
        self._try_stops(candle, room)  # stops of entries that filled inside this candle

    def _arrivals(self, candle: Candle) -> list[tuple[int, float, SubmitOrder | CancelOrder]]:
        """Commands for this symbol that arrive before the candle closes, by arrival time."""
        due: list[tuple[int, int, SubmitOrder | CancelOrder]] = []
        later: list[tuple[int, int, SubmitOrder | CancelOrder]] = []
        for item in self._travelling:
            command = item[2]
            symbol = command.symbol if isinstance(command, CancelOrder) else command.terms.symbol
            mine = symbol == candle.symbol and item[0] < candle.close_ns
            (due if mine else later).append(item)
        self._travelling = later
        due.sort(key=lambda item: item[:2])
        length = candle.close_ns - candle.open_ns
        return [
            (max(at, candle.open_ns), max(0, at - candle.open_ns) / length, command) for at, _, command in due
        ]

    def _arrive(
        self,
        command: SubmitOrder | CancelOrder,
        at_ns: int,
        elapsed: float,
        candle: Candle,
        room: Decimal,
    ) -> Decimal:
        if isinstance(command, CancelOrder):
            order = self._resting[candle.symbol].get(command.order_id)
            if order is not None:
                self._cancel(order, at_ns, command.reason)
            return room
        reason = self._objection(command)
        if reason:
            self._reports.append(OrderRejected(command.order_id, at_ns, reason))
            return room
        terms = command.terms
        order = RestingOrder(command.order_id, terms, self._instruments[terms.symbol], at_ns)
        if terms.replaces is not None:  # like an amend: what the old order executed counts
            replaced = self._resting[candle.symbol][terms.replaces]
            order.remaining = min(order.remaining, replaced.remaining)
            self._cancel(replaced, at_ns, "replaced")
        self._resting[candle.symbol][order.order_id] = order
        self._reports.append(OrderAccepted(order.order_id, at_ns))
        if terms.type is OrderType.MARKET:
            return self._take(order, self._at_market(order, candle, elapsed), at_ns, room)
        if terms.type is OrderType.LIMIT:
            costs = self._models[terms.symbol].costs
            matched = match_limit(order.instrument, order.side, order.limit, candle, elapsed, costs)
            stamp = at_ns if matched is not None and matched.reference != order.limit else candle.close_ns
            room = self._take(order, matched, stamp, room)
            if terms.time_in_force is TimeInForce.IOC and order.order_id in self._resting[candle.symbol]:
                self._cancel(order, at_ns, "immediate_or_cancel")
        return room

    def _objection(self, command: SubmitOrder) -> str | None:
        """Why the venue does not take an order; None if it does. Exchange filters, checked as they do."""
        terms, rules = command.terms, self._instruments[command.terms.symbol]
        if terms.quantity <= 0 or terms.quantity % rules.lot:
            return "quantity_off_lot"
        if terms.quantity < rules.min_quantity and not terms.closing:
            return "below_min_quantity"
        for price in (terms.price, terms.stop_price):
            if price is not None and price % rules.tick:
                return "price_off_tick"
        if terms.replaces is not None and terms.replaces not in self._resting[terms.symbol]:
            return "replaced_order_is_done"
        most = self.account.most(rules, terms.side, reduce_only=terms.reduce_only)
        if most is not None and most < rules.lot:
            return "reduce_only_without_position" if terms.reduce_only else "insufficient_holdings"
        return None

    def _at_market(self, order: RestingOrder, candle: Candle, elapsed: float) -> Match:
        costs = self._models[candle.symbol].costs
        return match_market(order.instrument, order.side, candle, elapsed, costs)

    def _try_stops(self, candle: Candle, room: Decimal) -> Decimal:
        resting = self._resting[candle.symbol]
        costs = self._models[candle.symbol].costs
        for order in list(resting.values()):
            if not order.is_stop or order.order_id not in resting or order.out_of_reach(candle):
                continue
            matched = match_stop(order.instrument, order.side, order.stop_price, candle, costs)
            if matched is None:
                continue
            order.triggered = True
            if order.entry_id in resting:  # stopped out: what is left of the entry is pointless
                self._cancel(resting[order.entry_id], candle.close_ns, "stopped_out")
            room = self._take(order, matched, candle.close_ns, room)
        return room

    # --- executions -----------------------------------------------------------------------

    def _take(self, order: RestingOrder, matched: Match | None, at_ns: int, room: Decimal) -> Decimal:
        """Execute what may be executed of an order at a match; returns the volume that is left."""
        if matched is None:
            return room
        rules = order.instrument
        most = self.account.most(rules, order.side, reduce_only=order.terms.reduce_only)
        quantity = min(order.remaining, room)
        if most is not None and most < quantity:
            quantity = quantity_down(most, rules.lot)
        if quantity:
            if not self._execute(order, quantity, matched, at_ns):
                self._cancel(order, at_ns, "insufficient_balance")
                return room
            room -= quantity
        if not order.remaining and order.executed == order.wanted:
            self._finish(order)
        elif not order.remaining:
            self._cancel(order, at_ns, "position_was_smaller")
        elif most is not None and most - quantity < rules.lot:
            self._cancel(order, at_ns, "reduce_only" if order.terms.reduce_only else "insufficient_holdings")
        return room

    def _execute(self, order: RestingOrder, quantity: Decimal, matched: Match, at_ns: int) -> bool:
        rules, terms = order.instrument, order.terms
        rate = self._models[rules.symbol].fee_rate(matched.liquidity)
        notional = quantity * matched.price
        fee = fee_up(notional, rate)
        if not self.account.affords(rules, terms.side, notional + fee):
            return False
        self.account.book(rules, terms.side, quantity, matched.price, fee)
        order.remaining -= quantity
        order.executed += quantity
        self._trades += 1
        self._reports.append(
            Fill(
                f"trade-{self._trades}",
                order.order_id,
                terms.strategy,
                terms.symbol,
                terms.side,
                quantity,
                matched.price,
                fee,
                rules.quote,
                matched.liquidity,
                matched.reference,
                at_ns,
            )  # fmt: skip
        )
        if terms.protective_stop is not None:
            self._protect(order, quantity, at_ns)
        return True

    def _protect(self, entry: RestingOrder, quantity: Decimal, at_ns: int) -> None:
        """Work the entry's attached stop for what was filled; it grows with every fill."""
        stop_id = stop_id_of(entry.order_id)
        resting = self._resting[entry.instrument.symbol]
        stop = resting.get(stop_id)
        if stop is None:
            stop = RestingOrder(stop_id, attached_stop(entry.terms), entry.instrument, at_ns, entry.order_id)
            resting[stop_id] = stop
            self._reports.append(OrderAccepted(stop_id, at_ns))
        stop.remaining += quantity
        stop.wanted += quantity

    def _cancel(self, order: RestingOrder, at_ns: int, reason: str) -> None:
        self._finish(order)
        self._reports.append(OrderCanceled(order.order_id, at_ns, reason))

    def _finish(self, order: RestingOrder) -> None:
        del self._resting[order.instrument.symbol][order.order_id]
