"""The simulated exchange: takes orders, lets candles pass over them, reports what happened.

Pure and deterministic; one instance serves a backtest, paper trading and the local exchange. It sees a
candle once, after it closed, and then reports everything that happened inside it, per symbol in the
order of the candles: what arrived by the open, what the open executes, later arrivals by time, then
stops, then limits. So a cancel never undoes what the open did before it, and nothing executes after
its cancel. Rules inside a candle are those of `simulation.matching`; the venue adds arrival times,
volume participation, reduce-only and holdings caps, and stops attached to entries.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from agentic_trading.core.enums import TimeInForce
from agentic_trading.core.events import (
    CancelOrder,
    Event,
    Fill,
    Funding,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OrderTerms,
    attached_stop,
    stop_id_of,
)
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import decimal_of, exact, fee_up, payment_down, quantity_down
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.filters import objection
from agentic_trading.simulation.matching import (
    Match,
    gap_limit,
    match_market,
    match_stop,
    opens_beyond,
    take_limit,
    trade_through,
)
from agentic_trading.simulation.resting import MarketModel, RestingOrder, Waits
from agentic_trading.simulation.travel import Command, Travel


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
        self._travelling = Travel(models)
        self._resting: dict[str, dict[str, RestingOrder]] = {symbol: {} for symbol in instruments}
        self._trades = 0
        self._reports: list[Event] = []

    @property
    def busy(self) -> list[str]:
        """Symbols on which an order travels or rests: only their candles matter."""
        travelling = self._travelling.symbols
        return [symbol for symbol, resting in self._resting.items() if resting or symbol in travelling]

    def waits(self) -> Waits:
        """What must happen in the market before this venue can have anything to report."""
        levels: dict[str, tuple[float, float]] = {}
        at_market = False
        for symbol, resting in self._resting.items():
            down, up = float("-inf"), float("inf")
            for order in resting.values():
                at_market = at_market or order.at_market
                level, from_above = order.reached_at
                down, up = (max(down, level), up) if from_above else (down, min(up, level))
            if resting:
                levels[symbol] = (down, up)
        return Waits(self._travelling.next_ns, at_market, levels, self.account.holds_perpetuals)

    def send(self, command: Event) -> None:
        """Take a command from the outbox; it arrives after the symbol's latency."""
        self._travelling.send(command)

    def pass_candles(self, candles: Iterable[Candle]) -> list[Event]:
        """Let the candles of one instant pass and return the venue's reports, in order."""
        if not self.busy:
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
        late: list[tuple[int, Command]] = []
        for at_ns, command in self._travelling.arrivals(candle):
            if at_ns > candle.open_ns:
                late.append((at_ns, command))
            else:
                self._arrive(command, at_ns, candle)
        room = self._open(candle, room)
        for at_ns, command in late:
            order = self._arrive(command, at_ns, candle)
            if order is not None:
                room = self._take_at_arrival(order, candle, room)
        room = self._try_stops(candle, room)
        for order in self._here(candle):
            if order.rests_as_limit and self._rests(order):
                from_open = order.arrived_ns <= candle.open_ns
                matched = trade_through(order.side, order.limit, candle, from_open=from_open)
                room = self._take(order, matched, candle.close_ns, room)
        self._try_stops(candle, room)  # stops of entries that filled inside this candle

    def _here(self, candle: Candle) -> list[RestingOrder]:
        return list(self._resting[candle.symbol].values())

    def _rests(self, order: RestingOrder) -> bool:
        return order.order_id in self._resting[order.instrument.symbol]

    def _open(self, candle: Candle, room: Decimal) -> Decimal:
        """The open executes, oldest first: orders at the market, stops it touches, limits it betters."""
        for order in self._here(candle):
            if not self._rests(order):
                continue
            if order.arrived_ns == candle.open_ns and not order.is_stop:
                room = self._take_at_arrival(order, candle, room)
            elif order.at_market:
                room = self._take(order, self._at_market(order, candle), candle.open_ns, room)
            elif order.rests_as_limit:
                matched = gap_limit(order.side, order.limit, candle)
                room = self._take(order, matched, candle.open_ns, room)
            elif not order.out_of_reach(candle) and opens_beyond(order.side, order.stop_price, candle):
                room = self._trigger(order, candle, candle.open_ns, room)
        return room

    def _arrive(self, command: Command, at_ns: int, candle: Candle) -> RestingOrder | None:
        """Carry out a cancel, or take or reject an order; returns the order that was taken."""
        resting = self._resting[candle.symbol]
        if isinstance(command, CancelOrder):
            order = resting.get(command.order_id)
            if order is not None:
                self._cancel(order, at_ns, command.reason)
            return None
        terms = command.terms
        reason = self._objection(terms, candle)
        if reason:
            self._reports.append(OrderRejected(command.order_id, at_ns, reason))
            return None
        order = RestingOrder(command.order_id, terms, self._instruments[terms.symbol], at_ns)
        if terms.replaces is not None:  # like an amend: what the old order executed counts
            replaced = resting[terms.replaces]
            order.remaining = min(order.remaining, replaced.remaining)
            self._cancel(replaced, at_ns, "replaced")
        resting[order.order_id] = order
        self._reports.append(OrderAccepted(order.order_id, at_ns))
        return order

    def _take_at_arrival(self, order: RestingOrder, candle: Candle, room: Decimal) -> Decimal:
        """Execute what an order takes as it arrives; of an immediate-or-cancel order the rest is gone."""
        at_ns = order.arrived_ns
        if order.is_stop:
            return room
        elapsed = (at_ns - candle.open_ns) / (candle.close_ns - candle.open_ns)
        if order.rests_as_limit:
            costs = self._models[candle.symbol].costs
            matched = take_limit(order.instrument, order.side, order.limit, candle, elapsed, costs)
        else:
            matched = self._at_market(order, candle, elapsed)
        room = self._take(order, matched, at_ns, room)
        if order.terms.time_in_force is TimeInForce.IOC and self._rests(order):
            self._cancel(order, at_ns, "immediate_or_cancel")
        return room

    def _objection(self, terms: OrderTerms, candle: Candle) -> str | None:
        rules = self._instruments[terms.symbol]
        if terms.replaces is not None:
            replaced = self._resting[terms.symbol].get(terms.replaces)
            if replaced is None or (replaced.triggered and terms.stop_price is not None):
                return "replaced_order_is_done"  # a stop that was touched cannot be moved any more
        most = self.account.most(rules, terms.side, reduce_only=terms.reduce_only)
        return objection(terms, rules, decimal_of(candle.open), most)

    def _at_market(self, order: RestingOrder, candle: Candle, elapsed: float = 0.0) -> Match:
        costs = self._models[candle.symbol].costs
        return match_market(order.instrument, order.side, candle, elapsed, costs)

    def _try_stops(self, candle: Candle, room: Decimal) -> Decimal:
        for order in self._here(candle):
            if order.is_stop and self._rests(order) and not order.out_of_reach(candle):
                room = self._trigger(order, candle, candle.close_ns, room)
        return room

    def _trigger(self, order: RestingOrder, candle: Candle, at_ns: int, room: Decimal) -> Decimal:
        """A stop whose price the candle may have touched: it goes to the market if so."""
        costs = self._models[candle.symbol].costs
        matched = match_stop(order.instrument, order.side, order.stop_price, candle, costs)
        if matched is None:
            return room
        order.triggered = True
        entry = self._resting[candle.symbol].get(order.entry_id) if order.entry_id is not None else None
        if entry is not None:  # stopped out: what is left of the entry is pointless
            self._cancel(entry, at_ns, "stopped_out")
        return self._take(order, matched, at_ns, room)

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
        fill = Fill(
            f"trade-{self._trades}", order.order_id, terms.strategy, terms.symbol, terms.side, quantity,
            matched.price, fee, rules.quote, matched.liquidity, matched.reference, at_ns,
        )  # fmt: skip
        self._reports.append(fill)
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
