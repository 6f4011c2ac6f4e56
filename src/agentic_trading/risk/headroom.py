"""A quick look that proves most proposals harmless, so that the exact checks run where it matters."""

from collections.abc import Collection, Mapping

import numpy as np

from agentic_trading.core.enums import Side, TradingState
from agentic_trading.core.events import OrderTerms
from agentic_trading.core.interfaces import Clock, MarksView, SettledView, WorkingView
from agentic_trading.core.models import FloatArray, Instrument
from agentic_trading.core.money import ZERO
from agentic_trading.core.numerics import compiled
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.limits import RiskSettings

INF, NAN = float("inf"), float("nan")
ACTIVE, BUY = TradingState.ACTIVE, Side.BUY  # names of their own: enums look their members up slowly
_NEAR = 1.0 - 1e-6
"""Share of a limit from which on only the exact checks may judge; far more than rounding can move."""

WORST, ORDER, SYMBOL, ALL, DRAWDOWN, DAY_LOSS = range(6)
"""Positions in the margins of `plenty_beside`: the factor to the worst price, then the largest ratios."""


@compiled
def plenty_beside(
    margins: FloatArray,
    equity: float,
    drawdown: float,
    day_loss: float,
    notional: float,
    on_symbol: float,
    on_all: float,
) -> bool:
    """What `Headroom.plenty` says of an order at market where nothing works and its symbol is just marked.

    ``margins`` are those of `Headroom.margins`, and no breaker holds. Gross notionals at the last prices: of
    the order, and of what is held, on its symbol and on all. What is unknown (NaN) is a no.
    """
    worst = margins[WORST]
    plenty: bool = (
        drawdown <= margins[DRAWDOWN]
        and day_loss <= margins[DAY_LOSS]
        and 0.0 < notional * worst <= equity * margins[ORDER] < np.inf
        and (on_symbol + notional) * worst <= equity * margins[SYMBOL]
        and (on_all + notional) * worst <= equity * margins[ALL]
    )
    return plenty


class Headroom:
    """Says in floats whether every opening check would surely pass; anything unknown or near is a no.

    The checks of `risk.checks` remain the only judges of what is refused: this only spares them the
    proposals of which a rounding error many times larger than any float's could not change the answer.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        limits: RiskSettings,
        settled: SettledView,
        working: WorkingView,
        marks: MarksView,
        breakers: Breakers,
        clock: Clock,
        candle_ns: int,
    ) -> None:
        self._instruments = instruments
        self._held = settled.held
        self._at_work = working.at_work
        self._pending = working.pending
        self._marks = marks
        self._breakers = breakers
        self._clock = clock
        self._oldest_ns = limits.max_data_age_candles * candle_ns
        self._worst = 1.0 + limits.price_collar_bps / 10_000
        self._order_ratio = limits.max_order_pct * _NEAR
        self._symbol_ratio = limits.max_position_pct * _NEAR
        self._gross_ratio = min(limits.max_gross_exposure, limits.max_leverage) * _NEAR
        self._lone_ratio = min(self._order_ratio, self._symbol_ratio, self._gross_ratio)
        self._drawdown = limits.max_drawdown_pct * _NEAR
        self._day_loss = limits.max_daily_loss_pct * _NEAR
        self.margins = np.array(
            [
                self._worst, self._order_ratio, self._symbol_ratio, self._gross_ratio, self._drawdown,
                self._day_loss,
            ]
        )  # fmt: skip
        """What `plenty_beside` goes by."""
        self._quantity, self._units = ZERO, 0.0  # of the last order, exact and as a float

    def plenty(self, terms: OrderTerms, reserved: Collection[OrderTerms]) -> bool:
        """Whether an opening order surely keeps every limit; ``reserved`` is approved, not yet recorded."""
        marks, symbol = self._marks, terms.symbol
        if terms.price is not None or symbol not in self._instruments or not self._is_calm():
            return False  # the collar of a limit price is judged exactly
        equity, price = marks.equity, marks.price(symbol)
        if not (0.0 < equity < INF and 0.0 < price < INF):
            return False
        marked_ns = marks.marked_ns(symbol)
        if not marked_ns or self._clock.now_ns - marked_ns > self._oldest_ns:
            return False
        quantity = terms.quantity
        if quantity is not self._quantity:  # a fixed quantity is the same object every time
            self._quantity, self._units = quantity, float(quantity)
        notional = self._units * price * self._worst
        if not (self._held or self._at_work or reserved):  # then the order is all that is at stake
            return notional <= equity * self._lone_ratio
        if notional > equity * self._order_ratio:
            return False
        at_stake, gross = self._exposures(terms, price, reserved)
        return at_stake <= equity * self._symbol_ratio and gross <= equity * self._gross_ratio

    def _is_calm(self) -> bool:
        """Whether the account is far from its own limits; what is unknown (NaN) is not."""
        marks = self._marks
        return (
            self._breakers.state is ACTIVE
            and marks.drawdown_ratio <= self._drawdown
            and marks.day_loss_ratio <= self._day_loss
        )

    def _exposures(
        self, proposed: OrderTerms, mark: float, reserved: Collection[OrderTerms]
    ) -> tuple[float, float]:
        """Worst-case notional of the order's symbol, priced ``mark``, and of all; NaN if unknown."""
        moving = {pair: [*map(float, self._pending(*pair))] for pair in self._at_work}
        for terms in (*reserved, proposed):
            stake = moving.setdefault((terms.strategy, terms.symbol), [0.0, 0.0])
            stake[0 if terms.side is BUY else 1] += float(terms.quantity)
        largest = {pair: max(stake) for pair, stake in moving.items()}
        for pair, book in self._held.items():
            held = float(book.quantity)
            if pair in moving:
                bought, sold = moving[pair]
                largest[pair] = max(abs(held + bought), abs(held - sold))
            else:
                largest[pair] = abs(held)
        price_of, at_worst = self._marks.price, self._worst
        at_stake = gross = 0.0
        for (_, symbol), quantity in largest.items():
            if quantity:
                own = symbol == proposed.symbol
                price = mark if own else price_of(symbol)
                worst = quantity * price * at_worst if price > 0.0 else NAN
                gross += worst
                if own:
                    at_stake += worst
        return at_stake, gross
