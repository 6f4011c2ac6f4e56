"""The quick look before the checks: what it waves through, no check would have refused."""

from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import MINUTE_NS, Side, Timeframe
from agentic_trading.core.events import CandlesClosed, OrderTerms, Proposal, Refusal
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.money import exact
from agentic_trading.risk.breakers import Breakers
from agentic_trading.risk.engine import RiskEngine
from agentic_trading.risk.headroom import Headroom
from agentic_trading.risk.limits import RiskSettings
from order_desk import INSTRUMENTS, PERP, SPOT, OrderDesk

NAN, INF = float("nan"), float("inf")
WIDE = RiskSettings(
    max_position_pct=0.99, max_gross_exposure=10.0, max_order_pct=0.99, price_collar_bps=100.0,
    max_drawdown_pct=0.2, max_daily_loss_pct=0.05, max_data_age_candles=2,
)  # fmt: skip
RATIO_OF = {
    "max_order_size": "max_order_pct",
    "max_position": "max_position_pct",
    "max_gross_exposure": "max_gross_exposure",
    "max_leverage": "max_leverage",
}
"""The setting that each refusal is about."""


class Unsure(Headroom):
    """Never sure of anything, so that the exact checks judge every proposal."""

    def plenty(self, *proposal: Any) -> bool:
        return False


class Bench(OrderDesk):
    """Real books; the marks and limits are a test's."""

    def headroom(self, limits: RiskSettings, kind: type[Headroom] = Headroom) -> Headroom:
        breakers = Breakers(limits, self.marks, self.clock)
        return kind(
            INSTRUMENTS, limits, self.ledger, self.orders, self.marks, breakers, self.clock, MINUTE_NS
        )

    def refused(
        self, limits: RiskSettings, terms: OrderTerms, reserved: list[OrderTerms]
    ) -> dict[str, float | None]:
        """Codes and values of everything that the exact checks have against an order."""
        breakers = Breakers(limits, self.marks, self.clock)
        engine = RiskEngine(
            INSTRUMENTS, limits, self.ledger, self.orders, self.marks, breakers, self.clock, IdSequence(),
            Timeframe.M1,
        )  # fmt: skip
        engine._headroom = self.headroom(limits, Unsure)
        engine._reserved = {str(number): each for number, each in enumerate(reserved)}
        with exact():
            answers = engine.react(Proposal("p", 1, terms, 100.0, ""))
        return {answer.code: answer.value for answer in answers if isinstance(answer, Refusal)}


class Scene(NamedTuple):
    """An account, what is approved and not yet recorded, and an order that somebody wants."""

    bench: Bench
    reserved: list[OrderTerms]
    terms: OrderTerms
    collar_bps: float


QUANTITIES = st.decimals("0.00001", "500", places=5) | st.decimals("0.01", "20", places=2)
PRICES = st.floats(0.01, 100_000.0) | st.just(100.0)
AROUND = st.sampled_from([-1e-3, -2e-6, -1e-6, -1e-7, -2e-16, 0.0, 2e-16, 1e-7, 1e-6, 2e-6, 1e-3])
"""How far a limit lies above what is at stake, as a ratio of it."""
ODDITIES = st.one_of(
    st.tuples(
        st.sampled_from(["prices"]), st.sampled_from([SPOT, PERP]), st.sampled_from([NAN, INF, 0.0, -1.0])
    ),
    st.tuples(st.sampled_from(["at_ns"]), st.sampled_from([SPOT, PERP]), st.sampled_from([0, 6, 8])),
    st.tuples(st.just("equity"), st.none(), st.sampled_from([NAN, INF, 0.0, -1.0])),
    st.tuples(
        st.just("drawdown_ratio"), st.none(), st.just(NAN) | AROUND.map(lambda over: 0.2 * (1.0 + over))
    ),
    st.tuples(
        st.just("day_loss_ratio"), st.none(), st.just(NAN) | AROUND.map(lambda over: 0.05 * (1.0 + over))
    ),
)
"""A mark that is missing, impossible, or right at its limit."""
ORDERS = st.builds(
    OrderTerms, st.sampled_from("ab"), st.sampled_from([SPOT, PERP]), st.sampled_from(Side), QUANTITIES
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Positions, working orders of which some are partly filled, reservations, marks, and the order."""
    bench = Bench()
    bench.ledger.balances["USDT"] = Decimal(10**9)
    for terms in draw(st.lists(ORDERS, max_size=3)):
        side = terms.side if terms.symbol == PERP else Side.BUY
        bench.hold(side, str(terms.quantity), terms.symbol, terms.strategy)
    for terms in draw(st.lists(ORDERS, max_size=2)):
        order_id = bench.approve(Proposal("p", 1, terms, 100.0, ""))
        if draw(st.booleans()) and terms.symbol == PERP:
            bench.fill(order_id, terms.quantity / 4)
    marks = bench.marks
    marks.prices = {SPOT: draw(PRICES), PERP: draw(PRICES)}
    marks.at_ns = {SPOT: 7, PERP: 7}
    marks.equity = draw(st.floats(100.0, 1e7))
    bench.clock.now_ns = 7 + 2 * MINUTE_NS
    for name, symbol, value in draw(st.lists(ODDITIES, max_size=1)):
        if symbol is None:
            setattr(marks, name, value)
        else:
            getattr(marks, name)[symbol] = value
    reserved = draw(st.lists(ORDERS, max_size=2))
    return Scene(bench, reserved, draw(ORDERS), draw(st.sampled_from([0.0, 37.0, 100.0])))


@given(scene=scenes(), around=st.dictionaries(st.sampled_from(list(RATIO_OF)), AROUND, max_size=2))
@pytest.mark.property
def test_what_has_plenty_of_room_is_not_refused(scene: Scene, around: dict[str, float]) -> None:
    """Whatever is held, working, reserved and known, with limits right at what is at stake or far from it."""
    bench, reserved, terms, collar_bps = scene
    collared = WIDE.model_copy(update={"price_collar_bps": collar_bps})
    no_room = collared.model_copy(update=dict.fromkeys(RATIO_OF.values(), 1e-12))
    at_stake = bench.refused(no_room, terms, reserved)
    ratios = {
        RATIO_OF[code]: value / bench.marks.equity * (1.0 + around.get(code, 1.0))
        for code, value in at_stake.items()
        if code in RATIO_OF and value is not None
    }
    limits = collared.model_copy(update=dict.fromkeys(RATIO_OF.values(), 1e12) | ratios)
    if bench.headroom(limits).plenty(terms, reserved):
        assert bench.refused(limits, terms, reserved) == {}


def test_far_from_every_limit_there_is_plenty() -> None:
    """The quick look is of use: with half of every limit left it is sure."""
    bench = Bench()
    bench.hold(Side.BUY, "10", PERP)
    order = OrderTerms("a", PERP, Side.BUY, Decimal(10))
    assert bench.headroom(WIDE).plenty(order, [OrderTerms("b", SPOT, Side.BUY, Decimal(10))])


@pytest.mark.parametrize(
    "changed",
    [
        {"prices": {SPOT: 100.0, PERP: NAN}}, {"prices": {SPOT: NAN, PERP: 100.0}},
        {"prices": {SPOT: 100.0, PERP: 0.0}}, {"prices": {SPOT: -1.0, PERP: 100.0}},
        {"equity": NAN}, {"equity": INF}, {"equity": 0.0}, {"drawdown_ratio": NAN}, {"day_loss_ratio": NAN},
        {"drawdown_ratio": 0.2}, {"day_loss_ratio": 0.05}, {"at_ns": {PERP: 0}}, {"equity": 2_000.0},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_unknown_or_near_is_for_the_checks(changed: dict[str, Any]) -> None:
    """A price, an account or an age that is missing, and a loss or an exposure at its limit, are a no."""
    bench = Bench()
    bench.hold(Side.BUY, "10", SPOT)
    order = OrderTerms("a", PERP, Side.BUY, Decimal(10))
    assert bench.headroom(WIDE).plenty(order, [])
    for name, value in changed.items():
        setattr(bench.marks, name, value)
    assert not bench.headroom(WIDE).plenty(order, [])


def test_prices_and_breakers_are_for_the_checks() -> None:
    """An order with a limit price, one of an unknown symbol, and any while a breaker holds are a no."""
    bench = Bench()
    order = OrderTerms("a", PERP, Side.BUY, Decimal(1))
    assert not bench.headroom(WIDE).plenty(
        OrderTerms("a", PERP, Side.BUY, Decimal(1), price=Decimal(100)), []
    )
    assert not bench.headroom(WIDE).plenty(OrderTerms("a", "DOGE/USDT", Side.BUY, Decimal(1)), [])
    for loss in range(2):
        headroom = bench.headroom(WIDE)
        assert headroom.plenty(order, [])
        bench.marks.losses[loss] = 0.5
        headroom._breakers.react(CandlesClosed(1, ()))
        bench.marks.losses[loss] = 0.0
        assert not headroom.plenty(order, [])
