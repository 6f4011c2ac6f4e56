"""A strategy that wants anything at any time, and an agent that asks for alarms, for random whole runs."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from agentic_trading.agents import Agents
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import REGIMES, Direction, ExecutionStyle, OrderType, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    AmendOrder,
    Event,
    FeatureVector,
    Fill,
    MemoryChanged,
    OrderClosed,
    OrderIntent,
    OrderTerms,
    Signal,
    stop_id_of,
)
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers, ema, roc
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.orders import target_id_of
from agentic_trading.strategies.base import BaseStrategy, StrategyParams


class Wishes(StrategyParams):
    """How a `Wanderer` behaves; shares are of rows."""

    salt: float
    entry_share: float
    exit_share: float
    extra_share: float
    stops: bool
    valid_for: int
    says: bool
    """Whether it says on which rows it could act; if not, every row must be looked at."""
    higher: Timeframe | None
    two_sided: bool = False
    """Whether it leaves a short on other rows than a long."""
    targets: int = 0
    """How many targets go with each stop."""
    style: ExecutionStyle | None = None


class Steps(msgspec.Struct):
    """What a `Wanderer` remembers: how often it acted."""

    taken: int = 0


def dice(closes: Any, salt: float, faces: float) -> Any:
    """Numbers in [0, 1) that anybody who knows the closes can throw again; the same for one or many."""
    thrown = closes * faces + salt
    return thrown - np.floor(thrown)


class Wanderer(BaseStrategy[Wishes]):
    """Wants anything at any time, by dice that depend on the row alone, and tells all that it sees."""

    Memory = Steps

    def features(self) -> list[FeatureSpec]:
        higher = [ema(2, timeframe=self.params.higher)] if self.params.higher is not None else []
        return [roc(2), *higher]

    def triggers(self, table: FeatureTable) -> Triggers | None:
        if not self.params.says:
            return None
        extra = self._extra(table["close"])
        enters, leaves, covers = self._acts(table["close"])
        short = covers | extra if self.params.two_sided else None
        return Triggers(entry=enters | extra, exit=leaves | extra, exit_short=short)

    def could_act(self, closes: Any) -> Any:
        """Where a close marks a row of any of its triggers, if it says them."""
        enters, leaves, covers = self._acts(closes)
        return enters | leaves | covers | self._extra(closes)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        enters, leaves, covers = self._acts(candle.close)
        acts = {Direction.FLAT: enters, Direction.LONG: leaves, Direction.SHORT: covers}
        if not (any(acts.values()) if ctx.working else acts[ctx.position.direction]):
            return None
        ctx.memory.taken += 1
        throw = float(dice(candle.close, self.params.salt, 7919.3))
        reasons = _all_it_sees(ctx, features)
        if throw < 0.2:
            return Signal.flat(candle, reasons=reasons)
        make = Signal.long if throw < 0.6 else Signal.short
        sign = 1 if throw < 0.6 else -1
        stop = None
        if self.params.stops:
            since = candle.close if ctx.entry is None else (ctx.entry.high if sign > 0 else ctx.entry.low)
            stop = since * (1.0 - sign * (0.001 + 0.04 * (throw - 0.2)))
        signal = make(candle, strength=0.2 + 0.8 * throw, stop=stop, style=self.params.style, reasons=reasons)
        if stop is not None:
            far = 0.001 + 0.03 * throw
            targets = tuple(candle.close * (1.0 + sign * far * n) for n in range(1, self.params.targets + 1))
            signal = msgspec.structs.replace(signal, targets=targets)
        return msgspec.structs.replace(signal, valid_for=self.params.valid_for)

    def _extra(self, closes: Any) -> Any:
        return dice(closes, self.params.salt, 5113.7) < self.params.extra_share

    def _acts(self, closes: Any) -> tuple[Any, Any, Any]:
        """Where it enters, leaves a long, and leaves a short."""
        enters = dice(closes, self.params.salt, 977.1) < self.params.entry_share
        leaves = dice(closes, self.params.salt, 1361.9) < self.params.exit_share
        if not self.params.two_sided:
            return enters, leaves, leaves
        return enters, leaves, dice(closes, self.params.salt, 1787.3) < self.params.exit_share


def _all_it_sees(ctx: TradingContext, features: FeatureVector) -> dict[str, float]:
    """Everything a strategy may read, as reasons: what differs anywhere differs in the record."""
    entry, book = ctx.entry, ctx.book
    seen = {name: features[name] for name in features.columns}
    if entry is not None:
        seen |= {"entry_ns": entry.at_ns, "entry": entry.price, "high": entry.high, "low": entry.low}
        seen |= {"stop": entry.stop or 0.0}
    return seen | {
        "position": float(ctx.position.quantity),
        "cost": float(ctx.position.average_price),
        "working": len(ctx.working),
        "equity": book.equity,
        "cash": book.cash,
        "gross": book.gross_exposure,
        "drawdown": book.drawdown_ratio,
        "now": float(ctx.now_ns),
        "regime": REGIMES.index(ctx.regime.state),
        "before": ctx.history(3)[0].close,
    }


class Sleeper:
    """Agent that asks for alarms at fills and rings, some for long ago, and records what it finds then."""

    name = "sleeper"
    reads = ("equity",)
    emits = (Alarm, MemoryChanged)

    def __init__(self, agents: Agents, clock: ReplayClock, naps: Sequence[int]) -> None:
        self._agents, self._clock, self._naps = agents, clock, list(naps)

    def react(self, event: Fill | AlarmRang) -> Iterable[Event]:
        answer: list[Event] = []
        if isinstance(event, AlarmRang):
            if event.key != self.name:
                return answer
            seen = {"due": event.at_ns, "now": self._clock.now_ns, "equity": self._agents.equity.equity}
            answer.append(MemoryChanged(self._clock.now_ns, self.name, "", seen))
        if self._naps:
            answer.append(Alarm(self.name, self._clock.now_ns + self._naps.pop()))
        return answer


class Meddler:
    """Agent that does to orders what no strategy can ask for: stops that trail, limits that move."""

    name = "meddler"
    reads = ("orders",)
    emits = (OrderIntent, AmendOrder)

    def __init__(self, agents: Agents, instruments: Mapping[str, Instrument], clock: ReplayClock) -> None:
        self._orders, self._instruments, self._clock = agents.orders, instruments, clock
        self._entries = 0

    def react(self, event: OrderClosed | OrderIntent) -> Iterable[Event]:
        terms, order_id = event.terms, event.order_id
        if terms.closing:
            return ()
        if isinstance(event, OrderIntent):
            return () if terms.price is None else (self._move(order_id, terms.symbol, terms.price),)
        moves: list[Event] = [
            self._move(target_id_of(order_id, number), terms.symbol, target.price)
            for number, target in enumerate(terms.targets, start=1)
        ]
        stop = self._orders.all.get(stop_id_of(order_id))
        self._entries += 1
        if self._entries % 2 or stop is None or not (stop.status.is_open and stop.remaining):
            return moves
        trailing = OrderTerms(
            terms.strategy, terms.symbol, stop.terms.side, stop.remaining, OrderType.TRAILING_STOP,
            closing=True, reduce_only=True, replaces=stop.order_id, trail_ratio=Decimal("0.01"),
            position_side=stop.terms.position_side,
        )  # fmt: skip
        made = OrderIntent(
            f"trailing-{self._entries}", self._clock.now_ns, trailing, "", order_id, "trailing"
        )
        return [*moves, made]

    def _move(self, order_id: str, symbol: str, price: Decimal) -> AmendOrder:
        up = 3 * self._instruments[symbol].tick
        return AmendOrder(order_id, self._clock.now_ns, symbol, price=price + up)
