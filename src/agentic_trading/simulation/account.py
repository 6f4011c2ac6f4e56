"""The venue's own books of our account: balances per asset; of each perpetual one position, or two."""

from decimal import Decimal

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.enums import Market, PositionSide, Side
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO

# Names of their own: enums look their members up slowly.
SPOT, LINEAR, BUY, SELL = Market.SPOT, Market.LINEAR, Side.BUY, Side.SELL
NET, LONG = PositionSide.NET, PositionSide.LONG
Positions = dict[str, tuple[Decimal, Decimal]]
_NOTHING = (ZERO, ZERO)


class VenueAccount:
    """What the venue believes we own; it enforces spot holdings and reduce-only from this."""

    def __init__(self, balances: dict[str, Decimal]) -> None:
        self.balances = dict(balances)
        self._net: Positions = {}
        self._long: Positions = {}
        self._short: Positions = {}
        self._held = 0  # how many of them are not zero

    def position(self, symbol: str, leg: PositionSide | None = None) -> Decimal:
        """Position of a perpetual, signed: of one leg, or of all together."""
        if leg is not None:
            return self._leg(leg).get(symbol, _NOTHING)[0]
        net = self._net.get(symbol, _NOTHING)[0]
        if symbol not in self._long and symbol not in self._short:
            return net
        return net + self.position(symbol, PositionSide.LONG) + self.position(symbol, PositionSide.SHORT)

    @property
    def holds_perpetuals(self) -> bool:
        """Whether funding would be settled on anything."""
        return self._held > 0

    def most(
        self, instrument: Instrument, side: Side, *, reduce_only: bool, leg: PositionSide = NET
    ) -> Decimal | None:
        """The largest quantity that may be executed now; None where only the order limits it.

        The long leg of a hedged account is only sold as far as it is held, the short one only bought.
        """
        if instrument.market is SPOT:
            return self.balances.get(instrument.base, ZERO) if side is SELL else None
        if not reduce_only and (leg is NET or (leg is LONG) is (side is BUY)):
            return None
        held = self._leg(leg).get(instrument.symbol, _NOTHING)[0]
        return max(ZERO, held if side is SELL else -held)

    def affords(self, instrument: Instrument, side: Side, cost: Decimal) -> bool:
        """Whether a spot purchase can be paid; perpetuals are bounded by risk until margin exists."""
        if instrument.market is LINEAR or side is SELL:
            return True
        return self.balances.get(instrument.quote, ZERO) >= cost

    def book(
        self, instrument: Instrument, side: Side, quantity: Decimal, price: Decimal, leg: PositionSide = NET
    ) -> None:
        """Book an execution, without its fee."""
        traded = quantity if side is BUY else -quantity
        if instrument.market is SPOT:
            self.credit(instrument.base, traded)
            self.credit(instrument.quote, -traded * price)
            return
        positions = self._leg(leg)
        before, cost = positions.get(instrument.symbol, _NOTHING)
        after, cost, realised = apply_trade(before, cost, traded, price)
        positions[instrument.symbol] = (after, cost)
        self._held += bool(after) - bool(before)
        self.credit(instrument.quote, realised)

    def credit(self, asset: str, amount: Decimal) -> None:
        """Add a signed amount to a balance."""
        self.balances[asset] = self.balances.get(asset, ZERO) + amount

    def _leg(self, leg: PositionSide) -> Positions:
        return self._net if leg is NET else self._long if leg is LONG else self._short
