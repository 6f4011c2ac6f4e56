"""A whole deciding core under a scripted market: the real bus, wiring, agents and simulated venue.

`Drive` moves the market one candle at a time; scripted strategies say once what they were told to want.
`Books` listens to everything and keeps its own books, in other arithmetic than the platform's.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, NamedTuple, get_args

from agentic_trading.agents import topology
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import Direction, ExecutionStyle, Liquidity, Market, Posture, Side, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    AnyEvent,
    CandlesClosed,
    DayStarted,
    Event,
    FeatureVector,
    Fill,
    Funding,
    OrderAmended,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderRejected,
    OrderTerms,
    Proposal,
    Refusal,
    Signal,
    attached_stop,
    stop_id_of,
)
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import TradingContext, direction_of
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.orders import attached_target, target_id_of
from agentic_trading.core.sizing import FixedFraction
from agentic_trading.event_bus.bus import EventBus
from agentic_trading.execution.engine import ExecutionEngine
from agentic_trading.execution.order_manager import OrderManager
from agentic_trading.portfolio.allocator import Allocator
from agentic_trading.portfolio.entries import Entries
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.portfolio.opening import Allotment
from agentic_trading.portfolio.settings import ExecutionSettings
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.engine import RiskEngine
from agentic_trading.risk.limits import RiskSettings
from agentic_trading.simulation.costs import CostModel
from agentic_trading.simulation.resting import MarketModel
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.strategies.agent import StrategyAgent
from agentic_trading.strategies.context import Context, Desk
from agentic_trading.strategies.regime.detector import RegimeDetector
from agentic_trading.strategies.regime.gate import Gate

SPOT, PERP = "BTC/USDT", "ETH/USDT:USDT"
SYMBOLS = (SPOT, PERP)
STRATEGIES = ("a", "b", "c")
KEYS = tuple((strategy, symbol) for strategy in STRATEGIES for symbol in SYMBOLS)
FRAME = Timeframe.M1
CAPITAL = Decimal(10_000)
LATENCY_CANDLES = 3
START_NS = 1_704_067_200_000_000_000
LIMITS = RiskSettings(
    max_position_pct=0.45, max_gross_exposure=0.8, max_order_pct=0.25, price_collar_bps=100.0,
    max_drawdown_pct=0.3, max_daily_loss_pct=0.2,
)  # fmt: skip
EXCUSES = ("insufficient_balance", "insufficient_holdings", "stopped_out", "below_min_notional")
"""Reasons of the venue that explain why a position is not what was wanted."""

Key = tuple[str, str]


class Wish(NamedTuple):
    """What a scripted strategy is to say at the next candle; ratios are distances from the close.

    There are two targets at ``target_ratio`` and twice that, for half of the position each.
    """

    direction: Direction
    stop_ratio: float | None = None
    valid_for: int = 0
    target_ratio: float | None = None
    style: ExecutionStyle | None = None


class Bar(NamedTuple):
    """The next candle of a symbol: moves are ratios of the last close, volume is in base units."""

    gap: float = 0.0
    body: float = 0.0
    wick: float = 0.0
    volume: float = 1_000.0
    filled: bool = False


def make_instrument(symbol: str) -> Instrument:
    """Coarse steps, so that rounding matters."""
    market = Market.LINEAR if ":" in symbol else Market.SPOT
    base = symbol.split("/", 1)[0]
    return Instrument(
        "binance", symbol, market, base, "USDT",
        Decimal("0.01"), Decimal("0.1"), Decimal("0.1"), Decimal(5),
    )  # fmt: skip


class Scripted:
    """Says each wish once and is silent otherwise, so the platform has nothing but its own memory."""

    def __init__(self, name: str, wishes: dict[Key, Wish]) -> None:
        self.name, self.wishes = name, wishes

    def features(self) -> Sequence[FeatureSpec]:
        return ()

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        wish = self.wishes.pop((self.name, candle.symbol), None)
        if wish is None:
            return None
        stop, targets, sign = None, (), wish.direction.sign
        if wish.stop_ratio is not None and sign:
            stop = candle.close * (1.0 - sign * wish.stop_ratio)
            if wish.target_ratio is not None:
                targets = tuple(candle.close * (1.0 + sign * wish.target_ratio * far) for far in (1, 2))
        return Signal(
            self.name, candle.symbol, wish.direction, stop=stop, targets=targets,
            valid_for=wish.valid_for, style=wish.style,
        )  # fmt: skip


class PlainFeatures:
    """Agent ``features``: a vector without features for every candle."""

    name = "features"
    reads: tuple[str, ...] = ()
    emits: tuple[type[Event], ...] = (FeatureVector,)

    def react(self, event: CandlesClosed) -> Iterable[Event]:
        return [
            FeatureVector(candle.symbol, candle.timeframe, candle.close_ns, candle, {}, ())
            for candle in event.candles
        ]

    def last_candles(self, symbol: str, timeframe: Timeframe, count: int) -> Sequence[Candle]:
        return ()


class Drive:
    """The platform and the market around it."""

    def __init__(self, latency_candles: int = LATENCY_CANDLES, participation: str = "0.1") -> None:
        self.instruments = {symbol: make_instrument(symbol) for symbol in SYMBOLS}
        self.clock = ReplayClock(START_NS)
        self.wishes: dict[Key, Wish] = {}
        self.last: dict[str, float] = {SPOT: 100.0, PERP: 50.0}
        models = {
            symbol: MarketModel(
                Decimal("0.0002"), Decimal("0.0005"), CostModel(Decimal(3)), latency_candles * FRAME.ns,
                Decimal(participation),
            )
            for symbol in SYMBOLS
        }  # fmt: skip
        self.venue = SimulatedVenue(self.instruments, models, {"USDT": CAPITAL})
        self._build_agents()
        self.books = Books(self)
        self.alarms: list[Alarm] = []
        self.bus = EventBus(topology(self.agents), [(get_args(AnyEvent), self.books.hear)], 10_000)

    def _build_agents(self) -> None:
        clock, ids, instruments = self.clock, IdSequence(7), self.instruments
        ledger, orders = Ledger(instruments, {"USDT": CAPITAL}), OrderManager()
        equity = EquityCurve(ledger, list(SYMBOLS), "USDT")
        entries, features = Entries(ledger, orders), PlainFeatures()
        breakers = Breakers(LIMITS, equity, clock)
        fractions = dict(zip(STRATEGIES, (0.24, 0.17, 0.11), strict=True))
        allotments = {
            name: Allotment(FixedFraction(fraction=fraction), 0.25, FRAME)
            for name, fraction in fractions.items()
        }
        sizing = Allocator(
            instruments, allotments, ledger, orders, equity, clock, ids,
            execution=ExecutionSettings(passive_timeout_candles=2, twap_slices=3, twap_candles=4),
        )  # fmt: skip
        desk = Desk(clock, ledger, orders, equity, entries, features)
        strategies = [
            StrategyAgent(
                name, Scripted(name, self.wishes), FRAME,
                {symbol: Context(desk, name, instruments[symbol], FRAME, None) for symbol in SYMBOLS},
                sizing, ids,
            )
            for name in STRATEGIES
        ]  # fmt: skip
        agents: Any = SimpleNamespace(
            ledger=ledger, orders=orders, equity=equity, entries=entries, breakers=breakers,
            features=features, regime=[RegimeDetector()], sizing=sizing,
            gate=Gate({}, ledger, sizing.posture),
            risk=RiskEngine(
                instruments, LIMITS, ledger, orders, equity, breakers, clock, ids, FRAME
            ),
            execution=ExecutionEngine(), strategies=strategies,
        )  # fmt: skip
        self.agents = agents

    def wish(self, key: Key, wish: Wish) -> None:
        """Tell a strategy what to want at its next candle."""
        self.wishes[key] = wish

    def candle(self, bars: Mapping[str, Bar], funding: float | None = None) -> None:
        """Let one candle of each given symbol close, with what the venue did during it before it."""
        opened = self.clock.now_ns
        closed = opened + FRAME.ns
        candles = tuple(self._candle(symbol, bars[symbol], opened) for symbol in SYMBOLS if symbol in bars)
        self.clock.advance(closed)
        for report in self.venue.pass_candles(candles):
            self._deliver(report)
        for candle in candles:
            self.last[candle.symbol] = candle.close
        if funding is not None:
            paid = self.venue.fund(PERP, closed, funding, self.last[PERP])
            if paid is not None:
                self._deliver(paid)
        self._deliver(CandlesClosed(closed, candles))
        while due := [alarm for alarm in self.alarms if alarm.at_ns <= closed]:
            self.alarms = [alarm for alarm in self.alarms if alarm.at_ns > closed]
            for alarm in due:
                self._deliver(AlarmRang(alarm.key, alarm.at_ns))

    def new_day(self) -> None:
        """Pass the day boundary."""
        self._deliver(DayStarted(self.clock.now_ns))

    def settle(self, limit: int = 200) -> int:
        """Calm candles with all the volume in the world until nothing is on its way; how many it took."""
        for passed in range(limit):
            if not self.busy:
                return passed
            self.candle({symbol: Bar(volume=1e9) for symbol in SYMBOLS})
        raise AssertionError(f"still busy after {limit} calm candles: {self.open_orders()}")

    @property
    def busy(self) -> bool:
        """Whether a wish is unsaid, something is under way, or the venue has not heard a command yet."""
        working = any(self.agents.sizing.posture(*key) is Posture.BETWEEN for key in KEYS)
        resting = [order for orders in self.venue._resting.values() for order in orders.values()]
        moving = any(order.at_market for order in resting)
        travelling = any(self.venue._travelling.queues.values())
        return bool(self.wishes or working or moving or travelling)

    def open_orders(self) -> dict[str, tuple[str, OrderTerms]]:
        """Orders the platform believes open: id to status and terms."""
        return {
            order.order_id: (order.status.value, order.terms)
            for opened in self.agents.orders._open.values()
            for order in (*opened.orders.values(), *opened.stops.values(), *opened.targets.values())
        }

    def _candle(self, symbol: str, bar: Bar, opened: int) -> Candle:
        before = self.last[symbol]
        first = before if bar.filled else _tick(before * (1.0 + bar.gap))
        last = before if bar.filled else _tick(first * (1.0 + bar.body))
        wick = 0.0 if bar.filled else bar.wick
        high, low = _tick(max(first, last) * (1.0 + wick)), _tick(min(first, last) * (1.0 - wick))
        volume = 0.0 if bar.filled else bar.volume
        return Candle(symbol, FRAME, opened, opened + FRAME.ns, first, high, low, last, volume, bar.filled)

    def _deliver(self, event: Event) -> None:
        for command in self.bus.step(event):
            self.venue.send(command)


def _tick(price: float) -> float:
    return max(round(price, 2), 1.0)


class Books:
    """Listens to every event; keeps fills, approvals and explanations of its own, in fractions."""

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self.events: list[Event] = []
        self.terms: dict[str, OrderTerms] = {}
        self.left: dict[str, Fraction] = {}
        self.done: dict[str, Fraction] = {}
        self.entry_of: dict[str, str] = {}
        self.protected: dict[str, Fraction] = {}
        self.held: dict[Key, Fraction] = dict.fromkeys(KEYS, Fraction(0))
        self.cap: dict[Key, Fraction] = dict.fromkeys(KEYS, Fraction(0))
        self.flow = Fraction(0)
        self.ids: dict[str, int] = {}
        self.wanted: dict[Key, Signal] = {}
        self.excuse: dict[Key, str] = {}
        self.guarded: dict[Key, bool] = dict.fromkeys(KEYS, False)
        self.problems: list[str] = []

    def hear(self, event: Event) -> None:
        """Take one event into these books; what breaks a law is noted with the number of events so far."""
        self.events.append(event)
        if isinstance(event, Signal):
            self._count(event.id)
            self.wanted[event.strategy, event.symbol] = event
            self.excuse.pop((event.strategy, event.symbol), None)
        elif isinstance(event, Proposal):
            self._count(event.id)
        elif isinstance(event, Alarm):
            self.drive.alarms.append(event)
        elif isinstance(event, Refusal):
            self.excuse[event.strategy, event.symbol] = event.code
        elif isinstance(event, OrderIntent):
            self._approve(event)
        elif isinstance(event, Fill):
            self._fill(event)
        elif isinstance(event, Funding):
            self.flow += Fraction(event.payment)
        elif isinstance(event, OrderAmended):
            self.left[event.order_id] = Fraction(event.quantity) - self.done[event.order_id]
        elif isinstance(event, OrderCanceled | OrderRejected):
            if event.order_id in self.terms:
                self.left[event.order_id] = Fraction(0)
                terms = self.terms[event.order_id]
                hit = terms.stop_price is not None and event.reason == "reduce_only"
                if hit or event.reason in EXCUSES:
                    self.excuse[terms.strategy, terms.symbol] = event.reason
        elif isinstance(event, OrderClosed):
            self._check_closed(event)

    def note(self, broken: bool, what: str) -> None:
        """Remember a broken law."""
        if broken:
            self.problems.append(f"after event {len(self.events)}: {what}")

    def _count(self, identity: str) -> None:
        self.ids[identity] = self.ids.get(identity, 0) + 1
        self.note(self.ids[identity] > 1, f"id {identity} was used twice")

    def _approve(self, intent: OrderIntent) -> None:
        self._count(intent.order_id)
        terms, key = intent.terms, (intent.terms.strategy, intent.terms.symbol)
        self.terms[intent.order_id] = terms
        self.left[intent.order_id] = Fraction(terms.quantity)
        self.done[intent.order_id] = Fraction(0)
        if terms.replaces is not None and terms.replaces in self.entry_of:
            self.entry_of[intent.order_id] = self.entry_of[terms.replaces]
        self._attach(intent.order_id, stop_id_of(intent.order_id), attached_stop(terms))
        for number, target in enumerate(terms.targets, start=1):
            self._attach(
                intent.order_id, target_id_of(intent.order_id, number), attached_target(terms, target)
            )
        if not terms.closing and not self.held[key]:
            self.guarded[key] = False
        if terms.protective_stop is not None or terms.stop_price is not None:
            self.guarded[key] = True
        if terms.closing:
            reducing = direction_of(Decimal(terms.side.sign)) is not direction_of(_decimal(self.held[key]))
            self.note(not reducing, f"{intent.order_id} closes in the direction of the position")
            self.note(Fraction(terms.quantity) > abs(self.held[key]), f"{intent.order_id} closes too much")
            return
        self._check_limits(intent)

    def _attach(self, entry_id: str, order_id: str, terms: OrderTerms) -> None:
        self.terms[order_id], self.left[order_id], self.done[order_id] = terms, Fraction(0), Fraction(0)
        self.entry_of[order_id] = entry_id
        self.protected[entry_id] = Fraction(0)

    def _check_limits(self, intent: OrderIntent) -> None:
        """Position, gross and order limits at worst price, counting all that may still be filled."""
        marks = self.drive.agents.equity
        equity = Fraction(marks.equity)
        worst = 1 + Fraction(LIMITS.price_collar_bps) / 10_000
        by_symbol = dict.fromkeys(SYMBOLS, Fraction(0))
        for key in KEYS:
            self.cap[key] = self._worst_quantity(key)
            if self.cap[key]:
                by_symbol[key[1]] += self.cap[key] * Fraction(marks.price(key[1])) * worst
        terms = intent.terms
        size = Fraction(terms.quantity) * Fraction(marks.price(terms.symbol)) * worst
        slack = 1 + Fraction(1, 10**12)  # the platform compares shortest decimals of the same floats
        position, gross = by_symbol[terms.symbol], sum(by_symbol.values())
        limit = Fraction(LIMITS.max_position_pct) * equity * slack
        self.note(position > limit, f"{intent.order_id}: position {float(position)} beyond {float(limit)}")
        limit = Fraction(LIMITS.max_gross_exposure) * equity * slack
        self.note(gross > limit, f"{intent.order_id}: gross {float(gross)} beyond {float(limit)}")
        limit = Fraction(LIMITS.max_order_pct) * equity * slack
        self.note(size > limit, f"{intent.order_id}: order {float(size)} beyond {float(limit)}")

    def _worst_quantity(self, key: Key) -> Fraction:
        buying = selling = Fraction(0)
        for order_id, terms in self.terms.items():
            if (terms.strategy, terms.symbol) == key and terms.stop_price is None and not _is_target(terms):
                if terms.side is Side.BUY:
                    buying += self.left[order_id]
                else:
                    selling += self.left[order_id]
        held = self.held[key]
        return max(abs(held + buying), abs(held - selling))

    def _fill(self, fill: Fill) -> None:
        self._count(fill.trade_id)
        terms = self.terms.get(fill.order_id)
        if terms is None:
            self.note(True, f"{fill.trade_id} belongs to no approved order")
            return
        key = (fill.strategy, fill.symbol)
        same = (terms.strategy, terms.symbol, terms.side) == (fill.strategy, fill.symbol, fill.side)
        self.note(not same, f"{fill.trade_id} is not what {fill.order_id} was approved for")
        traded = Fraction(fill.quantity) * fill.side.sign
        before, after = self.held[key], self.held[key] + traded
        self.left[fill.order_id] -= abs(traded)
        self.done[fill.order_id] += abs(traded)
        if terms.protective_stop is not None:
            self.left[stop_id_of(fill.order_id)] += abs(traded)
            self.protected[fill.order_id] += abs(traded)
        entry_id = self.entry_of.get(fill.order_id)
        if entry_id is not None:
            self.protected[entry_id] -= abs(traded)
            over = self.protected[entry_id] < 0 and terms.replaces is None
            self.note(over, f"what protects {entry_id} closed more than it had opened")
        if terms.post_only:
            self.note(fill.liquidity is Liquidity.TAKER, f"{fill.order_id} is passive and took")
        self.note(self.left[fill.order_id] < 0, f"{fill.order_id} was filled beyond its quantity")
        if terms.closing:
            grew = abs(after) > abs(before) or before * after < 0
            self.note(grew, f"closing {fill.order_id} took the sub-book from {before} to {after}")
        self.note(abs(after) > self.cap[key], f"{key} holds {after}, approved were {self.cap[key]}")
        if self.drive.instruments[fill.symbol].market is Market.SPOT:
            self.note(after < 0, f"{key} sold more than it holds: {after}")
        if terms.stop_price is not None or _is_target(terms):
            self.excuse[key] = "stop or target"
        if not after:
            self.guarded[key] = False
        self.held[key] = after
        self.flow -= traded * Fraction(fill.price) + Fraction(fill.fee)

    def _check_closed(self, event: OrderClosed) -> None:
        done = Fraction(event.filled)
        terms = self.terms[event.order_id]
        if terms.stop_price is None:
            left = self.left[event.order_id]
            self.note(
                event.reason == "filled" and left != 0, f"{event.order_id} is filled but {left} is left"
            )
            self.note(self.done[event.order_id] != done, f"{event.order_id} ends with {done} filled")

    def check(self) -> None:
        """The laws of every moment; raises AssertionError with all that is broken."""
        ledger, account = self.drive.agents.ledger, self.drive.venue.account
        assets = sorted({*ledger.balances, *account.balances})
        for asset in assets:
            ours, theirs = ledger.balance(asset), account.balances.get(asset, Decimal(0))
            self.note(ours != theirs, f"{asset}: ledger {ours}, venue {theirs}")
        for symbol in SYMBOLS:
            net = sum((self.held[key] for key in KEYS if key[1] == symbol), Fraction(0))
            self.note(net != Fraction(ledger.net_quantity(symbol)), f"{symbol}: sub-books do not sum up")
            spot = self.drive.instruments[symbol].market is Market.SPOT
            theirs = account.balances.get("BTC", Decimal(0)) if spot else account.position(symbol)
            self.note(net != Fraction(theirs), f"{symbol}: books {net}, venue {theirs}")
        flows = Fraction(0)
        for strategy, symbol, book in ledger.positions():
            flows += Fraction(book.flow)
            ours, own = Fraction(book.quantity), self.held[strategy, symbol]
            self.note(ours != own, f"{strategy} {symbol}: ledger {ours}, fills {own}")
        value = Fraction(ledger.quote_value("USDT")) - Fraction(CAPITAL)
        self.note(flows != value, f"flows of sub-books {float(flows)}, of the account {float(value)}")
        self.note(self.flow != value, f"flows of fills {float(self.flow)}, of the account {float(value)}")
        assert not self.problems, "\n".join(self.problems)

    def check_at_rest(self) -> None:
        """The laws of quiescence: nobody is on the way, every wish is fulfilled or explained."""
        drive = self.drive
        resting = {
            order_id: order for orders in drive.venue._resting.values() for order_id, order in orders.items()
        }
        ours = {
            order.order_id: order
            for key in KEYS
            for orders in (drive.agents.orders.stops(*key), drive.agents.orders.targets(*key))
            for order in orders
        }
        self.note(sorted(resting) != sorted(ours), f"we think open {sorted(ours)}, venue {sorted(resting)}")
        stops: dict[Key, Fraction] = dict.fromkeys(KEYS, Fraction(0))
        targets: dict[Key, Fraction] = dict.fromkeys(KEYS, Fraction(0))
        for order_id, order in resting.items():
            self.note(not (order.waiting or order.is_target), f"{order_id} is neither stop nor target")
            sums = targets if order.is_target else stops
            sums[order.terms.strategy, order.terms.symbol] += Fraction(order.remaining)
            if order_id in ours:
                left = ours[order_id].remaining  # one that took a smaller one's place may be thought larger
                wrong = left < order.remaining or (left > order.remaining and not order.terms.replaces)
                self.note(wrong, f"{order_id} has {order.remaining}, we think {left}")
        for key in KEYS:
            held, wish = self.held[key], self.wanted.get(key)
            if held and self.guarded[key]:
                self.note(stops[key] != abs(held), f"{key} holds {held}, its stops are {stops[key]}")
            if not held:
                self.note(bool(stops[key]), f"{key} is flat and has stops {stops[key]}")
            self.note(targets[key] > abs(held), f"{key} holds {held}, its targets are {targets[key]}")
            have = direction_of(_decimal(held))
            wanted = Direction.FLAT if wish is None else wish.direction
            explained = have is wanted or (
                have is Direction.FLAT and (key in self.excuse or bool(wish and wish.valid_for))
            )
            self.note(not explained, f"{key} is {have} but wants {wanted}; excuse {self.excuse.get(key)}")
        assert not self.problems, "\n".join(self.problems)


def _is_target(terms: OrderTerms) -> bool:
    return terms.closing and terms.price is not None


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
