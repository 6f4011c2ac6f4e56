"""A quick look that proves most proposals harmless, so that the exact checks run where it matters."""

from collections.abc import Iterable, Mapping

from agentic_trading.core.enums import Side, TradingState
from agentic_trading.core.events import OrderTerms
from agentic_trading.core.interfaces import Clock, MarksView, SettledView, WorkingView
from agentic_trading.core.models import Instrument
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.limits import RiskSettings

INF = float("inf")
ACTIVE, BUY = TradingState.ACTIVE, Side.BUY  # names of their own: enums look their members up slowly
_NEAR = 1.0 - 1e-6
"""Share of a limit from which on only the exact checks may judge; far more than rounding can move."""


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
        self._drawdown = limits.max_drawdown_pct * _NEAR
        self._day_loss = limits.max_daily_loss_pct * _NEAR

    def plenty(self, terms: OrderTerms, reserved: Iterable[OrderTerms]) -> bool:
        """Whether an opening order surely keeps every limit; ``reserved`` is approved, not yet recorded."""
        marks, symbol = self._marks, terms.symbol
        if terms.price is not None or symbol not in self._instruments:
            return False  # the collar of a limit price is judged exactly
        price, marked_ns = marks.price(symbol), marks.marked_ns(symbol)
        if not marked_ns or self._clock.now_ns - marked_ns > self._oldest_ns:
            return False
        quantity = float(terms.quantity)
        return self._fits(quantity * price * self._worst, self._exposures(terms, quantity, price, reserved))

    def plenty_beside(self, notional: float, on_symbol: float, on_all: float) -> bool:
        """The same for an order at market where nothing works and all symbols have just been marked.

        Gross notionals at the last prices: of the order, and of what is held, on its symbol and on all.
        """
        worst = self._worst
        return self._fits(notional * worst, ((on_symbol + notional) * worst, (on_all + notional) * worst))

    def _fits(self, notional: float, exposures: tuple[float, float]) -> bool:
        """Whether an order's notional at worst price, and what it makes of (its symbol, all), are far from
        every limit, and the account from its own; what is unknown (NaN) is not."""
        marks = self._marks
        equity, (at_stake, gross) = marks.equity, exposures
        return (
            self._breakers.state is ACTIVE
            and 0.0 < notional <= equity * self._order_ratio < INF
            and marks.drawdown_ratio <= self._drawdown
            and marks.day_loss_ratio <= self._day_loss
            and at_stake <= equity * self._symbol_ratio
            and gross <= equity * self._gross_ratio
        )

    def _exposures(
        self, proposed: OrderTerms, quantity: float, mark: float, reserved: Iterable[OrderTerms]
    ) -> tuple[float, float]:
        """Worst-case notional of the order's symbol, priced ``mark``, and of all; NaN if unknown."""
        stakes: dict[tuple[str, str], list[float]] = {}
        for pair, book in self._held.items():
            stakes[pair] = [float(book.quantity), 0.0, 0.0]
        for pair in self._at_work:
            buying, selling = self._pending(*pair)
            stakes.setdefault(pair, [0.0, 0.0, 0.0])[1:] = float(buying), float(selling)
        for terms in reserved:
            stake = stakes.setdefault((terms.strategy, terms.symbol), [0.0, 0.0, 0.0])
            stake[1 if terms.side is BUY else 2] += float(terms.quantity)
        stake = stakes.setdefault((proposed.strategy, proposed.symbol), [0.0, 0.0, 0.0])
        stake[1 if proposed.side is BUY else 2] += quantity
        at_stake = gross = 0.0
        for (_, symbol), (held, bought, sold) in stakes.items():
            own = symbol == proposed.symbol
            largest = max(abs(held + bought), abs(held - sold))
            if largest:
                price = mark if own else self._marks.price(symbol)
                worst = largest * price * self._worst if price > 0.0 else float("nan")
                gross += worst
                if own:
                    at_stake += worst
        return at_stake, gross
