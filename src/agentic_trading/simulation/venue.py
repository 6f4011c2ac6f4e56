"""The simulated exchange: takes orders, lets candles pass over them, reports what happened.

Pure and deterministic; one instance serves a backtest, paper trading and the local exchange. It sees a
candle once, after it closed, and then reports everything that happened inside it, per symbol in the
order of the candles. What happens inside is said by `simulation.engine`, one for each symbol; all share
one account.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, getcontext, setcontext

from agentic_trading.core.events import Event, Funding
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import EXACT, decimal_of, exact, payment_down
from agentic_trading.simulation.account import VenueAccount
from agentic_trading.simulation.book import Tape
from agentic_trading.simulation.engine import MatchingEngine
from agentic_trading.simulation.resting import MarketModel, Waits
from agentic_trading.simulation.travel import Travel

_NOTHING, _HOLDING = Waits(None, False, {}, False), Waits(None, False, {}, True)


class SimulatedVenue:
    """An exchange for one account, driven by closed candles."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        models: Mapping[str, MarketModel],
        balances: dict[str, Decimal],
    ) -> None:
        """``models`` holds fees, costs, latency and participation per symbol."""
        self.account = VenueAccount(balances)
        self._instruments = instruments
        self._travelling = Travel(models)
        self._tape = Tape()
        self._engines = {
            symbol: MatchingEngine(instrument, models[symbol], self.account, self._tape)
            for symbol, instrument in instruments.items()
        }
        self._resting = {symbol: engine.book.orders for symbol, engine in self._engines.items()}
        self._busy: dict[str, MatchingEngine] = {}  # where an order travels or rests
        self._waits: Waits | None = None

    @property
    def busy(self) -> list[str]:
        """Symbols on which an order travels or rests: only their candles matter."""
        if len(self._busy) > 1:
            return [symbol for symbol in self._engines if symbol in self._busy]
        return list(self._busy)

    @property
    def idle(self) -> bool:
        """True when no order travels or rests: a candle cannot matter."""
        return not self._busy

    def waits(self) -> Waits:
        """What must happen in the market before this venue can have anything to report."""
        if self._waits is None:
            if not self._busy:
                return _HOLDING if self.account.holds_perpetuals else _NOTHING
            books = [engine.book for engine in self._busy.values() if engine.book.orders]
            self._waits = Waits(
                self._travelling.next_ns,
                any(book.at_market for book in books),
                {book.instrument.symbol: book.levels for book in books},
                self.account.holds_perpetuals,
            )
        return self._waits

    def send(self, command: Event) -> None:
        """Take a command from the outbox; it arrives after the symbol's latency."""
        symbol = self._travelling.send(command)
        self._busy[symbol] = self._engines[symbol]
        self._waits = None

    def pass_candles(self, candles: Iterable[Candle]) -> list[Event]:
        """Let the candles of one instant pass and return the venue's reports, in order."""
        if not self._busy:
            return []
        outer = getcontext()
        setcontext(EXACT)
        try:
            for candle in candles:
                engine = self._busy.get(candle.symbol)
                if engine is not None and not candle.filled:  # in a filled one nothing was traded
                    self._pass(engine, candle)
        finally:
            setcontext(outer)
        reports = self._tape.reports
        if reports:
            self._tape.reports = []
        return reports

    def _pass(self, engine: MatchingEngine, candle: Candle) -> None:
        if not engine.pass_candle(candle, self._travelling.arrivals(candle)):
            return
        self._waits = None
        if not engine.book.orders and candle.symbol not in self._travelling:
            del self._busy[candle.symbol]

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Funding | None:
        """Settle funding on the net position at a stamp: payment = -quantity * mark * rate.

        Source: funding rules of Binance and Bybit for USDT perpetuals (longs pay a positive rate).
        Rounded to eight decimals against us. None without a position.
        """
        quantity = self.account.position(symbol)
        if not quantity:
            return None
        with exact():
            exact_rate, exact_mark = decimal_of(rate), decimal_of(mark)
            payment = payment_down(-quantity * exact_mark * exact_rate)
            self.account.credit(self._instruments[symbol].quote, payment)
        return Funding(at_ns, symbol, exact_rate, exact_mark, quantity, payment)
