"""The venue's own books of our account: balances per asset, one net position per perpetual."""

from decimal import Decimal

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.enums import Market, Side
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO

SPOT, LINEAR, BUY, SELL = Market.SPOT, Market.LINEAR, Side.BUY, Side.SELL  # enums look members up slowly
_NOTHING = (ZERO, ZERO)


class VenueAccount:
    """What the venue believes we own; it enforces spot holdings and reduce-only from this."""

    def __init__(self, balances: dict[str, Decimal]) -> None:
        self.balances = dict(balances)
        self._positions: dict[str, tuple[Decimal, Decimal]] = {}
        self._held = 0  # how many of them are not zero

    def position(self, symbol: str) -> Decimal:
        """Net position of a perpetual, signed."""
        return self._positions.get(symbol, _NOTHING)[0]

    @property
    def holds_perpetuals(self) -> bool:
        """Whether funding would be settled on anything."""
        return self._held > 0

    def most(self, instrument: Instrument, side: Side, *, reduce_only: bool) -> Decimal | None:
        """The largest quantity that may be executed now; None where only the order limits it."""
        if instrument.market is SPOT:
            return self.balances.get(instrument.base, ZERO) if side is SELL else None
        if not reduce_only:
            return None
        held = self.position(instrument.symbol)
        return max(ZERO, held if side is SELL else -held)

    def affords(self, instrument: Instrument, side: Side, cost: Decimal) -> bool:
        """Whether a spot purchase can be paid; perpetuals are bounded by risk until margin exists."""
        if instrument.market is LINEAR or side is SELL:
            return True
        return self.balances.get(instrument.quote, ZERO) >= cost

    def book(
        self, instrument: Instrument, side: Side, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> None:
        """Book an execution; the fee is in quote currency."""
        traded = quantity if side is BUY else -quantity
        if instrument.market is SPOT:
            self.credit(instrument.base, traded)
            self.credit(instrument.quote, -traded * price - fee)
            return
        before, cost = self._positions.get(instrument.symbol, _NOTHING)
        after, cost, realised = apply_trade(before, cost, traded, price)
        self._positions[instrument.symbol] = (after, cost)
        self._held += bool(after) - bool(before)
        self.credit(instrument.quote, realised - fee)

    def credit(self, asset: str, amount: Decimal) -> None:
        """Add a signed amount to a balance."""
        self.balances[asset] = self.balances.get(asset, ZERO) + amount
