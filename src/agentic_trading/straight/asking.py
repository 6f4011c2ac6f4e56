"""Which plain orders strategies wish for, asked ahead as if each of them were executed by the next candle."""

from collections.abc import Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.enums import POSTURES, Direction, ExecutionStyle, Side
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.models import plain
from agentic_trading.straight.lane import Lane, PlainOrder

# Names of their own: enums look their members up slowly.
FLAT, LONG, BUY, SELL = Direction.FLAT, Direction.LONG, Side.BUY, Side.SELL
AT_MARKET = (None, ExecutionStyle.MARKET)
NAN = float("nan")


class Asker:
    """Asks strategies row by row, and says what their wishes come to: by the rules of allocator and gate."""

    def __init__(
        self, agents: Agents, lanes: Sequence[Lane], market: MarketRows, gaps: Sequence[int]
    ) -> None:
        """``gaps`` are the rows before which candles are missing, ascending."""
        self._lanes = lanes
        self._posted = agents.ledger.position
        self._closes = [plain(closes) for closes in market.closes]
        self._times = plain(market.times)
        self._day_edges = plain(market.day_edges)
        self._last = len(self._times) - 1
        self._gaps = [*gaps, len(self._times)]
        self._next: list[int] = []
        """The next trigger row of each lane; not known yet where it is below the row that is asked for."""

    def take_up(self, row: int) -> None:
        """Read from the books where everybody stands at a row."""
        while self._gaps[0] < row:
            del self._gaps[0]
        for lane in self._lanes:
            book = self._posted(*lane.key)
            lane.held, lane.heading = book.quantity, book.direction
        self._next = [-1] * len(self._lanes)

    def next_row(self, row: int) -> tuple[int, bool]:
        """The next row, from ``row`` on, at which a strategy may act; or one that the bus must look at."""
        lanes, rows, end = self._lanes, self._next, self._gaps[0]
        while (at := min(rows)) < row:
            number = rows.index(at)
            rows[number] = lanes[number].following(POSTURES[lanes[number].heading], row)
        if at >= end:
            return end, False
        return at, not self._day_edges[at]

    def ask(self, at: int) -> list[PlainOrder] | None:
        """The orders that strategies wish for at a row; None if not all they want is surely plain."""
        lanes, rows, at_ns, number = self._lanes, self._next, self._times[at], -1
        orders: list[PlainOrder] = []
        for _ in range(rows.count(at)):
            number = rows.index(at, number + 1)
            lane = lanes[number]
            if not lane.is_plain:
                return None
            vector = lane.vector(at_ns, ())
            if vector is None:
                continue
            signal = lane.answer(vector)
            if signal is None:
                continue
            direction = lane.heading
            if signal.direction is direction and (signal.stop is None or direction is FLAT):
                continue  # it has that already
            order = self._order(lane, signal, vector, at)
            if order is None or (orders and any(other.lane.symbol == lane.symbol for other in orders)):
                return None  # two on one symbol meet at the venue
            orders.append(order)
        for order in orders:
            order.lane.heading = LONG if order.opens else FLAT
            rows[order.lane.number] = -1
        return orders

    def _order(self, lane: Lane, signal: Signal, vector: FeatureVector, at: int) -> PlainOrder | None:
        """The one order that a wish comes to; None if it is not plain, or meets no open market."""
        if signal.stop is not None or signal.targets or signal.valid_for or signal.style not in AT_MARKET:
            lane.is_plain = False
            return None
        opens, volatility = lane.heading is FLAT, NAN
        if opens:
            if signal.direction is not LONG or not lane.lets_open(vector.regime):
                return None
            if lane.own_rows is not None and lane.own_rows[at] < 0:
                return None  # its price is of an earlier candle, and may be too old
            known = lane.volatility(vector)
            volatility = NAN if known is None else known
        elif signal.direction is not FLAT:
            return None  # a reversal is two orders
        if at == self._last or self._day_edges[at + 1]:
            return None
        candle = lane.candle(at + 1)
        if candle is None:
            return None
        quote = lane.alone.quote(BUY if opens else SELL, self._times[at], candle)
        if quote is None:
            return None
        mark = self._closes[lane.column][at]
        return PlainOrder(lane, at, signal, vector, opens, mark, quote, candle, volatility)
