"""Round trips: the fills and funding of a run folded into trades, exactly.

A trade of one (strategy, symbol) runs from flat to flat. Adding to it and closing it in parts belong
to it; a fill through zero closes one trade and opens the next, its fee split by quantity. Positions
are carried at average cost (`core.accounting`), so for the whole run

    sum of ``net`` + sum of ``net`` and ``unrealised`` of open positions + stray funding

is the change of equity to the last digit. A fee paid in the base asset of a spot symbol is a
quantity that never arrives: it lessens the position and is valued at the price of its fill. One paid
in a third asset is valued at that asset's stated price.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import msgspec

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.enums import Direction, Regime, Side
from agentic_trading.core.errors import CorruptData
from agentic_trading.core.events import Fill, FundingPosted
from agentic_trading.core.interfaces import direction_of
from agentic_trading.core.money import ZERO, average, exact, share_of

# Names of their own: enums look their members up slowly.
BUY, LONG, UNKNOWN = Side.BUY, Direction.LONG, Regime.UNKNOWN
Key = tuple[str, str]
Prices = Mapping[str, Decimal]
NO_PRICES: Prices = {}


class Trade(msgspec.Struct, frozen=True):
    """One round trip, fields as the columns of ``trades.parquet``.

    ``quantity`` is all that was entered; prices are averages over entries and exits. ``gross`` is
    the price difference before costs, ``funding`` is positive when received, and
    ``net = gross - fees + funding``. All money is in quote currency.
    """

    trade: str
    strategy: str
    symbol: str
    direction: Direction
    entry_ns: int
    exit_ns: int
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    exit_reason: str
    regime: Regime


class OpenPosition(msgspec.Struct, frozen=True):
    """A position still open at the end: marked and listed, not counted as a trade.

    ``quantity`` is what is left, unsigned. ``realised`` is the gross profit of the parts already
    closed; ``net = realised - fees + funding`` leaves out ``unrealised``, the profit at the mark.
    """

    strategy: str
    symbol: str
    direction: Direction
    entry_ns: int
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealised: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    regime: Regime


class RoundTrips(NamedTuple):
    """Trades in order of exit, positions open at the end, and funding that met no position."""

    trades: tuple[Trade, ...]
    open_positions: tuple[OpenPosition, ...]
    stray_funding: Decimal


class _Trip(msgspec.Struct, gc=False, eq=False):
    """A trade in the making; ``quantity`` and ``cost`` are signed and concern what is still held."""

    strategy: str
    symbol: str
    direction: Direction
    entry_ns: int
    regime: Regime
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    entered: Decimal = ZERO
    entry_value: Decimal = ZERO
    exited: Decimal = ZERO
    exit_value: Decimal = ZERO
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    exit_ns: int = 0
    exit_reason: str = ""

    @property
    def net(self) -> Decimal:
        return self.gross - self.fees + self.funding


def fee_in_quote(fill: Fill, prices: Prices = NO_PRICES) -> Decimal:
    """The fee of a fill in the quote currency of its symbol.

    ``prices`` are the stated ones of assets that are neither its quote nor its base. Raises CorruptData
    for an asset whose price nobody tells. To be called inside `money.exact()`.
    """
    base, quote = assets_of(fill.symbol)
    if fill.fee_asset == quote or not fill.fee:
        return fill.fee
    if fill.fee_asset in prices:
        return fill.fee * prices[fill.fee_asset]
    if fill.fee_asset == base:
        return fill.fee * fill.price
    raise CorruptData(
        f"fill {fill.trade_id} of {fill.symbol} paid its fee in {fill.fee_asset}, "
        f"whose price in {quote} is not known"
    )


@cache
def assets_of(symbol: str) -> tuple[str, str]:
    """Base and quote of a symbol such as BTC/USDT or BTC/USDT:USDT."""
    base, _, rest = symbol.partition("/")
    return base, rest.partition(":")[0]


def fold_round_trips(
    events: Iterable[Fill | FundingPosted],
    *,
    reasons: Mapping[str, str],
    regimes: Mapping[str, Regime],
    marks: Mapping[str, Decimal],
    lots: Mapping[str, Decimal] | None = None,
    prices: Prices = NO_PRICES,
) -> RoundTrips:
    """Fold fills and funding postings, in the order they were booked, into round trips.

    ``reasons`` and ``regimes`` are by order id: why an order closed, and the regime at the signal
    that opened. ``marks`` are the last prices by symbol, ``prices`` those of `fee_in_quote`. With
    ``lots`` a remainder below one lot (the dust of fees paid in base) counts as flat and is handed, with
    its cost, to the next trade.
    Raises CorruptData for a fee that cannot be valued and KeyError for an open symbol without mark.
    """
    with exact():
        return fold(events, reasons, regimes, lots or {}, prices).result(marks)


def fold(
    events: Iterable[Fill | FundingPosted],
    reasons: Mapping[str, str],
    regimes: Mapping[str, Regime],
    lots: Mapping[str, Decimal],
    prices: Prices,
) -> "Fold":
    """The fold itself, to be called inside `money.exact()`; arguments as of `fold_round_trips`."""
    folded = Fold(reasons, regimes, lots, prices)
    for event in events:
        if type(event) is Fill:
            folded.fill(event)
        else:
            folded.funding(event)  # type: ignore[arg-type]
    return folded


class Fold:
    """Trades as far as their fills are known; ``closed`` are those that ended."""

    def __init__(
        self,
        reasons: Mapping[str, str],
        regimes: Mapping[str, Regime],
        lots: Mapping[str, Decimal],
        prices: Prices,
    ) -> None:
        self._reasons = reasons
        self._regimes = regimes
        self._lots = lots
        self._prices = prices
        self._running: dict[Key, _Trip] = {}
        self._last: dict[Key, _Trip] = {}
        self._dust: dict[Key, tuple[Decimal, Decimal]] = {}
        self.closed: list[_Trip] = []
        self._stray = ZERO

    def fill(self, fill: Fill) -> None:
        """A fill opens, adds, closes, or closes and opens the other way."""
        key = fill.strategy, fill.symbol
        moved = fill.quantity if fill.side is BUY else -fill.quantity
        fee = fill.fee
        base, quote = assets_of(fill.symbol)
        if fill.fee_asset != quote:
            if fill.fee_asset == base and base not in self._prices:
                moved -= fee
            fee = fee_in_quote(fill, self._prices)
        trip = self._running.get(key)
        if trip is not None:
            held = trip.quantity
            if (held > ZERO) is (moved < ZERO) and held and abs(moved) > abs(held):
                # It crosses zero: one part closes, the other opens; parts and fees sum to the fill exactly.
                closing_fee = share_of(fee, abs(held), abs(moved))
                self._book(trip, key, fill, -held, closing_fee)
                trip, moved, fee = None, moved + held, fee - closing_fee
        if trip is None:
            trip = self._running[key] = self._start(key, fill, moved)
        self._book(trip, key, fill, moved, fee)

    def _book(self, trip: _Trip, key: Key, fill: Fill, moved: Decimal, fee: Decimal) -> None:
        """Add a signed quantity that opens, adds or closes, but never crosses zero."""
        size, price = abs(moved), fill.price
        if (moved > ZERO) is (trip.direction is LONG):
            trip.entered += size
            trip.entry_value += size * price
        else:
            trip.exited += size
            trip.exit_value += size * price
        quantity, trip.cost, realised = apply_trade(trip.quantity, trip.cost, moved, price)
        trip.quantity = quantity
        trip.gross += realised
        trip.fees += fee
        if trip.exited and (not quantity or abs(quantity) < self._lots.get(fill.symbol, ZERO)):
            trip.exit_ns = fill.at_ns
            trip.exit_reason = self._reasons.get(fill.order_id, "")
            if quantity:
                self._dust[key] = quantity, trip.cost
            self.closed.append(trip)
            self._last[key] = self._running.pop(key)

    def _start(self, key: Key, fill: Fill, moved: Decimal) -> _Trip:
        regime = self._regimes.get(fill.order_id, UNKNOWN)
        trip = _Trip(*key, direction_of(moved), fill.at_ns, regime)
        if key in self._dust:
            trip.quantity, trip.cost = self._dust.pop(key)
            trip.entered, trip.entry_value = abs(trip.quantity), abs(trip.cost)
        return trip

    def funding(self, posted: FundingPosted) -> None:
        """A payment belongs to the running trade, or to the one that closed just before its stamp."""
        key = posted.strategy, posted.symbol
        trip = self._running.get(key) or self._last.get(key)
        if trip is None:
            self._stray += posted.payment
        else:
            trip.funding += posted.payment

    def result(self, marks: Mapping[str, Decimal]) -> RoundTrips:
        """All trades, and what is still open at these prices."""
        trades = tuple(_trade(number, trip) for number, trip in enumerate(self.closed, start=1))
        dust = [
            _Trip(*key, direction_of(quantity), self._last[key].exit_ns, UNKNOWN, quantity, cost)
            for key, (quantity, cost) in self._dust.items()
        ]
        still_open = [*self._running.values(), *dust]
        still_open.sort(key=lambda trip: (trip.strategy, trip.symbol))
        positions = tuple(_open_position(trip, marks[trip.symbol]) for trip in still_open)
        return RoundTrips(trades, positions, self._stray)


def _trade(number: int, trip: _Trip) -> Trade:
    return Trade(
        f"trade-{number}", trip.strategy, trip.symbol, trip.direction, trip.entry_ns, trip.exit_ns,
        trip.entered, average(trip.entry_value, trip.entered), average(trip.exit_value, trip.exited),
        trip.gross, trip.fees, trip.funding, trip.net,
        trip.exit_reason, trip.regime,
    )  # fmt: skip


def _open_position(trip: _Trip, mark: Decimal) -> OpenPosition:
    return OpenPosition(
        strategy=trip.strategy,
        symbol=trip.symbol,
        direction=trip.direction,
        entry_ns=trip.entry_ns,
        quantity=abs(trip.quantity),
        entry_price=average(trip.cost, trip.quantity),
        mark_price=mark,
        unrealised=trip.quantity * mark - trip.cost,
        realised=trip.gross,
        fees=trip.fees,
        funding=trip.funding,
        net=trip.net,
        regime=trip.regime,
    )
