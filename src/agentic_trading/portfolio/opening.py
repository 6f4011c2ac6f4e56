"""The terms of an entry: size, stop and targets on the venue's grid, or the reason why there is none."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Direction, ExecutionStyle, PositionSide, Side, Timeframe
from agentic_trading.core.events import OrderTerms, Refusal, Signal
from agentic_trading.core.interfaces import Clock, MarksView
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ONE, ZERO, decimal_of, price_to_tick, share_of
from agentic_trading.core.orders import Target
from agentic_trading.core.sizing import SizingSettings
from agentic_trading.portfolio.sizing import Size

# Names of their own: enums look their members up slowly.
LONG, SHORT, BUY, SELL, NET = Direction.LONG, Direction.SHORT, Side.BUY, Side.SELL, PositionSide.NET


class Allotment(msgspec.Struct, frozen=True):
    """What one strategy may use: its sizing, its largest share of equity, its finest timeframe, its style."""

    sizing: SizingSettings
    max_position_ratio: float
    timeframe: Timeframe
    style: ExecutionStyle = ExecutionStyle.MARKET


class Pair:
    """One strategy on one symbol: what its entries go by, looked up once."""

    __slots__ = ("allotment", "can_short", "instrument", "least_notional", "quantity", "size", "units")

    def __init__(self, allotment: Allotment, instrument: Instrument, multiplier: float) -> None:
        self.allotment = allotment
        self.instrument = instrument
        self.can_short = instrument.can_short
        self.least_notional = float(instrument.min_notional)
        self.size = Size(allotment.sizing, instrument, allotment.max_position_ratio, multiplier)
        self.quantity, self.units = ZERO, 0.0
        """That of the last entry, exact and as a float."""


class Pairs(dict[tuple[str, str], Pair]):
    """What entries go by, for each (strategy, symbol) from when it is first asked for."""

    def __init__(
        self, instruments: Mapping[str, Instrument], allotments: Mapping[str, Allotment], multiplier: float
    ) -> None:
        """``multiplier`` is the safe-mode factor on every size."""
        super().__init__()
        self._instruments = instruments
        self._allotments = allotments
        self._multiplier = multiplier

    def __missing__(self, key: tuple[str, str]) -> Pair:
        strategy, symbol = key
        pair = self[key] = Pair(self._allotments[strategy], self._instruments[symbol], self._multiplier)
        return pair


class Opening:
    """Turns a signal for a position into the terms of one order at market, bracket included."""

    def __init__(self, marks: MarksView, clock: Clock, *, hedged: bool) -> None:
        """``hedged`` keeps long and short apart."""
        self._marks = marks
        self._clock = clock
        self._hedged = hedged

    def terms(
        self, key: tuple[str, str], pair: Pair, signal: Signal, price: float, volatility: float | None
    ) -> OrderTerms | Refusal:
        """The whole wanted position as one market order, at the mark ``price``.

        The signal need not be stamped: ``key`` is (strategy, symbol), ``volatility`` what sizing may need.
        """
        now_ns, direction = self._clock.now_ns, signal.direction
        if direction is SHORT and not pair.can_short:
            return refuse_short(signal, now_ns)
        quantity = pair.size.wanted(signal.strength, self._marks.equity, price, volatility)
        if quantity is None:
            return refuse(signal, now_ns, "size_unknown", 0, 0, "price, equity or volatility is missing")
        instrument = pair.instrument
        stop = None if signal.stop is None else stop_on_tick(signal, instrument)
        targets = _targets_on_tick(signal, instrument) if signal.targets else ()
        terms = self.at_market(key, instrument, direction, quantity, stop, targets)
        return objection(signal, terms, pair, price, now_ns) or terms

    def at_market(
        self,
        key: tuple[str, str],
        instrument: Instrument,
        direction: Direction,
        quantity: Decimal,
        stop: Decimal | None = None,
        targets: tuple[Target, ...] = (),
    ) -> OrderTerms:
        """Open a position in this direction with one order."""
        return OrderTerms(
            *key,
            BUY if direction is LONG else SELL,
            quantity,
            protective_stop=stop,
            targets=targets,
            position_side=leg_of(direction, instrument) if self._hedged else NET,
        )


def objection(signal: Signal, terms: OrderTerms, pair: Pair, price: float, now_ns: int) -> Refusal | None:
    """Why an entry that reckons with ``price`` must not be made: too small, or its bracket is passed."""
    quantity, instrument = terms.quantity, pair.instrument
    if quantity < instrument.min_quantity:
        least = float(instrument.min_quantity)
        return refuse(signal, now_ns, "below_minimum", float(quantity), least, "quantity of one order", -1)
    if quantity is not pair.quantity:  # a fixed one is the same object every time: converted once
        pair.quantity, pair.units = quantity, float(quantity)
    notional, least = pair.units * price, pair.least_notional
    if notional < least:
        return refuse(signal, now_ns, "below_minimum", notional, least, "notional of one order", -1)
    stop = terms.protective_stop
    if stop is None and not terms.targets:
        return None
    sign = signal.direction.sign
    if stop is not None and not loses(stop, price, signal.direction):
        return refuse(signal, now_ns, "stop_on_wrong_side", float(stop), price, sign=sign)
    if terms.targets and stop is None:
        what = "a stop ties the targets of a bracket together"
        return refuse(signal, now_ns, "targets_without_stop", len(terms.targets), 0, what)
    for target in terms.targets:
        if not (target.price > 0 and (float(target.price) - price) * sign > 0):
            return refuse(signal, now_ns, "target_on_wrong_side", float(target.price), price, sign=-sign)
    return None


def leg_of(direction: Direction, instrument: Instrument) -> PositionSide:
    """Which position at the venue a strategy's position is a part of, where long and short are kept apart."""
    if not instrument.can_short:
        return NET
    return PositionSide.LONG if direction is LONG else PositionSide.SHORT


def loses(stop: Decimal, price: float, direction: Direction) -> bool:
    """Whether a stop lies on the losing side of the market."""
    return stop > 0 and (float(stop) - price) * direction.sign < 0


def stop_on_tick(signal: Signal, instrument: Instrument) -> Decimal | None:
    """The signal's stop on the tick, rounded toward the market: it triggers no later than asked."""
    if signal.stop is None:
        return None
    return price_to_tick(signal.stop, instrument.tick, up=signal.direction is LONG)


def _targets_on_tick(signal: Signal, instrument: Instrument) -> tuple[Target, ...]:
    """The signal's targets on the tick, rounded away from the market: they take no less than asked.

    Without shares each has an equal one, and the last what rounding leaves of the whole.
    """
    up, count, left = signal.direction is LONG, len(signal.targets), ONE
    targets: list[Target] = []
    for number, wanted in enumerate(signal.targets, start=1):
        if isinstance(wanted, tuple):
            price, share = wanted[0], decimal_of(wanted[1])
        else:
            price, share = wanted, left if number == count else share_of(ONE, ONE, Decimal(count))
            left -= share
        targets.append(Target(price_to_tick(price, instrument.tick, up=up), share))
    return tuple(targets)


def refuse_short(signal: Signal, now_ns: int) -> Refusal:
    """Spot cannot be sold short."""
    return refuse(signal, now_ns, "short_not_possible", 1, 0, "spot holdings cannot be negative")


def refuse(
    signal: Signal, now_ns: int, code: str, value: float, limit: float, detail: str = "", sign: int = 1
) -> Refusal:
    """A refusal of a signal; ``sign`` is -1 where the limit is a least: headroom is negative if missed."""
    headroom = (float(limit) - float(value)) * sign
    return Refusal(
        now_ns, signal.id, signal.strategy, signal.symbol, code, float(value), float(limit), headroom, detail
    )
