"""One symbol of the simulated exchange: what happens to our orders inside a candle, in order.

What arrived by the open, what the open executes, later arrivals by time, then stops, then limits and
take-profits (the optimistic reading has these two the other way round). A liquidation comes before the
first of these two and after the second; only stops that the market reaches before it execute first. So a
cancel never undoes what the open did before it, and nothing executes after its cancel. The desk carries
out the commands, the prices are those of `prices.py`, the book executes.
"""

from collections.abc import Sequence
from decimal import Decimal

from agentic_trading.core.enums import Liquidity, MarketStatus, TimeInForce
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import ZERO, decimal_of
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.collateral import Collateral
from agentic_trading.simulation.matching.at_once import AtOnce
from agentic_trading.simulation.matching.book import OrderBook
from agentic_trading.simulation.matching.desk import OrderDesk
from agentic_trading.simulation.matching.liquidation import Liquidator
from agentic_trading.simulation.matching.prices import (
    Match,
    elapsed_share,
    gap_limit,
    opens_beyond,
    trade_through,
    trigger_price,
    within,
)
from agentic_trading.simulation.resting import BUY, MarketModel, RestingOrder
from agentic_trading.simulation.tape import Tape
from agentic_trading.simulation.travel import Travel

IOC, FOK, TAKER = TimeInForce.IOC, TimeInForce.FOK, Liquidity.TAKER


class MatchingEngine:
    """Matches our orders on one symbol against its candles."""

    def __init__(
        self,
        instrument: Instrument,
        model: MarketModel,
        account: VenueAccount,
        collateral: Collateral,
        liquidator: Liquidator,
        tape: Tape,
        travel: Travel,
    ) -> None:
        self.book = OrderBook(instrument, model, account, collateral, tape)
        self._desk = OrderDesk(self.book, model, account, collateral, tape, travel)
        self.at_once = AtOnce(self.book, self._desk, model, account, tape)
        self._liquidator = liquidator if instrument.can_short else None
        self._account = account
        self._collateral = collateral
        self.orders = self.book.orders
        self.arriving = travel.queues[instrument.symbol]
        """Commands on their way here with their times of arrival, the next first."""
        self._instrument = instrument
        self._model = model
        self._ever_open = not instrument.halts and instrument.delisted_ns is None

    def pass_candle(self, candle: Candle) -> bool:
        """Let a candle pass, with the commands that arrive in it; False if it surely changed nothing."""
        if candle.filled or not (
            self._ever_open or self._instrument.status_at(candle.open_ns) is MarketStatus.TRADING
        ):
            return self._stand_still(candle)
        book, liquidator, queue = self.book, self._liquidator, self.arriving
        endangered = liquidator is not None and self._account.held > 0 and self._collateral.touched(candle)
        arriving = bool(queue) and queue[0][0] < candle.close_ns
        if not arriving and not endangered and book.sleeps_through(candle):
            return False
        book.open_candle(candle)
        if endangered and liquidator is not None:
            liquidator.close_gap(candle)
        if arriving:
            self._let_arrive(candle)
        else:
            self._open(list(self.orders.values()), candle)
        if self.orders or (liquidator is not None and self._account.held):
            self._go_on(candle)
        return True

    @property
    def can_be_alone(self) -> bool:
        """Whether `AtOnce.quote` can ever say what plain orders get: spot, no chance, no matter how large."""
        model = self._model
        return (
            self._ever_open
            and self._liquidator is None
            and not (model.report_latency_ns or model.jitter_ns or model.reject_ratio)
            and model.fee_asset is None
            and not model.costs.impact_factor
        )

    def _go_on(self, candle: Candle) -> None:
        """Inside the candle, after its open and all arrivals."""
        if self.book.sleeps_through(candle):
            self._try_liquidation(candle)
            return
        if self._model.optimistic:
            self._try_limits(candle)
        self._try_liquidation(candle)
        self._try_stops(candle)
        if not self._model.optimistic:
            self._try_limits(candle)
        self._try_liquidation(candle)
        self._try_stops(candle, only_from_ns=candle.close_ns)

    def _stand_still(self, candle: Candle) -> bool:
        """Nothing is traded in a flat stand-in or a halt; marks go on, and a halted venue answers."""
        changed, queue = False, self.arriving
        if not candle.filled:
            while queue and queue[0][0] < candle.close_ns:
                at_ns, command = queue.pop(0)
                self._desk.carry_out(command, max(at_ns, candle.open_ns), candle)
                changed = True
        if self._liquidator is not None and self._liquidator.is_due(candle):
            self._liquidator.liquidate(candle)
            changed = True
        return changed

    def _try_liquidation(self, candle: Candle) -> None:
        """Liquidate if the marks demand it, after the stops that the market reaches before."""
        liquidator = self._liquidator
        if liquidator is None or not liquidator.is_due(candle):
            return
        orders = self.orders
        for order in list(orders.values()):
            if (
                order.waiting
                and not order.takes_profit
                and order.level is not None
                and order.order_id in orders
            ):
                base = trigger_price(order.level, candle, rising=order.rising)
                if base is not None and liquidator.spares(candle, base):
                    self._trigger(order, base, candle, candle.close_ns)
        if liquidator.is_due(candle):
            liquidator.liquidate(candle)

    def _let_arrive(self, candle: Candle) -> None:
        """What arrived by the open is carried out, the open executes, then the others arrive by time."""
        queue, orders, open_ns = self.arriving, self.orders, candle.open_ns
        carry_out, at_once = self._desk.carry_out, self.at_once.carry_out
        there = list(orders.values()) if orders else []
        if queue[0][0] <= open_ns:
            command = queue.pop(0)[1]
            together = bool(queue) and queue[0][0] <= open_ns
            if together or not at_once(command, open_ns, candle):
                carry_out(command, open_ns, candle)
                while queue and queue[0][0] <= open_ns:
                    carry_out(queue.pop(0)[1], open_ns, candle)
                there = list(orders.values())
        if there:
            self._open(there, candle)
        while queue and queue[0][0] < candle.close_ns:
            at_ns, command = queue.pop(0)
            if at_once(command, at_ns, candle):
                continue
            order = carry_out(command, at_ns, candle)
            if order is None:
                continue
            if not order.waiting:
                self._take_at_arrival(order, candle)
            elif order.trails:
                self.book.follow(order, decimal_of(candle.open))

    def _open(self, there: Sequence[RestingOrder], candle: Candle) -> None:
        """The open executes, oldest first: orders at the market, levels it reaches, limits it betters."""
        book, orders, open_ns = self.book, self.orders, candle.open_ns
        for order in there:
            if order.order_id not in orders:
                continue
            if order.waiting:
                self._wait_at_the_open(order, candle)
            elif order.arrived_ns == open_ns:
                self._take_at_arrival(order, candle)
            elif order.at_market:
                self._take_now(order, decimal_of(candle.open), candle, open_ns)
            elif order.limit is not None:
                better = gap_limit(order.side, order.limit, candle)
                if better is not None:
                    book.take(order, better, open_ns)

    def _wait_at_the_open(self, order: RestingOrder, candle: Candle) -> None:
        level, shown = order.level, candle.open
        if (
            level is not None
            and not order.out_of_reach(shown, shown)
            and opens_beyond(level, candle, rising=order.rising)
        ):
            self._trigger(order, decimal_of(shown), candle, candle.open_ns)
        elif order.trails:
            self.book.follow(order, decimal_of(candle.open))

    def _take_at_arrival(self, order: RestingOrder, candle: Candle) -> None:
        elapsed = elapsed_share(candle, order.arrived_ns)
        self._take_now(order, decimal_of(candle.open), candle, order.arrived_ns, elapsed)

    def _take_now(
        self, order: RestingOrder, base: Decimal, candle: Candle, at_ns: int, elapsed: float = 0.0
    ) -> None:
        """Execute what an order takes while the market shows ``base``; what may not rest is gone."""
        book, costs = self.book, self._model.costs
        lasting = order.terms.time_in_force
        if not order.wanted and order.terms.close_position and not book.size_up(order, at_ns):
            return
        quantity = book.allowed(order) if costs.impact_factor or lasting is FOK else ZERO
        price = costs.taker_price(self._instrument, order.side, base, candle, elapsed, quantity)
        limit = order.limit
        if (limit is None or within(order.side, price, limit)) and (
            lasting is not FOK or quantity == order.remaining
        ):
            book.take(order, Match(price, base, TAKER), at_ns)
        if (lasting is IOC or lasting is FOK) and order.order_id in self.orders:
            book.cancel(order, at_ns, "immediate_or_cancel" if lasting is IOC else "fill_or_kill")

    # --- inside the candle ----------------------------------------------------------------------

    def _trigger(self, order: RestingOrder, base: Decimal, candle: Candle, at_ns: int) -> None:
        """The market shows ``base`` as it reaches the order's level."""
        self.book.trigger(order, at_ns)
        self._take_now(order, base, candle, at_ns)

    def _try_stops(self, candle: Candle, only_from_ns: int | None = None) -> None:
        """Stops that the candle touches; nobody knows whether before they were there, so after it."""
        for order in list(self.orders.values()):
            if not order.waiting or order.takes_profit or order.order_id not in self.orders:
                continue
            if only_from_ns is not None and order.arrived_ns != only_from_ns:
                continue
            base = None
            if order.level is not None and not order.out_of_reach(candle.low, candle.high):
                base = trigger_price(order.level, candle, rising=order.rising)
            if base is None and order.trails:
                base = self._trail(order, candle)
            if base is not None:
                self._trigger(order, base, candle, candle.close_ns)

    def _trail(self, order: RestingOrder, candle: Candle) -> Decimal | None:
        """A trailing stop that was not touched follows the candle's extreme; what the market shows if that
        leaves the close beyond its level: surely the close, and its level only in the kinder reading.
        """
        close = decimal_of(candle.close)
        if order.since_ns > candle.open_ns:
            self.book.follow(order, close)
        else:
            self.book.follow(order, decimal_of(candle.low if order.side is BUY else candle.high))
        level = order.level
        if level is None or (close < level if order.rising else close > level):
            return None
        return level if self._model.optimistic else close

    def _try_limits(self, candle: Candle) -> None:
        """Limits that the candle trades through, and take-profits that it touches."""
        for order in list(self.orders.values()):
            if order.order_id not in self.orders or order.arrived_ns >= candle.close_ns:
                continue  # gone, or it came to be at this close
            if order.waiting and order.takes_profit and order.level is not None:
                from_open = order.since_ns <= candle.open_ns
                base = trigger_price(order.level, candle, rising=order.rising, from_open=from_open)
                if base is not None:
                    self._trigger(order, base, candle, candle.close_ns)
            if order.rests_as_limit and order.limit is not None and order.order_id in self.orders:
                from_open, touch = order.since_ns <= candle.open_ns, self._model.touch_fills
                matched = trade_through(order.side, order.limit, candle, from_open=from_open, touch=touch)
                if matched is not None:
                    self.book.take(order, matched, candle.close_ns)
