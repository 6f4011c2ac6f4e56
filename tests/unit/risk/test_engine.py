"""The risk engine: all checks, all refusals, worst cases, reservations."""

from decimal import Decimal
from typing import Any

import pytest

from agentic_trading.core.enums import MINUTE_NS, Side, Timeframe
from agentic_trading.core.events import Event, OrderIntent, OrderTerms, Proposal, Refusal
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.money import exact
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.engine import RiskEngine
from agentic_trading.risk.limits import RiskSettings
from order_desk import INSTRUMENTS, PERP, SPOT, OrderDesk

LIMITS = RiskSettings(
    max_position_pct=0.25, max_gross_exposure=0.4, max_order_pct=0.2, price_collar_bps=100.0,
    max_drawdown_pct=0.2, max_daily_loss_pct=0.05,
)  # fmt: skip


class Bench(OrderDesk):
    """A risk engine on real books; 10 000 of equity, prices of 100, so a lot of 1 is one per cent."""

    def __init__(self, **limits: Any) -> None:
        super().__init__()
        chosen = LIMITS.model_copy(update=limits)
        self.breakers = Breakers(chosen, self.marks, self.clock)
        self.risk = RiskEngine(
            INSTRUMENTS, chosen, self.ledger, self.orders, self.marks, self.breakers, self.clock,
            IdSequence(), Timeframe.M1,
        )  # fmt: skip
        self._proposals = 0

    def propose(
        self, side: Side, quantity: str, symbol: str = PERP, strategy: str = "a", **fields: Any
    ) -> list[Event]:
        self._proposals += 1
        terms = OrderTerms(strategy, symbol, side, Decimal(quantity), **fields)
        with exact():
            return list(self.risk.react(Proposal(f"p{self._proposals}", 1, terms, 100.0, "signal-1")))

    def record(self, answers: list[Event]) -> str:
        """Let the order manager and then risk hear the approval, as on the real route."""
        (intent,) = answers
        assert isinstance(intent, OrderIntent), intent
        self.orders.react(intent)
        self.risk.react(intent)
        return intent.order_id


def codes(answers: list[Event]) -> list[str]:
    return [answer.code for answer in answers if isinstance(answer, Refusal)]


def approved(answers: list[Event]) -> bool:
    return [type(answer) for answer in answers] == [OrderIntent]


def test_an_approval_is_the_proposal_with_an_id() -> None:
    """An approved order carries terms, proposal, cause and a new id; nothing is changed on the way."""
    bench = Bench()
    (intent,) = bench.propose(Side.BUY, "1", protective_stop=Decimal(90))
    assert isinstance(intent, OrderIntent)
    assert (intent.proposal, intent.cause) == ("p1", "signal-1")
    assert intent.terms == OrderTerms("a", PERP, Side.BUY, Decimal(1), protective_stop=Decimal(90))
    (second,) = bench.propose(Side.BUY, "1")
    assert isinstance(second, OrderIntent)
    assert second.order_id != intent.order_id


def test_every_refusal_is_returned_at_once() -> None:
    """A proposal that breaks several limits is told all of them, not just the first."""
    bench = Bench()
    bench.marks.drawdown_ratio, bench.marks.day_loss_ratio = 0.5, 0.5
    bench.clock.now_ns = 10 * MINUTE_NS
    assert codes(bench.propose(Side.BUY, "200", price=Decimal(150))) == [
        "stale_data", "price_collar", "max_order_size", "max_position", "max_gross_exposure", "max_leverage",
        "max_drawdown", "max_daily_loss",
    ]  # fmt: skip


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), 0.0, -1.0])
def test_without_a_price_nothing_is_opened(missing: float) -> None:
    """A price that is missing or impossible refuses all that depends on it."""
    bench = Bench()
    bench.marks.prices[PERP] = missing
    assert codes(bench.propose(Side.BUY, "1")) == [
        "missing_price", "stale_data", "max_order_size", "max_position", "max_gross_exposure", "max_leverage"
    ]  # fmt: skip


def test_a_missing_price_elsewhere_makes_the_whole_exposure_unknown() -> None:
    """If a symbol that is held has no price, gross exposure is unknown and nothing may be opened."""
    bench = Bench()
    bench.hold(Side.BUY, "1", SPOT)
    bench.marks.prices[SPOT] = float("nan")
    assert codes(bench.propose(Side.BUY, "1")) == ["max_gross_exposure", "max_leverage"]


def test_an_unknown_symbol_is_refused() -> None:
    """A symbol without instrument is refused by name of the check, without a crash."""
    assert "unknown_instrument" in codes(Bench().propose(Side.BUY, "1", "DOGE/USDT"))


def test_limits_hold_at_the_worst_price() -> None:
    """Orders are valued at the mark plus the collar: 19.8 at 101 is within 2 000, 19.9 is not."""
    assert approved(Bench().propose(Side.BUY, "19.8"))
    assert codes(Bench().propose(Side.BUY, "19.81")) == ["max_order_size"]


def test_what_is_settled_working_and_reserved_all_counts() -> None:
    """Position limits count fills, the unfilled rest of orders, and approvals not yet recorded."""
    bench = Bench()
    bench.hold(Side.BUY, "8")
    bench.record(bench.propose(Side.BUY, "8"))
    assert approved(bench.propose(Side.BUY, "8"))  # stays reserved: nobody recorded it
    assert codes(bench.propose(Side.BUY, "0.8")) == ["max_position"]  # 24.8 x 101 > 2 500
    assert approved(bench.propose(Side.BUY, "0.75"))


def test_a_reservation_blocks_the_second_proposal_in_the_queue() -> None:
    """Two proposals that each fit and together do not: the second is refused before the first is recorded."""
    bench = Bench()
    assert approved(bench.propose(Side.BUY, "15", strategy="a"))
    assert codes(bench.propose(Side.BUY, "15", strategy="b")) == ["max_position"]


def test_a_reservation_counts_once_it_is_recorded_not_twice() -> None:
    """When the order manager has the order, the reservation is given back."""
    bench = Bench()
    bench.record(bench.propose(Side.BUY, "12"))
    assert approved(bench.propose(Side.BUY, "12"))


def test_a_refused_proposal_reserves_nothing() -> None:
    """What was refused takes no headroom from the next one."""
    bench = Bench()
    assert codes(bench.propose(Side.BUY, "1000"))
    assert approved(bench.propose(Side.BUY, "19"))


def test_opposite_strategies_are_never_netted() -> None:
    """A long of one and a short of another strategy both count, although the account holds nothing."""
    bench = Bench()
    bench.hold(Side.BUY, "12", strategy="a")
    bench.hold(Side.SELL, "12", strategy="b")
    assert codes(bench.propose(Side.BUY, "1")) == ["max_position"]


def test_buys_and_sells_in_flight_are_never_netted() -> None:
    """An exit on its way frees nothing until it is filled."""
    bench = Bench()
    bench.hold(Side.BUY, "15")
    bench.record(bench.propose(Side.SELL, "15", closing=True))
    assert codes(bench.propose(Side.BUY, "15", strategy="b")) == ["max_position"]


def test_gross_exposure_counts_all_symbols() -> None:
    """The gross limit is over the account: two symbols within their own limits can break it."""
    bench = Bench()
    bench.hold(Side.BUY, "19", SPOT)
    bench.hold(Side.SELL, "19", PERP, "b")
    assert codes(bench.propose(Side.BUY, "2", SPOT)) == ["max_gross_exposure"]


def test_protective_stops_are_no_exposure() -> None:
    """The stop of a position takes nothing from the headroom of the next order."""
    bench = Bench()
    bench.hold(Side.BUY, "12", protective_stop=Decimal(90))
    assert approved(bench.propose(Side.BUY, "12"))


def test_closing_is_always_possible() -> None:
    """With stale data, no price, every limit broken and breakers latched, an exit is approved."""
    bench = Bench()
    bench.hold(Side.BUY, "19")
    bench.clock.now_ns = 99 * MINUTE_NS
    bench.marks.prices[PERP] = bench.marks.equity = bench.marks.drawdown_ratio = float("nan")
    assert approved(bench.propose(Side.SELL, "19", closing=True))


def test_closing_more_than_is_held_is_refused() -> None:
    """An exit for more than the sub-book, or of another strategy's position, is refused with the numbers."""
    bench = Bench()
    bench.hold(Side.BUY, "5")
    (refusal,) = bench.propose(Side.SELL, "5.01", closing=True)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.value, refusal.limit) == ("not_reducing", 5.01, 5.0)
    assert codes(bench.propose(Side.SELL, "1", closing=True, strategy="b")) == ["not_reducing"]


def test_what_already_closes_cannot_be_closed_again() -> None:
    """A second exit is refused while the first is reserved, and while it works."""
    bench = Bench()
    bench.hold(Side.BUY, "5")
    first = bench.propose(Side.SELL, "5", closing=True)
    assert codes(bench.propose(Side.SELL, "5", closing=True)) == ["not_reducing"]
    bench.record(first)
    assert codes(bench.propose(Side.SELL, "5", closing=True)) == ["not_reducing"]


def test_a_stop_does_not_block_the_exit() -> None:
    """A protective stop, resting or on its way, is replaced by an exit and does not stand against it."""
    bench = Bench()
    bench.hold(Side.BUY, "5", protective_stop=Decimal(90))
    bench.propose(Side.SELL, "5", closing=True, stop_price=Decimal(95))
    assert approved(bench.propose(Side.SELL, "5", closing=True))
