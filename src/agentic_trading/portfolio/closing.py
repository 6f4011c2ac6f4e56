"""Orders that close a position: one for each stop that protects a part of it, and in its place."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Direction, OrderType, PositionSide, Side
from agentic_trading.core.events import OrderTerms, Signal
from agentic_trading.core.interfaces import SubPosition, WorkingView
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO
from agentic_trading.portfolio.opening import leg_of, stop_on_tick

# Names of their own: enums look their members up slowly.
BUY, SELL, MARKET, STOP_MARKET = Side.BUY, Side.SELL, OrderType.MARKET, OrderType.STOP_MARKET
SHORT, NET = Direction.SHORT, PositionSide.NET


class Closing:
    """Turns a position that is held into the terms of the orders that close it."""

    def __init__(self, instruments: Mapping[str, Instrument], working: WorkingView, *, hedged: bool) -> None:
        """``hedged`` keeps long and short apart."""
        self._instruments = instruments
        self._stops = working.stops
        self._bracketed = working.bracketed
        self._hedged = hedged

    def terms(
        self,
        key: tuple[str, str],
        held: SubPosition,
        stop_price: Decimal | None,
        *,
        reduce_only: bool = True,
    ) -> list[OrderTerms]:
        """Close all that is held at market, or at another trigger; ``key`` is (strategy, symbol).

        The venue replaces a stop in one step, and only one by one order: so there is an order for each,
        for what that stop covers. The last also takes what no stop covers. A stop that has the wanted
        trigger already is left where it is.
        """
        direction, left = held.direction, held.quantity
        if direction is SHORT:
            left = -left
        whole = self.whole(key, left, direction, stop_price, reduce_only=reduce_only)
        stops = self._stops(*key) if key in self._bracketed else ()
        if not stops:
            return [whole]
        orders: list[OrderTerms] = []
        for stop in stops:
            part = left if stop is stops[-1] else min(stop.remaining, left)
            left -= part
            there = stop_price is not None and stop.terms.stop_price == stop_price
            if part > ZERO and not there:
                orders.append(msgspec.structs.replace(whole, quantity=part, replaces=stop.order_id))
        return orders

    def whole(
        self,
        key: tuple[str, str],
        quantity: Decimal,
        direction: Direction,
        stop_price: Decimal | None = None,
        *,
        reduce_only: bool = True,
    ) -> OrderTerms:
        """Close a position in this direction with one order, at market or at another trigger."""
        strategy, symbol = key
        return OrderTerms(
            strategy,
            symbol,
            BUY if direction is SHORT else SELL,
            quantity,
            MARKET if stop_price is None else STOP_MARKET,
            stop_price=stop_price,
            closing=True,
            reduce_only=reduce_only,
            position_side=leg_of(direction, self._instruments[symbol]) if self._hedged else NET,
        )

    def new_stop(self, strategy: str, signal: Signal) -> Decimal | None:
        """The price the protective stops should move to; None if they are there already."""
        price = stop_on_tick(signal, self._instruments[signal.symbol])
        stops = self._stops(strategy, signal.symbol)
        there = stops and all(stop.terms.stop_price == price for stop in stops)
        return None if there else price
