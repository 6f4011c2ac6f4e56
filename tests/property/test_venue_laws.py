"""Laws of the simulated venue over random candles and random orders."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import Liquidity, OrderType, Side, TimeInForce
from agentic_trading.core.events import Event, Fill, OrderAccepted, OrderCanceled, OrderRejected
from agentic_trading.core.models import Candle
from agentic_trading.simulation.costs import CostModel
from agentic_trading.simulation.resting import MarketModel
from venue_market import BUY, MINUTE, PERPETUAL, SELL, SPOT, START_NS, Desk, candle, only

pytestmark = pytest.mark.property
MINUTES = 8
OTHER = "ETH/USDT:USDT"
LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
TAKES_PROFIT = (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT)
CAPITAL = 1_000_000
Feed = tuple[str, list[Candle], list[dict[str, Any]]]
"""A symbol, its candles, and what is done on it."""


@st.composite
def candles(draw: st.DrawFn, symbol: str = PERPETUAL) -> list[Candle]:
    """Consecutive minutes around 100 on the tick, some of them without volume, filled or missing."""
    found = []
    for minute in range(MINUTES):
        kind = draw(st.sampled_from(["traded"] * 6 + ["filled", "missing"]))
        if kind == "missing":
            continue
        prices = draw(st.lists(st.integers(900, 1100), min_size=4, max_size=4))
        low, first, last, high = sorted(prices)
        if draw(st.booleans()):
            first, last = last, first
        bars = f"{first / 10} {high / 10} {low / 10} {last / 10}"
        volume = draw(st.sampled_from([0.0, 3.0, 12.5, 1000.0])) if kind == "traded" else 0.0
        found.append(candle(minute, bars, volume, symbol, filled=kind == "filled"))
    return found


ticks = st.integers(900, 1100).map(lambda tenths: f"{tenths // 10}.{tenths % 10}")


@st.composite
def actions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Orders of every kind and cancels of earlier ones, by time."""
    count = draw(st.integers(1, 8))
    times = sorted(draw(st.lists(st.integers(0, MINUTES - 1), min_size=count, max_size=count)))
    found = []
    for number, at in enumerate(times):
        if number and draw(st.integers(0, 4)) == 0:
            found.append({"cancel": draw(st.integers(0, number - 1)), "at": at})
            continue
        kind = draw(st.sampled_from(list(OrderType)))
        wanted: dict[str, Any] = {"at": at, "side": draw(st.sampled_from(list(Side))), "type": kind}
        wanted["quantity"] = f"{draw(st.integers(1, 5000)) / 1000:.3f}"
        wanted["reduce_only"] = wanted["closing"] = draw(st.booleans())
        if kind in LIMITED:
            wanted["price"] = draw(ticks)
        if kind is OrderType.TRAILING_STOP:
            distance = draw(st.sampled_from([("trail_amount", "1.5"), ("trail_ratio", "0.02")]))
            wanted |= dict([distance])
            if draw(st.booleans()):
                wanted["activation_price"] = draw(ticks)
        elif kind not in (OrderType.MARKET, OrderType.LIMIT):
            wanted["stop_price"] = draw(ticks)
        elif not wanted["closing"] and draw(st.booleans()):
            wanted["protective_stop"] = draw(ticks)
        found.append(wanted | draw(conditions(kind, at)))
    return found


@st.composite
def conditions(draw: st.DrawFn, kind: OrderType, at: int) -> dict[str, Any]:
    """How long an order lasts, whether it may take, and what it excludes."""
    found: dict[str, Any] = {}
    lasting = draw(st.sampled_from([TimeInForce.GTC, *TimeInForce]))
    if lasting is not TimeInForce.GTC:
        found["time_in_force"] = lasting
    if lasting is TimeInForce.GTD:
        found["expires_ns"] = START_NS + at * MINUTE + draw(st.integers(1, 4 * MINUTE))
    rests = kind is OrderType.LIMIT and lasting in (TimeInForce.GTC, TimeInForce.GTD)
    if rests and draw(st.booleans()):
        found["post_only"] = True
    if draw(st.integers(0, 3)) == 0:
        found["oco_group"] = draw(st.sampled_from("gh"))
    return found


models = st.builds(
    MarketModel,
    maker_fee=st.sampled_from([Decimal(0), Decimal("0.0002")]),
    taker_fee=st.sampled_from([Decimal(0), Decimal("0.00055")]),
    costs=st.builds(
        CostModel,
        fixed_bps=st.sampled_from([Decimal(0), Decimal(3), Decimal("37.5")]),
        volatility_factor=st.sampled_from([Decimal(0), Decimal("0.1")]),
        latency=st.booleans(),
        impact_factor=st.sampled_from([Decimal(0), Decimal(1)]),
    ),
    latency_ns=st.sampled_from([0, 250_000_000, MINUTE // 2, MINUTE, 3 * MINUTE + 1]),
    participation=st.sampled_from([Decimal("0.1"), Decimal(1)]),
    optimistic=st.booleans(),
    touch_fills=st.booleans(),
)
worlds = st.tuples(candles(), actions(), models)


def play(
    series: Sequence[Candle],
    wanted: Sequence[dict[str, Any]],
    assumptions: MarketModel,
    desk: Desk | None = None,
) -> tuple[Desk, list[tuple[Candle, list[Event]]]]:
    """Send every action at its minute and let the candles pass; returns the reports by candle."""
    desk = desk or Desk(assumptions)
    ids: list[str] = []
    left = list(wanted)
    told = []
    for each in series:
        while left and START_NS + left[0]["at"] * MINUTE <= each.open_ns:
            act = dict(left.pop(0))
            if "cancel" in act:
                ids.append("")
                desk.cancel(ids[act["cancel"]], act["at"])
            else:
                ids.append(desk.order(act.pop("side"), act.pop("quantity"), act.pop("at"), **act))
        told.append((each, desk.passes(each)))
    return desk, told


def sent(wanted: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The orders by id; attached stops are found under their own."""
    orders: dict[str, dict[str, Any]] = {}
    for act in wanted:
        if "cancel" not in act:
            orders[chr(ord("A") + len(orders))] = act
    stops = {}
    for key, each in orders.items():
        if "protective_stop" in each:
            stops[f"{key}s"] = {
                "at": each["at"],
                "side": each["side"].opposite,
                "type": OrderType.STOP_MARKET,
                "quantity": each["quantity"],
                "reduce_only": True,
                "stop_price": each["protective_stop"],
            }
    return orders | stops


@given(worlds)
def test_no_fill_before_arrival_and_none_after_the_end(world: tuple[Any, ...]) -> None:
    """A fill lies in its candle, at or after its order's arrival, and nothing follows an order's end."""
    series, wanted, assumptions = world
    orders = sent(wanted)
    over: dict[str, None] = {}
    open_now: dict[str, None] = {}
    for each, reports in play(series, wanted, assumptions)[1]:
        for report in reports:
            order_id = report.order_id  # type: ignore[attr-defined]
            assert order_id not in over
            if isinstance(report, OrderAccepted):
                open_now[order_id] = None
            elif isinstance(report, OrderRejected):
                over[order_id] = None
            else:
                assert order_id in open_now
            if isinstance(report, OrderCanceled):
                over[order_id] = None
            if isinstance(report, Fill):
                arrival = START_NS + orders[order_id]["at"] * MINUTE + assumptions.latency_ns
                assert report.at_ns >= arrival
                assert each.open_ns <= report.at_ns <= each.close_ns
                assert each.close_ns > arrival
                assert not each.filled


@given(worlds)
def test_no_fill_better_than_the_candle_allows(world: tuple[Any, ...]) -> None:
    """A price lies within the candle, no better than what the market showed, no worse than the limit."""
    series, wanted, assumptions = world
    orders = sent(wanted)
    for each, reports in play(series, wanted, assumptions)[1]:
        for fill in only(reports, Fill):
            assert Decimal(str(each.low)) <= fill.price <= Decimal(str(each.high))
            assert fill.price % Decimal("0.1") == 0
            sign, order = fill.side.sign, orders[fill.order_id]
            assert (fill.price - fill.reference_price) * sign >= 0
            shown = {Decimal(str(each.open))}
            if "price" in order:
                assert (fill.price - Decimal(order["price"])) * sign <= 0
                shown.add(Decimal(order["price"]))
            if "stop_price" in order:
                level = Decimal(order["stop_price"])
                shown |= {level, max(Decimal(str(each.low)), min(level, Decimal(str(each.high))))}
            if order["type"] is not OrderType.TRAILING_STOP:  # its level moves
                assert fill.reference_price in shown


@given(worlds)
def test_a_limit_that_makes_was_traded_through(world: tuple[Any, ...]) -> None:
    """A maker's fill needs a candle that surely traded beyond the limit after the order's arrival."""
    series, wanted, assumptions = world
    orders = sent(wanted)
    for each, reports in play(series, wanted, assumptions)[1]:
        for fill in only(reports, Fill):
            if fill.liquidity.value != "maker":
                continue
            order = orders[fill.order_id]
            arrival = START_NS + order["at"] * MINUTE + assumptions.latency_ns
            limit = float(order["price"])
            beyond = each.low if fill.side is BUY else each.high
            if arrival > each.open_ns:
                beyond = each.close
            through = (limit - beyond) * fill.side.sign
            assert through > 0 or (assumptions.touch_fills and through == 0)
            assert order.get("time_in_force") not in (TimeInForce.IOC, TimeInForce.FOK)


@given(worlds)
def test_post_only_never_takes(world: tuple[Any, ...]) -> None:
    """Whatever a post-only order fills, it made; whatever fills at once or not, fills once and whole."""
    series, wanted, assumptions = world
    orders, filled = sent(wanted), dict[str, Decimal]()
    for _, reports in play(series, wanted, assumptions)[1]:
        for fill in only(reports, Fill):
            order = orders[fill.order_id]
            assert not (order.get("post_only") and fill.liquidity.value == "taker")
            if order.get("time_in_force") is TimeInForce.FOK and not fill.order_id.endswith("s"):
                assert fill.order_id not in filled
                filled[fill.order_id] = fill.quantity
                assert fill.quantity == Decimal(order["quantity"])


@given(worlds)
def test_of_a_group_at_most_one_is_filled(world: tuple[Any, ...]) -> None:
    """The orders that exclude each other never execute both."""
    series, wanted, assumptions = world
    orders, filled = sent(wanted), dict[str, str]()
    for _, reports in play(series, wanted, assumptions)[1]:
        for fill in only(reports, Fill):
            group = orders[fill.order_id].get("oco_group")
            if group is not None and not fill.order_id.endswith("s"):
                assert filled.setdefault(group, fill.order_id) == fill.order_id


@given(worlds)
def test_trailing_stops_never_loosen(world: tuple[Any, ...]) -> None:
    """A trailing level only ever comes closer to the market, and a gap through it fills beyond it."""
    series, wanted, assumptions = world
    desk = TrailingDesk(assumptions)
    for each, reports in play(series, wanted, assumptions, desk)[1]:
        for fill in only(reports, Fill):
            level = desk.levels.get(fill.order_id)
            opened = Decimal(str(each.open))
            if level is not None and fill.at_ns == each.open_ns:
                assert (opened - level) * fill.side.sign >= 0
                assert (fill.price - opened) * fill.side.sign >= 0


class TrailingDesk(Desk):
    """Notes the levels of trailing stops, which must not loosen."""

    levels: dict[str, Decimal]

    def passes(self, *candles: Candle) -> list[Event]:
        reports = super().passes(*candles)
        self.levels = getattr(self, "levels", {})
        for order in self.venue._resting[self.symbol].values():
            if order.trails and order.waiting and order.level is not None:
                before = self.levels.get(order.order_id, order.level)
                assert (before - order.level) * order.side.sign >= 0
                self.levels[order.order_id] = order.level
        return reports


@given(worlds)
def test_what_the_venue_waits_for_is_all_that_can_happen(world: tuple[Any, ...]) -> None:
    """Candles that `waits` calls unimportant may be left out: every report is the same."""
    series, wanted, assumptions = world
    told = [report for _, reports in play(series, wanted, assumptions)[1] for report in reports]
    desk = LazyDesk(assumptions)
    lazily = [report for _, reports in play(series, wanted, assumptions, desk)[1] for report in reports]
    assert lazily == told


class LazyDesk(Desk):
    """Lets pass only the candles that the venue waits for."""

    def passes(self, *candles: Candle) -> list[Event]:
        waits = self.venue.waits()
        (each,) = candles
        down, up = waits.levels.get(each.symbol, (float("-inf"), float("inf")))
        due = waits.arrival_ns is not None and waits.arrival_ns < each.close_ns
        if due or each.symbol in waits.every_row or each.low <= down or each.high >= up:
            return super().passes(each)
        return []


@given(worlds)
def test_never_more_than_ordered(world: tuple[Any, ...]) -> None:
    """Fills sum to no more than was ordered, those of an attached stop to no more than its entry's."""
    series, wanted, assumptions = world
    orders, filled = sent(wanted), dict[str, Decimal]()
    for _, reports in play(series, wanted, assumptions)[1]:
        for fill in only(reports, Fill):
            assert fill.quantity > 0
            assert fill.quantity % Decimal("0.001") == 0
            filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.quantity
            assert filled[fill.order_id] <= Decimal(orders[fill.order_id]["quantity"])
            if fill.order_id.endswith("s"):
                assert filled[fill.order_id] <= filled[fill.order_id[:-1]]


@given(worlds)
def test_never_more_than_our_share_of_the_volume(world: tuple[Any, ...]) -> None:
    """All fills of a candle together take at most the allowed share of what traded in it."""
    series, wanted, assumptions = world
    for each, reports in play(series, wanted, assumptions)[1]:
        taken = sum(Fraction(fill.quantity) for fill in only(reports, Fill))
        assert taken <= Fraction(each.volume) * Fraction(assumptions.participation)


@given(worlds)
def test_reduce_only_never_adds_and_never_flips(world: tuple[Any, ...]) -> None:
    """A reduce-only fill brings the account's position toward zero and never through it."""
    series, wanted, assumptions = world
    orders, position = sent(wanted), Decimal(0)
    for _, reports in play(series, wanted, assumptions)[1]:
        for fill in only(reports, Fill):
            after = position + fill.side.sign * fill.quantity
            if orders[fill.order_id]["reduce_only"]:
                assert abs(after) < abs(position)
                assert after * position >= 0
            position = after


@given(worlds, st.lists(st.integers(-75, 75), max_size=4))
def test_the_account_conserves_exactly(world: tuple[Any, ...], rates: list[int]) -> None:
    """Once all is closed, the cash is the capital and what every fill, fee and payment moved: exactly."""
    series, wanted, assumptions = world
    desk, told = play(series, wanted, assumptions)
    reports = [report for _, each in told for report in each]
    paid = [desk.venue.fund(PERPETUAL, START_NS, rate / 10_000, 100.1) for rate in rates]
    held = Fraction(desk.held())
    for each in paid:
        assert (each is None) is (held == 0)
        if each is not None:
            owed = -held * Fraction("100.1") * Fraction(each.rate)
            assert 0 <= owed - Fraction(each.payment) < Fraction(1, 10**8)
    assert held == sum(fill.side.sign * Fraction(fill.quantity) for fill in only(reports, Fill))
    reports += _close_all(desk, wanted)
    cash = CAPITAL + sum((Fraction(each.payment) for each in paid if each is not None), Fraction(0))
    for fill in only(reports, Fill):
        notional = Fraction(fill.quantity) * Fraction(fill.price)
        cash -= fill.side.sign * notional + Fraction(fill.fee)
        made = fill.liquidity is Liquidity.MAKER
        exact_fee = notional * Fraction(assumptions.maker_fee if made else assumptions.taker_fee)
        assert 0 <= Fraction(fill.fee) - exact_fee < Fraction(1, 10**8)
    assert desk.held() == 0
    assert Fraction(desk.balance()) == cash


def _close_all(desk: Desk, wanted: Sequence[dict[str, Any]]) -> list[Event]:
    """Cancel every order there may be, then close the position in a candle with volume enough."""
    for order_id in sent(wanted):
        desk.cancel(order_id, MINUTES + 10)
    reports = desk.passes(candle(MINUTES + 20, "100 110 90 95"))
    held = desk.held()
    if held:
        desk.order(SELL if held > 0 else BUY, str(abs(held)), MINUTES + 21, closing=True, reduce_only=True)
    return reports + desk.passes(candle(MINUTES + 30, "100 110 90 95"))


@given(candles(SPOT), actions(), models, st.integers(0, 2000))
def test_spot_never_goes_negative(
    series: list[Candle], wanted: list[dict[str, Any]], assumptions: MarketModel, cash: int
) -> None:
    """Neither coins nor cash fall below zero, and both are what the fills say, exactly."""
    desk = Desk(assumptions, [SPOT], {"USDT": str(cash), "BTC": "2"})
    coins, money = Fraction(2), Fraction(cash)
    for _, reports in play(series, wanted, assumptions, desk)[1]:
        for fill in only(reports, Fill):
            traded = fill.side.sign * Fraction(fill.quantity)
            coins += traded
            money -= traded * Fraction(fill.price) + Fraction(fill.fee)
            assert coins >= 0
            assert money >= 0
    assert (Fraction(desk.balance("BTC")), Fraction(desk.balance())) == (coins, money)


@given(worlds)
def test_same_inputs_same_reports(world: tuple[Any, ...]) -> None:
    """The venue has no clock and no dice."""
    assert play(*world)[1] == play(*world)[1]


feeds = st.tuples(
    st.tuples(st.just(PERPETUAL), candles(PERPETUAL), actions()),
    st.tuples(st.just(OTHER), candles(OTHER), actions()),
)


@given(feeds, models)
def test_symbols_do_not_disturb_each_other(two: tuple[Feed, Feed], assumptions: MarketModel) -> None:
    """With cash enough a symbol's reports are those it has alone, whichever symbol's candle comes first."""
    first, second = two
    alone = _told([first], assumptions) | _told([second], assumptions)
    assert _told([first, second], assumptions) == alone
    assert _told([second, first], assumptions) == alone


def _told(feeds: Sequence[Feed], assumptions: MarketModel) -> dict[str, list[str]]:
    """Each symbol's reports as text; orders go by their place in their feed, trades by no number."""
    desk = Desk(assumptions, [symbol for symbol, _, _ in feeds])
    names: dict[str, str] = {}
    for symbol, _, acts in feeds:
        ids: list[str] = []
        for number, act in enumerate(acts):
            terms = dict(act)
            if "cancel" in terms:
                ids.append("")
                desk.cancel(ids[terms["cancel"]], terms["at"], symbol)
                continue
            side, quantity, at = (terms.pop(name) for name in ("side", "quantity", "at"))
            ids.append(desk.order(side, quantity, at, symbol=symbol, **terms))
            names |= {ids[-1]: f"order {number}", f"{ids[-1]}s": f"stop of order {number}"}
    told: dict[str, list[str]] = {symbol: [] for symbol, _, _ in feeds}
    series = [each for _, candles_of, _ in feeds for each in candles_of]
    for each in sorted(series, key=lambda one: one.open_ns):  # stable: within a minute as the feeds come
        for report in desk.passes(each):
            fields = msgspec.structs.asdict(report) | {"trade_id": ""}
            fields["order_id"] = names[fields["order_id"]]
            told[each.symbol].append(f"{type(report).__name__} {fields}")
    return told
