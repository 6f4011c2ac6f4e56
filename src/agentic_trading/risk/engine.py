"""The risk engine: runs every check, returns every refusal, and alone mints an `OrderIntent`."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Side, Timeframe
from agentic_trading.core.events import Event, OrderIntent, OrderTerms, Proposal, Refusal
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import (
    Clock,
    MarksView,
    OpenOrder,
    Reacting,
    Reactions,
    SettledView,
    WorkingView,
)
from agentic_trading.core.models import FloatArray, Instrument
from agentic_trading.core.money import ZERO, decimal_of
from agentic_trading.risk.breakers import DAILY_LOSS, DRAWDOWN, Breakers
from agentic_trading.risk.checks import CLOSING, OPENING
from agentic_trading.risk.checks.closing import closable
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.headroom import Headroom
from agentic_trading.risk.limits import RiskSettings

_NONE: Mapping[str, OpenOrder] = {}


class RiskEngine(Reacting):
    """Agent ``risk``: judges proposals on everything that is or may come into the books.

    What it approves it reserves at once and keeps reserved until the order manager has recorded the
    intent, so two proposals that wait in the queue together cannot use the same headroom.
    """

    name = "risk"
    reads = ("ledger", "orders", "equity", "breakers")
    emits = (OrderIntent, Refusal)

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        limits: RiskSettings,
        settled: SettledView,
        working: WorkingView,
        marks: MarksView,
        breakers: Breakers,
        clock: Clock,
        ids: IdSequence,
        timeframe: Timeframe,
    ) -> None:
        """``timeframe`` is that of the base candles: the unit of data age."""
        self._instruments = instruments
        self._limits = limits
        self._held = settled.held
        self._working = working
        self._at_work = working.at_work
        self._marks = marks
        self._breakers = breakers
        self._clock = clock
        self._ids = ids
        self._candle_ns = timeframe.ns
        self._worst = 1 + decimal_of(limits.price_collar_bps) / 10_000
        self._headroom = Headroom(instruments, limits, settled, working, marks, breakers, clock, timeframe.ns)
        self._reserved: dict[str, OrderTerms] = {}

    @property
    def margins(self) -> FloatArray:
        """By which `headroom.plenty_beside` tells whether an order surely passes every check."""
        return self._headroom.margins

    @property
    def reactions(self) -> Reactions:
        return {Proposal: self._judge, OrderIntent: self._recorded}

    def _recorded(self, intent: OrderIntent) -> Iterable[Event]:
        self._reserved.pop(intent.proposal, None)
        return ()

    def _judge(self, proposal: Proposal) -> Iterable[Event]:
        """Ask the checks about what is not plainly harmless: most proposals are."""
        terms, identity = proposal.terms, proposal.id
        if terms.closing:
            harmless = self._takes_down(terms)
        else:
            harmless = self._headroom.plenty(terms, self._reserved.values() if self._reserved else ())
        if not harmless:
            view, limits = self._view(proposal), self._limits
            checks = CLOSING if terms.closing else OPENING
            refusals = [refusal for check in checks if (refusal := check(view, limits))]
            if refusals:
                return refusals
        self._reserved[identity] = terms
        return (self._mint(proposal, self._clock.now_ns),)

    def approve(self, proposals: Iterable[Proposal]) -> list[OrderIntent]:
        """Mint the orders of proposals that close what is held, or of which `plenty_beside` was asked."""
        return [self._mint(proposal, proposal.at_ns) for proposal in proposals]

    def _mint(self, proposal: Proposal, at_ns: int) -> OrderIntent:
        return OrderIntent(
            self._ids.order(), at_ns, proposal.terms, proposal.id, proposal.cause, proposal.reason
        )

    def _takes_down(self, terms: OrderTerms) -> bool:
        """Whether a closing order keeps the rule of `risk.checks.closing`, of which there is only one."""
        key = (terms.strategy, terms.symbol)
        held = self._held.get(key)
        if held is None:
            return False
        pending = self._closing_pending(key) if self._reserved or key in self._at_work else ZERO
        return terms.quantity <= closable(held.quantity, terms.side, pending)

    # --- the snapshot ---------------------------------------------------------------------

    def _view(self, proposal: Proposal) -> RiskView:
        terms = proposal.terms
        key = (terms.strategy, terms.symbol)
        held = self._held.get(key)
        sub_position = ZERO if held is None else held.quantity
        own = RiskView(proposal, self._clock.now_ns, sub_position, self._closing_pending(key))
        if terms.closing:
            return own
        price = self._price(terms.symbol)
        by_symbol = self._exposures(terms)
        return msgspec.structs.replace(
            own,
            instrument=self._instruments.get(terms.symbol),
            price=price,
            marked_ns=self._marks.marked_ns(terms.symbol) if price is not None else 0,
            candle_ns=self._candle_ns,
            equity=_finite(self._marks.equity),
            order_notional=None if price is None else terms.quantity * price * self._worst,
            symbol_after=by_symbol.get(terms.symbol),
            gross_after=_total(by_symbol),
            drawdown_ratio=self._marks.drawdown_ratio,
            day_loss_ratio=self._marks.day_loss_ratio,
            drawdown_tripped=self._breakers.tripped(DRAWDOWN),
            daily_loss_tripped=self._breakers.tripped(DAILY_LOSS),
        )

    def _price(self, symbol: str) -> Decimal | None:
        if symbol not in self._instruments:
            return None
        price = _finite(self._marks.price(symbol))
        return price if price is not None and price > 0 else None

    def _exposures(self, proposed: OrderTerms) -> dict[str, Decimal | None]:
        """Worst-case notional per symbol with the proposal added; None where a price is missing."""
        pairs = {pair: book.quantity for pair, book in self._held.items()}
        for pair in self._working.pairs():
            pairs.setdefault(pair, ZERO)
        extra: dict[tuple[str, str], list[Decimal]] = {}
        for terms in (*self._reserved.values(), proposed):
            pairs.setdefault((terms.strategy, terms.symbol), ZERO)
            sides = extra.setdefault((terms.strategy, terms.symbol), [ZERO, ZERO])
            sides[0 if terms.side is Side.BUY else 1] += terms.quantity
        worst: dict[str, Decimal | None] = {}
        for (strategy, symbol), held in pairs.items():
            buying, selling = self._working.pending(strategy, symbol)
            reserved = extra.get((strategy, symbol))
            if reserved is not None:
                buying, selling = buying + reserved[0], selling + reserved[1]
            quantity = max(abs(held + buying), abs(held - selling))
            if not quantity:
                continue
            price = self._price(symbol)
            before = worst.get(symbol, ZERO)
            known = price is not None and before is not None
            worst[symbol] = before + quantity * price * self._worst if known else None  # type: ignore[operator]
        return worst

    def _closing_pending(self, key: tuple[str, str]) -> Decimal:
        """Quantity that working and reserved closing orders already take down."""
        pending = ZERO
        for order in self._at_work.get(key, _NONE).values():
            if order.terms.closing:
                pending += order.remaining
        for reserved in self._reserved.values():
            same = (reserved.strategy, reserved.symbol) == key
            if same and reserved.closing and reserved.stop_price is None:
                pending += reserved.quantity
        return pending


def _finite(value: float) -> Decimal | None:
    return decimal_of(value) if value - value == 0.0 else None


def _total(by_symbol: Mapping[str, Decimal | None]) -> Decimal | None:
    total = ZERO
    for notional in by_symbol.values():
        if notional is None:
            return None
        total += notional
    return total
