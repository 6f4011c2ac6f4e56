"""The deciding core of a session and its wiring: every agent, and who hears what, in every mode."""

from collections.abc import Callable, Mapping, Sequence

from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.contenders import Contender
from agentic_trading.core.enums import Posture
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    AmendRejected,
    Bankrupt,
    CancelOrder,
    CandlesClosed,
    DayStarted,
    FeatureVector,
    Fill,
    Funding,
    FundingPosted,
    GapFound,
    Liquidated,
    LiquidationPosted,
    MemoryChanged,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderClosed,
    OrderIntent,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    Proposal,
    Refusal,
    RegimeChanged,
    Signal,
    SignalAdmitted,
    SignalGated,
    TradingStateSet,
)
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import Clock
from agentic_trading.event_bus.topology import Topology
from agentic_trading.execution.engine import ExecutionEngine
from agentic_trading.execution.order_manager import OrderManager
from agentic_trading.features.playback import Readers, TableFeatures
from agentic_trading.inputs import Inputs
from agentic_trading.portfolio.allocator import Allocator
from agentic_trading.portfolio.entries import Entries
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.portfolio.opening import Allotment
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.engine import RiskEngine
from agentic_trading.risk.limits import constrain
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.market import Funds
from agentic_trading.strategies.agent import StrategyAgent
from agentic_trading.strategies.context import CatchUp, Context, Desk
from agentic_trading.strategies.regime.detector import RegimeDetector
from agentic_trading.strategies.regime.gate import Gate

SOURCES = (
    OrderAccepted, OrderRejected, OrderAmended, AmendRejected, OrderCanceled, OrderUnknown, OrderNotSent,
    Fill, Funding, Liquidated, CandlesClosed, GapFound, AlarmRang, DayStarted,
)  # fmt: skip

Audience = tuple[Readers, Sequence[Mapping[str, Context]]]
"""The feature tables that are read, and what each strategy sees of its symbols."""


class Agents:
    """The deciding core of a session: every agent, built once, in the order in which they depend."""

    def __init__(self, inputs: Inputs, settings: AppSettings, clock: Clock, funds: Funds) -> None:
        instruments = inputs.instruments
        limits = constrain(settings.risk, settings.safe_mode)
        quote = settings.portfolio.quote
        self.quote = quote
        self.ids = ids = IdSequence()
        self.ledger = Ledger(instruments, funds.balances, funds.prices)
        self.orders = OrderManager()
        rows = len(inputs.timeline) - inputs.first_row
        self.equity = EquityCurve(self.ledger, list(instruments), quote, rows)
        self.entries = Entries(self.ledger, self.orders)
        self.breakers = Breakers(limits, self.equity, clock)
        self.features = TableFeatures(inputs.tables)
        self.regime = [RegimeDetector()] if settings.regime.enabled else []
        self.sizing = Allocator(
            instruments,
            {
                each.settings.strategy_id: Allotment(
                    each.sizing, each.settings.max_position_pct, each.timeframe,
                    each.settings.style or settings.execution.style,
                )
                for each in inputs.contenders
            },
            self.ledger, self.orders, self.equity, clock, ids, settings.safe_mode.size_factor,
            settings.execution, hedged=settings.simulation.position_mode == "hedge",
        )  # fmt: skip
        self.gate = Gate(
            {
                each.settings.strategy_id: frozenset(each.settings.regimes)
                if each.settings.regimes is not None and settings.regime.enabled
                else None
                for each in inputs.contenders
            },
            self.ledger,
            self.sizing.posture,
        )
        self.risk = RiskEngine(
            instruments, limits, self.ledger, self.orders, self.equity, self.breakers, clock, ids,
            settings.backtest.timeframe,
        )  # fmt: skip
        self.execution = ExecutionEngine()
        self.catch_up = CatchUp()
        desk = Desk(clock, self.ledger, self.orders, self.equity, self.entries, self.features, self.catch_up)
        self.strategies = [self._strategy(each, inputs, desk, ids) for each in inputs.contenders]
        self._timeframe_of = {each.settings.strategy_id: each.timeframe for each in inputs.contenders}

    def strategy(self, name: str) -> StrategyAgent:
        """The agent of a strategy."""
        return self.strategies[list(self._timeframe_of).index(name)]

    # --- what next-event replay asks (backtester.skipping) ------------------------------------

    @property
    def posture(self) -> Callable[[str, str], Posture]:
        """Tells where a strategy stands on a symbol."""
        return self.sizing.posture

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        """Mark rows that nobody looks at; returns the first that needs a look."""
        reached = self.equity.skip(market, self.breakers.limits, start, stop)
        self.entries.unseen(market, reached)
        return reached

    def look(self, market: MarketRows, row: int) -> None:
        """Mark a row whose candles come next."""
        self.equity.look(market, row)
        self.entries.unseen(market, row + 1)

    def audience(self, pairs: Sequence[tuple[str, str]]) -> Audience:
        """What these (strategy, symbol) need to look at candles, for `attend`."""
        symbols: dict[str, list[str]] = {strategy: [] for strategy in self._timeframe_of}
        for strategy, symbol in pairs:
            symbols[strategy].append(symbol)
        keys = [(self._timeframe_of[strategy], symbol) for strategy, symbol in pairs]
        contexts = [agent.contexts(own) for agent, own in zip(self.strategies, symbols.values(), strict=True)]
        return self.features.readers(keys), contexts

    def attend(self, audience: Audience) -> None:
        """From now on only these look at candles."""
        self.features.attended, contexts = audience
        for agent, own in zip(self.strategies, contexts, strict=True):
            agent.attended = own

    @property
    def waits_for_day(self) -> bool:
        """Whether the next day boundary must be looked at."""
        return self.breakers.waits_for_day

    def _strategy(self, each: Contender, inputs: Inputs, desk: Desk, ids: IdSequence) -> StrategyAgent:
        name, memory = each.settings.strategy_id, each.strategy.Memory
        contexts = {
            symbol: Context(
                desk, name, inputs.instruments[symbol], each.timeframe, memory() if memory else None
            )
            for symbol in each.symbols
        }
        return StrategyAgent(
            name, each.strategy, each.timeframe, contexts, self.sizing, ids, each.volatility,
            each.settings.on_gap == "close",
        )  # fmt: skip


def topology(agents: Agents) -> Topology:
    """Who hears what, in which order: the wiring of every mode."""
    a = agents
    return Topology(
        routes={
            # the venue speaks: first the order's life, then the books, then what depends on them
            OrderAccepted: [a.orders],
            OrderRejected: [a.orders],
            OrderAmended: [a.orders],
            AmendRejected: [a.orders],
            OrderCanceled: [a.orders],
            OrderUnknown: [a.orders],
            OrderNotSent: [a.orders],
            Fill: [a.ledger, a.orders, a.entries],
            Funding: [a.ledger],
            Liquidated: [a.ledger],
            LiquidationPosted: [a.entries],
            OrderClosed: [a.sizing],
            AlarmRang: [a.sizing],
            # the market moves: marks, breakers, extremes, then the eyes
            CandlesClosed: [a.equity, a.breakers, a.entries, a.features],
            DayStarted: [a.equity, a.breakers],
            FeatureVector: [*a.regime, *a.strategies],
            GapFound: list(a.strategies),
            # a wish becomes an order
            Signal: [a.gate],
            SignalAdmitted: [a.sizing],
            Proposal: [a.risk],
            Refusal: [a.sizing],
            OrderIntent: [a.orders, a.risk, a.execution],
            CancelOrder: [a.orders],
        },
        sources=SOURCES,
        ends=(
            RegimeChanged, MemoryChanged, SignalGated, FundingPosted, TradingStateSet, Bankrupt,
            Alarm,
        ),
    )  # fmt: skip
