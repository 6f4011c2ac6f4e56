"""The terms of an entry: size, stop and targets on the venue's grid, or the reason why there is none."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Direction, ExecutionStyle, PositionSide, Side, Timeframe
from agentic_trading.core.events import OrderTerms, Refusal, Signal
from agentic_trading.core.interfaces import Clock, MarksView
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ONE, decimal_of, price_to_tick, share_of
from agentic_trading.core.orders import Target
from agentic_trading.core.sizing import SizingSettings
from agentic_trading.portfolio.sizing import wanted_quantity

# Names of their own: enums look their members up slowly.
LONG, SHORT, BUY, SELL, NET = Direction.LONG, Direction.SHORT, Side.BUY, Side.SELL, PositionSide.NET


class Allotment(msgspec.Struct, frozen=True):
    """What one strategy may use: its sizing, its largest share of equity, its finest timeframe, its style."""

    sizing: SizingSettings
    max_position_ratio: float
    timeframe: Timeframe
    style: ExecutionStyle = ExecutionStyle.MARKET


class Opening:
    """Turns a signal for a position into the terms of one order at market, bracket included."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        allotments: Mapping[str, Allotment],
        marks: MarksView,
        clock: Clock,
        multiplier: float,
        *,
        hedged: bool,
    ) -> None:
        """``multiplier`` is the safe-mode factor on every size; ``hedged`` keeps long and short apart."""
        self._instruments = instruments
        self._allotments = allotments
        self._marks = marks
        self._clock = clock
        self._multiplier = multiplier
        self._hedged = hedged

    def terms(self, signal: Signal, price: float) -> OrderTerms | Refusal:
        """The whole wanted position as one market order, at the mark ``price``."""
        now_ns, instrument = self._clock.now_ns, self._instruments[signal.symbol]
        if signal.direction is SHORT and not instrument.can_short:
            return refuse_short(signal, now_ns)
        quantity = self._quantity(signal.strategy, instrument, signal.strength, price, signal.volatility)
        if quantity is None:
            return refuse(signal, now_ns, "size_unknown", 0, 0, "price, equity or volatility is missing")
        terms = OrderTerms(
            signal.strategy,
            signal.symbol,
            BUY if signal.direction is LONG else SELL,
            quantity,
            protective_stop=stop_on_tick(signal, instrument),
            position_side=leg_of(signal.direction, instrument) if self._hedged else NET,
            targets=_targets_on_tick(signal, instrument) if signal.targets else (),
        )
        return objection(signal, terms, instrument, price, now_ns) or terms

    def plain_terms(
        self, key: tuple[str, str], signal: Signal, price: float, volatility: float | None
    ) -> OrderTerms | None:
        """The terms for a signal without a bracket that is not stamped yet; None where there are none."""
        strategy, symbol = key
        instrument = self._instruments[symbol]
        if signal.direction is SHORT and not instrument.can_short:
            return None
        quantity = self._quantity(strategy, instrument, signal.strength, price, volatility)
        if quantity is None:
            return None
        leg = leg_of(signal.direction, instrument) if self._hedged else NET
        side = BUY if signal.direction is LONG else SELL
        terms = OrderTerms(strategy, symbol, side, quantity, position_side=leg)
        return None if objection(signal, terms, instrument, price, 0) else terms

    def _quantity(
        self, strategy: str, instrument: Instrument, strength: float, price: float, volatility: float | None
    ) -> Decimal | None:
        allotment = self._allotments[strategy]
        return wanted_quantity(
            allotment.sizing,
            instrument,
            strength=strength,
            equity=self._marks.equity,
            price=price,
            volatility=volatility,
            max_fraction=allotment.max_position_ratio,
            multiplier=self._multiplier,
        )


def objection(
    signal: Signal, terms: OrderTerms, instrument: Instrument, price: float, now_ns: int
) -> Refusal | None:
    """Why an entry that reckons with ``price`` must not be made: too small, or its bracket is passed."""
    quantity, notional = terms.quantity, float(terms.quantity) * price
    if quantity < instrument.min_quantity:
        least = float(instrument.min_quantity)
        return refuse(signal, now_ns, "below_minimum", float(quantity), least, "quantity of one order", -1)
    least = float(instrument.min_notional)
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
