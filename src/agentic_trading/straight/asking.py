"""Which plain orders strategies wish for, asked ahead as if each of them were executed by the next candle."""

from collections.abc import Iterator, Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.timeline import MarketRows
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import POSTURES, Direction, ExecutionStyle, Side
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.models import plain
from agentic_trading.straight.lane import Lane, PlainOrder

# Names of their own: enums look their members up slowly.
FLAT, LONG, BUY, SELL = Direction.FLAT, Direction.LONG, Side.BUY, Side.SELL
AT_MARKET = (None, ExecutionStyle.MARKET)
NAN = float("nan")
_SILENT = 4096
"""After so many rows without an order they are marked."""


class Asker:
    """Asks strategies row by row, and says what their wishes come to: by the rules of allocator and gate."""

    def __init__(
        self,
        agents: Agents,
        lanes: Sequence[Lane],
        market: MarketRows,
        gaps: Sequence[int],
        clock: ReplayClock,
    ) -> None:
        """``gaps`` are the rows before which candles are missing, ascending; ``clock`` goes along."""
        self._lanes = lanes
        self._clock = clock
        self._posted = agents.ledger.position
        self._closes = [plain(closes) for closes in market.closes]
        self._times = plain(market.times)
        self._day_edges = plain(market.day_edges)
        self._last = len(self._times) - 1
        self._gaps = [*gaps, len(self._times)]
        self._next: list[int] = []
        """The next trigger row of each lane; not known yet where it is below the row that is asked for."""
        self.at = 0
        """The row about which somebody is asked, or that the bus must look at."""
        self.ahead: list[int] = []
        """The rows asked about that are not marked yet, or not counted."""
        self.halted = False
        """Whether to ask no further."""

    def take_up(self, row: int) -> None:
        """Read from the books where everybody stands at a row."""
        while self._gaps[0] < row:
            del self._gaps[0]
        for lane in self._lanes:
            book = self._posted(*lane.key)
            lane.held, lane.heading = book.quantity, book.direction
        self._next = [-1] * len(self._lanes)
        self.ahead.clear()
        self.halted = False

    def wishes(self, row: int) -> Iterator[tuple[int, list[PlainOrder] | None]]:
        """Ask row by row, and give each row at which that comes to orders; None if not all is surely plain.

        Now and then it gives a row at which it came to nothing. It ends at a row that the bus must look at.
        """
        lanes, rows, times, day_edges = self._lanes, self._next, self._times, self._day_edges
        ahead, clock, end, silent = self.ahead, self._clock, self._gaps[0], 0
        while True:
            while (at := min(rows)) < row:
                lane = lanes[number := rows.index(at)]
                rows[number] = lane.following(POSTURES[lane.heading], row)
            self.at = min(end, at)
            if at >= end or day_edges[at]:
                return
            clock.now_ns = at_ns = times[at]
            orders: list[PlainOrder] = []
            number = -1
            for _ in range(rows.count(at)):
                number = rows.index(at, number + 1)
                lane = lanes[number]
                if not lane.is_plain:
                    yield at, None
                    return
                vector = lane.vector(at_ns, ())
                if vector is None or (signal := lane.answer(vector)) is None:
                    continue
                direction = lane.heading
                if signal.direction is direction and (signal.stop is None or direction is FLAT):
                    continue  # it has that already
                order = self._order(lane, signal, vector, at)
                if order is None or (orders and any(other.lane.symbol == lane.symbol for other in orders)):
                    yield at, None  # two on one symbol meet at the venue
                    return
                orders.append(order)
            ahead.append(at)
            row = at + 1
            silent += 1
            if orders:
                for order in orders:
                    lane = order.lane
                    lane.heading = LONG if order.opens else FLAT
                    rows[lane.number] = -1
            elif silent < _SILENT and not self.halted:
                continue
            silent = 0
            yield at, orders

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
