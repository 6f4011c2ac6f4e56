"""The exact books: balances per asset and one sub-book per (strategy, symbol) that sum to the account."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.enums import Direction, Liquidity, Market, Side
from agentic_trading.core.events import (
    Event,
    Fill,
    Funding,
    FundingPosted,
    Liquidated,
    LiquidationPosted,
)
from agentic_trading.core.interfaces import Reacting, Reactions
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO, share_of

# Names of their own: enums look their members up slowly.
SPOT, BUY = Market.SPOT, Side.BUY
FLAT, LONG, SHORT = Direction.FLAT, Direction.LONG, Direction.SHORT


class SubBook:
    """What one strategy owns of one symbol: signed quantity, signed cost, and the money it made.

    ``cost`` is quantity times average entry price. ``realised`` is before fees; ``fees`` are in quote
    currency, those of another asset at its stated price (a fee taken in the base asset lowers the quantity
    instead).
    """

    __slots__ = ("cost", "direction", "fees", "funding", "quantity", "realised")

    def __init__(self) -> None:
        self.quantity = ZERO
        self.direction = FLAT
        self.cost = ZERO
        self.realised = ZERO
        self.fees = ZERO
        self.funding = ZERO

    @property
    def flow(self) -> Decimal:
        """Value that came in, net, in quote currency: conserved whatever the averaging of costs."""
        return self.realised - self.cost - self.fees + self.funding


_NEVER_TRADED = SubBook()


class _Listing:
    """A symbol in the books: how its trades settle, and the account's position over all strategies."""

    __slots__ = ("base", "cost", "net", "quote", "spot")

    def __init__(self, instrument: Instrument) -> None:
        self.base = instrument.base
        self.quote = instrument.quote
        self.spot = instrument.market is SPOT
        self.net = ZERO
        self.cost = ZERO
        """That of the net position of a perpetual."""


class Ledger(Reacting):
    """Agent ``ledger``: folds fills, funding and liquidations; every posting is exact and balanced.

    Fills are a set keyed by trade id: one that is reported again posts nothing.
    """

    name = "ledger"
    reads: tuple[str, ...] = ()
    emits = (FundingPosted, LiquidationPosted)

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        balances: Mapping[str, Decimal],
        prices: Mapping[str, Decimal] | None = None,
    ) -> None:
        """``prices`` are those of assets that are held to pay fees with, one unit in quote currency."""
        self._listings = {symbol: _Listing(instrument) for symbol, instrument in instruments.items()}
        self.balances = dict(balances)
        self.prices = dict(prices or {})
        self.posted: list[str] = []
        """The symbol of every posting, in order; readers may keep derived values while it is as long."""
        self.held: dict[tuple[str, str], SubBook] = {}
        """The sub-books that are not flat, by (strategy, symbol)."""
        self._books: dict[tuple[str, str], SubBook] = {}
        self._tied = ZERO  # the sum of the listings' costs
        self._trades: set[str] = set()
        self._forced = 0

    @property
    def reactions(self) -> Reactions:
        return {
            Fill: self._fill,
            Funding: self._post_funding,
            Liquidated: self._post_liquidation,
        }

    def position(self, strategy: str, symbol: str) -> SubBook:
        """The sub-book of a strategy on a symbol; empty if it never traded."""
        return self._books.get((strategy, symbol), _NEVER_TRADED)

    def positions(self) -> Iterable[tuple[str, str, SubBook]]:
        """All sub-books, in order of first use."""
        return [(strategy, symbol, book) for (strategy, symbol), book in self._books.items()]

    def balance(self, asset: str) -> Decimal:
        """Free and locked amount of an asset."""
        return self.balances.get(asset, ZERO)

    def net_quantity(self, symbol: str) -> Decimal:
        """The account's position on a symbol: the sum of the sub-books."""
        listing = self._listings.get(symbol)
        return ZERO if listing is None else listing.net

    def quote_value(self, quote: str) -> Decimal:
        """What, with positions valued at their marks, makes equity: wallet less cost of perpetuals.

        With it what is left of the assets that have a stated price.
        """
        value = self.balances.get(quote, ZERO)
        if self._tied:
            value -= self._tied
        for asset, price in self.prices.items():
            value += self.balances.get(asset, ZERO) * price
        return value

    def post(self, fills: Iterable[Fill]) -> None:
        """Post fills of which nobody has heard yet, in their order."""
        know, post = self._trades.add, self._post_fill
        for fill in fills:
            know(fill.trade_id)
            post(fill)

    def _fill(self, fill: Fill) -> Iterable[Event]:
        if fill.trade_id not in self._trades:
            self._trades.add(fill.trade_id)
            self._post_fill(fill)
        return ()

    def _post_fill(self, fill: Fill) -> None:
        symbol, price, balances = fill.symbol, fill.price, self.balances
        listing = self._listings[symbol]
        quote = listing.quote
        key = (fill.strategy, symbol)
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = SubBook()
        traded = fill.quantity if fill.side is BUY else -fill.quantity
        book.quantity, book.cost, realised = apply_trade(book.quantity, book.cost, traded, price)
        book.realised += realised
        if listing.spot:
            base = listing.base
            balances[base] = balances.get(base, ZERO) + traded
            cash = balances.get(quote, ZERO) - traded * price
        else:
            cash = balances.get(quote, ZERO) + self._realise(listing, traded, price)
        listing.net += traded
        if fill.fee_asset == quote:  # nearly always: then the account is touched once
            balances[quote] = cash - fill.fee
            book.fees += fill.fee
        else:
            balances[quote] = cash
            self._post_fee(book, listing, fill)
        quantity = book.quantity
        if quantity:
            book.direction = LONG if quantity > ZERO else SHORT
            self.held[key] = book
        else:
            book.direction = FLAT
            self.held.pop(key, None)
        self.posted.append(symbol)

    def _realise(self, listing: _Listing, traded: Decimal, price: Decimal) -> Decimal:
        """What a trade realises of the account's position in a perpetual; the cost of the rest is tied."""
        before = listing.cost
        _, listing.cost, realised = apply_trade(listing.net, before, traded, price)
        self._tied += listing.cost - before
        return realised

    def _post_fee(self, book: SubBook, listing: _Listing, fill: Fill) -> None:
        """Post a fee that was taken in another asset than the quote currency."""
        fee, asset, balances = fill.fee, fill.fee_asset, self.balances
        balances[asset] = balances.get(asset, ZERO) - fee
        if asset in self.prices:
            book.fees += fee * self.prices[asset]
        elif asset == listing.base:
            book.quantity -= fee
            listing.net -= fee

    def _post_funding(self, funding: Funding) -> list[FundingPosted]:
        """Split a payment by sub-position; the last strategy takes the remainder, so nothing is lost."""
        self.posted.append(funding.symbol)
        quote = self._listings[funding.symbol].quote
        self.balances[quote] = self.balances.get(quote, ZERO) + funding.payment
        holders = [
            (strategy, book)
            for (strategy, symbol), book in self._books.items()
            if symbol == funding.symbol and book.quantity
        ]
        posted, left = [], funding.payment
        for position, (strategy, book) in enumerate(holders, start=1):
            last = position == len(holders)
            part = left if last else share_of(funding.payment, book.quantity, funding.quantity)
            left -= part
            book.funding += part
            posted.append(
                FundingPosted(
                    funding.at_ns, strategy, funding.symbol, funding.rate, book.quantity * funding.mark, part
                )
            )
        return posted

    def _post_liquidation(self, closed: Liquidated) -> list[LiquidationPosted]:
        """Close every sub-book at one price; the fee is split by quantity, the last has the remainder."""
        holders = [
            (strategy, book.quantity)
            for (strategy, symbol), book in self._books.items()
            if symbol == closed.symbol and book.quantity
        ]
        whole = sum((abs(quantity) for _, quantity in holders), ZERO)
        posted, left = [], closed.fee
        for position, (strategy, quantity) in enumerate(holders, start=1):
            part = left if position == len(holders) else share_of(closed.fee, abs(quantity), whole)
            left -= part
            self._forced += 1
            fill = Fill(
                f"{closed.reason}-{self._forced}", closed.reason, strategy, closed.symbol,
                Side.SELL if quantity > 0 else Side.BUY, abs(quantity), closed.price, part,
                self._listings[closed.symbol].quote, Liquidity.TAKER, closed.price, closed.at_ns,
            )  # fmt: skip
            self._post_fill(fill)
            posted.append(LiquidationPosted(fill))
        return posted
