"""The venue's own books of our account: balances per asset; of each perpetual one position, or two."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.enums import Market, PositionSide, Side
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO
from agentic_trading.simulation.margin import MarginPosition
from agentic_trading.simulation.opening import margin_after_trade

# Names of their own: enums look their members up slowly.
SPOT, LINEAR, BUY, SELL = Market.SPOT, Market.LINEAR, Side.BUY, Side.SELL
NET, LONG, SHORT = PositionSide.NET, PositionSide.LONG, PositionSide.SHORT
LEGS = (NET, LONG, SHORT)
_NOTHING = MarginPosition(ZERO, ZERO)


class VenueAccount:
    """What the venue believes we own; it enforces spot holdings and reduce-only from this.

    ``margins`` is what stands behind each position with isolated margin, a part of its quote balance.
    ``version`` rises with every change; readers may keep derived values while it stands.
    """

    def __init__(
        self, balances: Mapping[str, Decimal], isolated: Mapping[str, Decimal] | None = None
    ) -> None:
        """``isolated`` is the leverage of each perpetual that has a margin of its own."""
        self.balances = dict(balances)
        self.margins: dict[tuple[str, PositionSide], Decimal] = {}
        self.version = 0
        self._isolated = isolated or {}
        self._positions: dict[PositionSide, dict[str, MarginPosition]] = {leg: {} for leg in LEGS}
        self._open: dict[str, list[MarginPosition]] = {}  # by symbol those that are not flat
        self.held = 0
        """How many positions on perpetuals are open: on how many funding would be settled."""

    def position(self, symbol: str, leg: PositionSide | None = None) -> Decimal:
        """Position of a perpetual, signed: of one leg, or of all together."""
        if leg is not None:
            return self._positions[leg].get(symbol, _NOTHING).quantity
        net = self.position(symbol, NET)
        if symbol not in self._positions[LONG] and symbol not in self._positions[SHORT]:
            return net
        return net + self.position(symbol, LONG) + self.position(symbol, SHORT)

    def legs(self, symbol: str) -> Sequence[MarginPosition]:
        """The open positions on a perpetual: one, or in hedge mode up to two."""
        return self._open.get(symbol, ())

    def leg(self, symbol: str, leg: PositionSide) -> MarginPosition:
        """One position on a perpetual, which may be nothing."""
        return self._positions[leg].get(symbol, _NOTHING)

    def margin(self, symbol: str) -> Decimal:
        """The isolated margin behind a symbol, of both legs."""
        return sum((self.margins.get((symbol, leg), ZERO) for leg in LEGS), ZERO)

    def most(
        self, instrument: Instrument, side: Side, reduce_only: bool, leg: PositionSide = NET
    ) -> Decimal | None:
        """The largest quantity that may be executed now; None where only the order limits it.

        The long leg of a hedged account is only sold as far as it is held, the short one only bought.
        """
        if instrument.market is SPOT:
            if side is SELL:
                return self.balances.get(instrument.base, ZERO)
            return ZERO if reduce_only else None
        if not reduce_only and (leg is NET or (leg is LONG) is (side is BUY)):
            return None
        held = self._positions[leg].get(instrument.symbol, _NOTHING).quantity
        return max(ZERO, held if side is SELL else -held)

    def book(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        fee_asset: str,
        leg: PositionSide = NET,
    ) -> None:
        """Book an execution and its fee."""
        balances, quote = self.balances, instrument.quote
        traded = quantity if side is BUY else -quantity
        self.version += 1
        if instrument.market is SPOT:
            base, gained = instrument.base, -traded * price
            balances[base] = balances.get(base, ZERO) + traded
        else:
            gained = self._trade(instrument, traded, price, leg)
        if fee_asset == quote:
            balances[quote] = balances.get(quote, ZERO) + gained - fee
        else:
            balances[quote] = balances.get(quote, ZERO) + gained
            balances[fee_asset] = balances.get(fee_asset, ZERO) - fee

    def _trade(self, instrument: Instrument, traded: Decimal, price: Decimal, leg: PositionSide) -> Decimal:
        """Change a position on a perpetual, and its isolated margin; returns the realised profit."""
        positions, symbol = self._positions[leg], instrument.symbol
        before = positions.get(symbol, _NOTHING)
        leverage = self._isolated.get(symbol)
        if leverage is not None:
            behind = self.margins.get((symbol, leg), ZERO)
            self.margins[symbol, leg] = margin_after_trade(before, behind, traded, price, leverage)
        after, cost, realised = apply_trade(before.quantity, before.cost, traded, price)
        positions[symbol] = MarginPosition(after, cost)
        self.held += bool(after) - bool(before.quantity)
        legs = self._open[symbol] = []
        for held in self._positions.values():
            position = held.get(symbol)
            if position is not None and position.quantity:
                legs.append(position)
        return realised

    def fund(self, instrument: Instrument, payment: Decimal) -> None:
        """Book a funding payment: to the wallet and, where a position has one, to its own margin."""
        self.credit(instrument.quote, payment)
        for leg in LEGS:
            if instrument.symbol in self._isolated and self.position(instrument.symbol, leg):
                self.margins[instrument.symbol, leg] += payment
                return

    def close(self, instrument: Instrument, amount: Decimal) -> None:
        """End all positions on a perpetual and book what came of it, signed; their margin is released."""
        for leg in LEGS:
            self.held -= bool(self._positions[leg].pop(instrument.symbol, _NOTHING).quantity)
            self.margins.pop((instrument.symbol, leg), None)
        self._open.pop(instrument.symbol, None)
        self.credit(instrument.quote, amount)

    def credit(self, asset: str, amount: Decimal) -> None:
        """Add a signed amount to a balance."""
        self.version += 1
        self.balances[asset] = self.balances.get(asset, ZERO) + amount
