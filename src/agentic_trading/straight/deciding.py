"""Which one order a strategy's wish comes to, by the rules of gate, sizing and risk."""

from collections.abc import Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.enums import Direction, ExecutionStyle
from agentic_trading.core.events import FeatureVector, OrderTerms, Refusal, Signal
from agentic_trading.core.models import plain
from agentic_trading.straight.lane import Lane, PlainOrder

FLAT, AT_MARKET = Direction.FLAT, (None, ExecutionStyle.MARKET)  # names of their own: enums are slow


class Decider:
    """Judges wishes while nothing is under way; what it cannot say yes to is for the agents to judge."""

    def __init__(self, agents: Agents, lanes: Sequence[Lane], market: MarketRows) -> None:
        self._lanes = lanes
        self._closes = [plain(closes) for closes in market.closes]
        self._plenty = agents.risk.plenty_beside

    def order(
        self, lane: Lane, signal: Signal, vector: FeatureVector, row: int, others: Sequence[PlainOrder]
    ) -> PlainOrder | None:
        """The one order that a wish comes to; None if it is not plain, or might be refused."""
        if signal.stop is not None or signal.targets or signal.valid_for or signal.style not in AT_MARKET:
            lane.is_plain = False
            return None
        opens = lane.direction is FLAT
        if opens is (signal.direction is FLAT):
            return None  # a reversal is two orders
        if others and any(other.lane.symbol == lane.symbol for other in others):
            return None  # two on one symbol meet at the venue
        price = self._closes[lane.column][row]
        if not opens:
            return PlainOrder(lane, signal, vector, lane.exit_terms(lane.held, lane.direction), price)
        if not lane.lets_open(vector.regime):
            return None
        if lane.own_rows is not None and lane.own_rows[row] < 0:
            return None  # its price is of an earlier candle, and may be too old
        terms = lane.entry_terms(signal, price, lane.volatility(vector))
        if isinstance(terms, Refusal) or not self._has_room(terms, lane.symbol, price, row, others):
            return None
        return PlainOrder(lane, signal, vector, terms, price)

    def _has_room(
        self, terms: OrderTerms, symbol: str, price: float, row: int, others: Sequence[PlainOrder]
    ) -> bool:
        on_symbol = on_all = 0.0
        for lane in self._lanes:
            if lane.units:
                notional = lane.units * self._closes[lane.column][row]
                on_all += notional
                if lane.symbol == symbol:
                    on_symbol += notional
        for other in others:
            if not other.terms.closing:
                on_all += float(other.terms.quantity) * other.price
        return self._plenty(float(terms.quantity) * price, on_symbol, on_all)
