"""The parts of the deciding core that tests of sizing, risk and orders put together by hand."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from agentic_trading.core.enums import Direction, Liquidity, Market, Side, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    Event,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderIntent,
    OrderRejected,
    OrderTerms,
    Proposal,
    Signal,
    SignalAdmitted,
)
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import exact
from agentic_trading.core.orders import target_id_of
from agentic_trading.core.sizing import FixedQuantity
from agentic_trading.execution.order_manager import OrderManager
from agentic_trading.portfolio.allocator import Allocator
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.portfolio.opening import Allotment
from agentic_trading.portfolio.settings import ExecutionSettings

SPOT, PERP = "BTC/USDT", "ETH/USDT:USDT"


def make_instrument(symbol: str, **changes: Any) -> Instrument:
    """A market with ticks of 0.1, lots of 0.01 and five units of quote as the least order."""
    fields = {
        "venue": "binance",
        "symbol": symbol,
        "market": Market.LINEAR if ":" in symbol else Market.SPOT,
        "base": symbol.split("/", 1)[0],
        "quote": "USDT",
        "tick": Decimal("0.1"),
        "lot": Decimal("0.01"),
        "min_quantity": Decimal("0.01"),
        "min_notional": Decimal(5),
    }
    return Instrument(**(fields | changes))


INSTRUMENTS = {symbol: make_instrument(symbol) for symbol in (SPOT, PERP)}


@dataclass
class Marks:
    """Prices and the account's value, as a test wants them."""

    prices: dict[str, float] = field(default_factory=lambda: {SPOT: 100.0, PERP: 100.0})
    at_ns: dict[str, int] = field(default_factory=dict)
    equity: float = 10_000.0
    drawdown_ratio: float = 0.0
    day_loss_ratio: float = 0.0
    losses: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def price(self, symbol: str) -> float:
        return self.prices[symbol]

    def marked_ns(self, symbol: str) -> int:
        return self.at_ns.get(symbol, 1)


@dataclass
class Hands:
    """A clock that a test sets."""

    now_ns: int = 1


class OrderDesk:
    """Allocator, order manager and ledger; the test plays risk and venue."""

    def __init__(self, quantity: str = "1", *, hedged: bool = False, **execution: Any) -> None:
        """``execution`` are keys of the section that says how entries are executed."""
        self.ledger = Ledger(INSTRUMENTS, {"USDT": Decimal(10_000)})
        self.orders = OrderManager()
        self.marks = Marks()
        self.clock = Hands()
        allotment = Allotment(FixedQuantity(quantity=quantity), 1.0, Timeframe.M1)
        self.allocator = Allocator(
            INSTRUMENTS, {"a": allotment, "b": allotment}, self.ledger, self.orders, self.marks, self.clock,
            IdSequence(), execution=ExecutionSettings(**execution), hedged=hedged,
        )  # fmt: skip
        self._orders = self._trades = 0

    def say(
        self, direction: Direction, symbol: str = PERP, strategy: str = "a", **fields: Any
    ) -> list[Event]:
        """Admit a signal; what sizing answers."""
        signal = Signal(
            strategy, symbol, direction, id="signal-1", at_ns=self.clock.now_ns, price=100.0, **fields
        )
        with exact():
            return list(self.allocator.react(SignalAdmitted(signal)))

    def ring(self, alarm: Event) -> list[Event]:
        """The time of an alarm has come; what sizing answers."""
        assert isinstance(alarm, Alarm), alarm
        self.clock.now_ns = max(self.clock.now_ns, alarm.at_ns)
        with exact():
            return list(self.allocator.react(AlarmRang(alarm.key, alarm.at_ns)))

    def approve(self, proposal: Event) -> str:
        """Play risk: an order from a proposal; its id."""
        assert isinstance(proposal, Proposal)
        self._orders += 1
        order_id = f"order-{self._orders}"
        self.orders.react(OrderIntent(order_id, self.clock.now_ns, proposal.terms, proposal.id, "", ""))
        return order_id

    def fill(self, order_id: str, quantity: str | Decimal, price: str = "100") -> list[Event]:
        """Play the venue: an execution, booked everywhere; what sizing answers to the order's end."""
        self._trades += 1
        terms = self.orders.all[order_id].terms
        fill = Fill(
            f"trade-{self._trades}", order_id, terms.strategy, terms.symbol, terms.side, Decimal(quantity),
            Decimal(price), Decimal(0), "USDT", Liquidity.TAKER, Decimal(price), self.clock.now_ns,
        )  # fmt: skip
        with exact():
            self.ledger.react(fill)
            return self._tell_sizing(self.orders.react(fill))

    def accept(self, order_id: str) -> None:
        """Play the venue: it has the order."""
        self.orders.react(OrderAccepted(order_id, self.clock.now_ns))

    def grow(self, entry_id: str, *quantities: str) -> None:
        """Play the venue: the targets of an entry are worked for these quantities."""
        for number, quantity in enumerate(quantities, start=1):
            order_id = target_id_of(entry_id, number)
            price = self.orders.all[order_id].terms.price
            self.accept(order_id)
            self.orders.react(OrderAmended(order_id, self.clock.now_ns, Decimal(quantity), price, None))

    def cancel(self, order_id: str, reason: str = "signal_changed") -> list[Event]:
        """Play the venue: the rest of an order is gone; what sizing answers."""
        return self._end(OrderCanceled(order_id, self.clock.now_ns, reason))

    def amend(self, order_id: str, quantity: str) -> None:
        """Play the venue: it works another quantity of a market order."""
        self.orders.react(OrderAmended(order_id, self.clock.now_ns, Decimal(quantity), None, None))

    def reject(self, order_id: str, reason: str) -> list[Event]:
        """Play the venue: it does not take an order; what sizing answers."""
        return self._end(OrderRejected(order_id, self.clock.now_ns, reason))

    def hold(self, side: Side, quantity: str, symbol: str = PERP, strategy: str = "a", **fields: Any) -> str:
        """Give a strategy a position of an order that is done; the order's id."""
        terms = OrderTerms(strategy, symbol, side, Decimal(quantity), **fields)
        order_id = self.approve(Proposal("proposal-0", 0, terms, 100.0, ""))
        self.fill(order_id, quantity)
        if terms.protective_stop is not None:
            self.accept(order_id + "s")
        return order_id

    def _end(self, event: Event) -> list[Event]:
        with exact():
            return self._tell_sizing(self.orders.react(event))

    def _tell_sizing(self, closed: Any) -> list[Event]:
        return [answer for event in closed for answer in self.allocator.react(event)]
