"""The simulated exchange: takes orders, lets candles pass over them, reports what happened.

Pure and deterministic; one instance serves a backtest, paper trading and the local exchange. It sees a
candle once, after it closed, and then reports everything that happened inside it, per symbol in the
order of the candles. What happens inside is said by `simulation.matching`, an engine for each symbol; all
share one account.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, getcontext

from agentic_trading.core.events import Event, Funding
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import EXACT, decimal_of, exact
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.collateral import Collateral
from agentic_trading.simulation.margin import funding_payment
from agentic_trading.simulation.mark import Marks
from agentic_trading.simulation.matching.at_once import AtOnce
from agentic_trading.simulation.matching.engine import MatchingEngine
from agentic_trading.simulation.matching.liquidation import Liquidator
from agentic_trading.simulation.resting import NO_LEVELS, NO_WAITS, MarketModel, Waits
from agentic_trading.simulation.tape import Tape
from agentic_trading.simulation.travel import Travel


class SimulatedVenue:
    """An exchange for one account, driven by closed candles."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        models: Mapping[str, MarketModel],
        balances: Mapping[str, Decimal],
        marks: Marks | None = None,
    ) -> None:
        """``models`` holds fees, costs, latency and participation per symbol.

        Without ``marks`` the candles that pass are also the mark prices; then those of every perpetual
        that is held must pass.
        """
        isolated = {symbol: model.leverage for symbol, model in models.items() if model.isolated}
        self.account = VenueAccount(balances, isolated)
        self._instruments = instruments
        self._marks = marks if marks is not None else Marks()
        self._collateral = Collateral(self.account, instruments, models, self._marks)
        self._travelling = Travel(models)
        slowest = max(models.values(), key=lambda model: model.report_latency_ns)
        self._tape = Tape(slowest.report_latency_ns, slowest.jitter_ns, slowest.seed)
        self._liquidator = Liquidator(self.account, self._collateral, instruments, self._marks, self._tape)
        self._engines = {
            symbol: MatchingEngine(
                instrument, models[symbol], self.account, self._collateral, self._liquidator, self._tape,
                self._travelling,
            )
            for symbol, instrument in instruments.items()
        }  # fmt: skip
        self._liquidator.books.update({symbol: engine.book for symbol, engine in self._engines.items()})
        self._resting = {symbol: engine.book.orders for symbol, engine in self._engines.items()}
        self._perpetuals = frozenset(symbol for symbol, rules in instruments.items() if rules.can_short)
        self._ends = {
            symbol: rules.delisted_ns
            for symbol, rules in instruments.items()
            if rules.delisted_ns is not None
        }
        self._busy: dict[str, MatchingEngine] = {}  # where an order travels or rests
        self._waits: Waits | None = None

    @property
    def busy(self) -> Sequence[str]:
        """Symbols whose candles matter: where an order travels or rests, a liquidation or an end is near.

        All of them while reports travel.
        """
        if self._tape.next_ns is not None:
            return list(self._engines)
        wanted = list(self._busy)
        if self.account.held:
            wanted += self._collateral.levels()
        if self._ends:
            wanted += self._ending()
        if len(wanted) > 1:
            return [symbol for symbol in self._engines if symbol in wanted]
        return wanted

    def waits(self) -> Waits:
        """What must happen in the market before this venue can have anything to report."""
        marks = self._collateral.levels() if self.account.held else NO_LEVELS
        waits = self._waits
        if waits is None or waits.marks is not marks:
            waits = self._waits = self._reckon(marks)
        return waits

    def _reckon(self, marks: Mapping[str, tuple[float, float]]) -> Waits:
        at_ns, busy, holding = self._tape.next_ns, self._busy, self.account.held > 0
        if not busy and not holding and at_ns is None and not self._ends:
            return NO_WAITS
        levels: dict[str, tuple[float, float]] = {}
        every_row: tuple[str, ...] = ()
        for symbol, engine in busy.items():
            if engine.arriving:
                arrival_ns = engine.arriving[0][0]
                if at_ns is None or arrival_ns < at_ns:
                    at_ns = arrival_ns
            if engine.orders:
                down, up, each = engine.book.outlook
                levels[symbol] = down, up
                if each:
                    every_row = (*every_row, symbol)
        if self._ends:
            for end_ns in self._ending().values():
                at_ns = end_ns if at_ns is None else min(at_ns, end_ns)
        return Waits(at_ns, bool(every_row), levels, holding, every_row, marks)

    @property
    def knows_alone(self) -> bool:
        """Whether plain market orders that come alone can be reckoned by `alone`."""
        return all(engine.can_be_alone for engine in self._engines.values())

    def alone(self, symbol: str) -> AtOnce:
        """Reckons and books market orders on a symbol that come alone."""
        return self._engines[symbol].at_once

    def send(self, command: Event) -> None:
        """Take a command from the outbox; it arrives after the symbol's latency."""
        symbol = self._travelling.send(command)
        self._busy[symbol] = self._engines[symbol]
        self._waits = None

    def pass_candles(self, candles: Iterable[Candle], now_ns: int = 0) -> list[Event]:
        """Let the candles of one instant pass and return the venue's reports, in order.

        ``now_ns`` is the instant, where there may be none of them.
        """
        if getcontext() is not EXACT:
            with exact():
                return self.pass_candles(candles, now_ns)
        passing, collateral, busy = list(candles), self._collateral, self._busy
        for candle in passing:
            if candle.symbol in self._perpetuals:
                self._marks.see(candle)
            if candle.close_ns > now_ns:
                now_ns = candle.close_ns
        if now_ns > collateral.now_ns:
            collateral.now_ns = now_ns
        changed = False
        for candle in passing:
            symbol = candle.symbol
            if symbol in busy or (self.account.held and symbol in collateral.levels()):
                changed = self._engines[symbol].pass_candle(candle) or changed
        if changed:
            self._forget_idle()
        if self._ends:
            for symbol, end_ns in self._ending().items():
                if end_ns <= now_ns:
                    del self._ends[symbol]
                    self._liquidator.settle(symbol, end_ns)
                    self._forget_idle()
        if self._tape.latency_ns:
            self._waits = None
        return self._tape.known(now_ns)

    def _forget_idle(self) -> None:
        """Something has changed; symbols on which nothing travels or rests any more are left alone."""
        self._waits = None
        for symbol, engine in list(self._busy.items()):
            if not engine.orders and not engine.arriving:
                del self._busy[symbol]

    def _ending(self) -> dict[str, int]:
        """Symbols with orders or a position whose market will end, and when."""
        return {
            symbol: end_ns
            for symbol, end_ns in self._ends.items()
            if symbol in self._busy or self.account.legs(symbol)
        }

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Funding | None:
        """Settle funding on the net position at a stamp; None without a position.

        None too while other reports travel: it is known after them, so it never comes before the fill of
        the position it was settled on.
        """
        quantity = self.account.position(symbol)
        if not quantity:
            return None
        with exact():
            exact_rate, exact_mark = decimal_of(rate), decimal_of(mark)
            payment = funding_payment(quantity, exact_mark, exact_rate)
            self.account.fund(self._instruments[symbol], payment)
        paid = Funding(at_ns, symbol, exact_rate, exact_mark, quantity, payment)
        if self._tape.next_ns is None:
            return paid
        self._tape.reports.append(paid)
        return None
