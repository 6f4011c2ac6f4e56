"""Both books of a run, the venue's and our own: how a test reaches them, and where they disagree."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from agentic_trading import main
from agentic_trading.backtester.record import RunRecord
from agentic_trading.core.money import decimal_of, exact
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.simulation.venue import SimulatedVenue


class Books(NamedTuple):
    """What a run leaves: our ledger and the venue with its account."""

    ledger: Ledger
    venue: SimulatedVenue


@contextmanager
def kept_books() -> Iterator[list[Books]]:
    """Keep the books of every run that `main.record_of` makes inside the block, in order."""
    kept: list[Books] = []
    ledgers: list[Ledger] = []
    agents, venue = main.Agents, main.SimulatedVenue

    def watched_agents(*given: Any) -> Any:
        made = agents(*given)
        ledgers.append(made.ledger)
        return made

    def watched_venue(*given: Any) -> Any:
        made = venue(*given)
        kept.append(Books(ledgers.pop(), made))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "Agents", watched_agents)
        patch.setattr(main, "SimulatedVenue", watched_venue)
        yield kept


def disagreements(books: Books, capital: Decimal, *, hedged: bool = False, quote: str = "USDT") -> list[str]:
    """Every asset and position that the two books do not have alike, and value that came from nowhere.

    All to the last digit. Our ledger nets the legs of a hedged account and so realises profit at other
    times than the venue; what wallet and positions are worth together must be the same.
    """
    ledger, account = books.ledger, books.venue.account
    symbols = books.venue._instruments
    with exact():
        ours = {asset: amount for asset, amount in ledger.balances.items() if amount}
        theirs = {asset: amount for asset, amount in account.balances.items() if amount}
        if hedged:
            stock = sum((ledger.balance(each) * price for each, price in ledger.prices.items()), Decimal(0))
            ours[quote] = ledger.quote_value(quote) - stock
            theirs[quote] = account.balances[quote] - sum(
                (leg.cost for symbol in symbols for leg in account.legs(symbol)), Decimal(0)
            )
        found = [
            f"{asset}: {ours.get(asset)} here, {theirs.get(asset)} at the venue"
            for asset in sorted({*ours, *theirs})
            if ours.get(asset) != theirs.get(asset)
        ]
        for symbol in symbols:
            own = ledger.net_quantity(symbol)
            held = (
                account.position(symbol) if ":" in symbol else account.balances.get(symbol.split("/")[0], 0)
            )
            parts = sum((book.quantity for _, at, book in ledger.positions() if at == symbol), Decimal(0))
            if not own == held == parts:
                found.append(f"{symbol}: {own} here, {parts} by strategies, {held} at the venue")
        flows = sum((book.flow for _, _, book in ledger.positions()), Decimal(0))
        strange = ledger.quote_value(quote) - capital - flows
    return [*found, f"{strange} from nowhere"] if strange else found


def worth(record: RunRecord, ledger: Ledger) -> Decimal:
    """What the account is worth at the last closes of a run, exactly, by our book alone."""
    with exact():
        value = ledger.quote_value(record.quote)
        for symbol, close in record.market.last_closes.items():
            value += ledger.net_quantity(symbol) * decimal_of(close)
    return value
