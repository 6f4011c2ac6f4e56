"""Laws of the margin arithmetic, over generated positions, tables and prices."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction as Ratio
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import Candle, CandleColumns, MarginTier, candle_at
from agentic_trading.core.money import exact, margin_up, ratio_on_grid
from agentic_trading.data.candle_builder import fill_gaps
from agentic_trading.data.history import CANDLE_COLUMNS
from agentic_trading.simulation import margin
from agentic_trading.simulation.margin import BINANCE, BYBIT, BYBIT_ON_ENTRY, MarginPosition, Marked
from agentic_trading.simulation.mark import Mark, Marks, MarkSeries
from agentic_trading.simulation.opening import margin_after_trade, max_open_quantity, order_cost
from margin_tables import BINANCE_BTC_2026, perpetual, table
from market_files import candle_frame

D = Decimal
TICK = D("0.01")
RULES = st.sampled_from([BINANCE, BYBIT, BYBIT_ON_ENTRY])


def amounts(low: str, high: str, places: int) -> st.SearchStrategy[D]:
    return st.decimals(D(low), D(high), allow_nan=False, allow_infinity=False, places=places)


LEVERAGES = st.integers(1, 125).map(D)
QUANTITIES = amounts("0.001", "500", 3)
PRICES = amounts("0.01", "100000", 2)
SIDES = st.sampled_from([1, -1])


@st.composite
def tables(draw: st.DrawFn) -> tuple[MarginTier, ...]:
    """Up to five steps with rising caps and rates, as the venues have them."""
    caps = sorted(draw(st.sets(st.integers(1_000, 50_000_000), min_size=1, max_size=5)))
    rates = sorted(draw(st.sets(st.integers(1, 500), min_size=len(caps), max_size=len(caps))))
    pairs = zip(caps, rates, strict=True)
    return table(*(f"{cap} {D(rate) / 1000} {max(1, 500 // rate)}" for cap, rate in pairs))


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    with exact():
        yield


def opened(side: int, quantity: D, entry: D) -> MarginPosition:
    return MarginPosition(side * quantity, side * quantity * entry)


def balance_less_maintenance(
    position: MarginPosition, collateral: D, price: Ratio, tiers: tuple[MarginTier, ...], on_entry: bool
) -> Ratio:
    """The definition, over fractions: collateral + quantity * price - cost - (value * rate - deduction)."""
    value = abs(Ratio(position.cost) if on_entry else Ratio(position.quantity) * price)
    tier = next((t for t in tiers if t.cap is None or value <= Ratio(t.cap)), tiers[-1])
    kept = value * Ratio(tier.maintenance_ratio) - Ratio(tier.deduction)
    return Ratio(collateral) + Ratio(position.quantity) * price - Ratio(position.cost) - kept


@given(tables(), SIDES, QUANTITIES, PRICES, amounts("-1000000", "1000000", 2), RULES)
def test_liquidation_is_where_balance_meets_maintenance(
    tiers: tuple[MarginTier, ...], side: int, quantity: D, entry: D, collateral: D, rules: margin.MarginRules
) -> None:
    """Before rounding, the margin balance at the liquidation price equals the maintenance margin exactly.

    There is none only for a long that is safe down to zero, and for a short that is lost down to zero.
    """
    position = opened(side, quantity, entry)
    on_entry = rules.maintenance_on == "entry"
    point = margin.liquidation_point(position, collateral, tiers, rules)
    if point is None:
        assert side * balance_less_maintenance(position, collateral, Ratio(0), tiers, on_entry) >= 0
        return
    price = Ratio(point.numerator) / Ratio(point.denominator)
    assert price > 0
    assert balance_less_maintenance(position, collateral, price, tiers, on_entry) == 0


@given(tables(), SIDES, QUANTITIES, PRICES, amounts("0.01", "1000000", 2), RULES)
def test_the_price_and_the_question_agree(
    tiers: tuple[MarginTier, ...], side: int, quantity: D, entry: D, collateral: D, rules: margin.MarginRules
) -> None:
    """One tick beyond the liquidation price the position must be liquidated, one tick before it must not."""
    position = opened(side, quantity, entry)
    price = margin.liquidation_price(position, collateral, tiers, TICK, rules)
    assume(price is not None and price > 2 * TICK)
    assert price is not None

    def lost(mark: D) -> bool:
        return margin.must_liquidate(collateral, [Marked(position, mark, tiers)], rules)

    assert lost(price - side * TICK)
    assert not lost(price + side * TICK)


@given(tables())
def test_tables_are_continuous(tiers: tuple[MarginTier, ...]) -> None:
    """At the border of two steps both ask for the same margin, and more notional never asks for less."""
    for lower, upper in pairwise(tiers):
        border = upper.floor
        assert lower.cap == border
        assert border * lower.maintenance_ratio - lower.deduction == (
            border * upper.maintenance_ratio - upper.deduction
        )
    position = MarginPosition(D(1), D(0))
    marks = sorted(t.floor + step for t in tiers for step in (D(0), D("0.01"), D(700)))
    kept = [margin.maintenance(position, mark, tiers, BINANCE) for mark in marks]
    assert kept == sorted(kept)
    assert kept[0] == 0


@given(tables(), SIDES, QUANTITIES, PRICES, LEVERAGES, LEVERAGES, RULES)
def test_more_leverage_never_moves_liquidation_away(
    tiers: tuple[MarginTier, ...], side: int, quantity: D, entry: D, one: D, other: D,
    rules: margin.MarginRules,
) -> None:  # fmt: skip
    """With more leverage, hence less margin, the liquidation price is at least as near to the entry."""
    position = opened(side, quantity, entry)
    low, high = sorted((one, other))

    def at(leverage: D) -> D | None:
        collateral = margin.initial_margin(quantity * entry, leverage)
        return margin.liquidation_price(position, collateral, tiers, TICK, rules)

    careful, bold = at(low), at(high)
    if careful is None:
        return
    assert bold is not None
    assert side * bold >= side * careful


@given(SIDES, QUANTITIES, PRICES, LEVERAGES)
def test_the_loss_at_bankruptcy_is_the_margin(side: int, quantity: D, entry: D, leverage: D) -> None:
    """Before rounding, an isolated position at its bankruptcy price has lost its margin; rounded, no more."""
    position = opened(side, quantity, entry)
    collateral = margin.initial_margin(quantity * entry, leverage)
    point = margin.bankruptcy_point(position, collateral)
    if point is None:
        assert leverage == 1
        return
    price = Ratio(point.numerator) / Ratio(point.denominator)
    assert Ratio(position.quantity) * price - Ratio(position.cost) == -Ratio(collateral)
    rounded = margin.bankruptcy_price(position, collateral, TICK)
    assert rounded is not None
    assert margin.unrealised(position, rounded) >= -collateral


@given(SIDES, QUANTITIES, PRICES, amounts("0", "100000", 8), PRICES, amounts("0", "0.05", 4), RULES)
def test_a_liquidation_conserves_money(
    side: int, quantity: D, entry: D, collateral: D, price: D, fee: D, rules: margin.MarginRules
) -> None:
    """Collateral, profit and the fund's help go into fee, fund and account exactly, none below 0."""
    done = margin.clear(opened(side, quantity, entry), collateral, price, fee, rules)
    assert collateral + done.realised + done.insured == done.fee + done.kept + done.left
    assert min(done.fee, done.kept, done.insured, done.left) >= 0
    assert not (done.insured and done.left)


@given(
    tables(), st.booleans(), PRICES, PRICES, LEVERAGES, amounts("0", "1000000", 8), amounts("0", "0.001", 5),
    amounts("0", "100000", 2),
)  # fmt: skip
def test_the_largest_order_is_the_largest(
    tiers: tuple[MarginTier, ...], buying: bool, price: D, mark: D, leverage: D, available: D, fee: D, held: D
) -> None:
    """The largest quantity can be paid and is allowed at its leverage; one lot more is not."""
    rules = perpetual(tiers)
    largest = max_open_quantity(available, price, mark, leverage, fee, rules, buying=buying, held=held)

    def possible(quantity: D) -> bool:
        cost = order_cost(quantity if buying else -quantity, price, mark, leverage, fee)
        return cost <= available and margin.max_leverage(held + quantity * price, tiers) >= leverage

    if largest:
        assert possible(largest)
    assert not possible(largest + rules.lot)


@given(st.lists(st.tuples(SIDES, QUANTITIES, PRICES, LEVERAGES), min_size=1, max_size=8))
def test_isolated_margin_follows_the_position(trades: list[tuple[int, D, D, D]]) -> None:
    """However a position came about: closed it leaves no margin, reduced it never has more than before."""
    quantity, cost, behind = D(0), D(0), D(0)
    for side, size, price, leverage in trades:
        before, was = quantity, behind
        behind = margin_after_trade(MarginPosition(quantity, cost), behind, side * size, price, leverage)
        quantity, cost, _ = apply_trade(quantity, cost, side * size, price)
        assert behind >= 0
        assert bool(behind) == bool(quantity)
        if abs(quantity) < abs(before) and quantity * before >= 0:
            assert behind <= was
        elif quantity * before < 0 or not before:
            assert behind == margin.initial_margin(abs(quantity) * price, leverage)
        else:
            assert behind == was + margin.initial_margin(size * price, leverage)
    assert margin_after_trade(MarginPosition(quantity, cost), behind, -quantity, D(1), D(1)) == 0


@given(st.lists(st.tuples(SIDES, QUANTITIES, PRICES, PRICES), min_size=1, max_size=4), tables(), RULES)
def test_cross_margin_is_the_isolated_rule_on_what_the_others_leave(
    positions: list[tuple[int, D, D, D]], tiers: tuple[MarginTier, ...], rules: margin.MarginRules
) -> None:
    """For each of several cross positions, the account's verdict is that of one position alone."""
    held = [Marked(opened(side, quantity, entry), mark, tiers) for side, quantity, entry, mark in positions]
    wallet = D(100_000)
    verdict = margin.must_liquidate(wallet, held, rules)
    for index, each in enumerate(held):
        left = margin.cross_collateral(wallet, held[:index] + held[index + 1 :], rules)
        assert margin.must_liquidate(left, [each], rules) == verdict


@given(
    st.integers(-(10**12), 10**12), st.integers(-(10**6), 10**6), st.sampled_from(["1", "0.1", "0.25"]),
    st.booleans(),
)  # fmt: skip
def test_quotients_are_rounded_once(top: int, below: int, step: str, up: bool) -> None:
    """A quotient on a grid is the nearest step in the direction named, by exact fractions."""
    assume(below)
    got = Ratio(ratio_on_grid(D(top), D(below), D(step), up=up))
    true = Ratio(top, below)
    assert (got % Ratio(D(step))) == 0
    assert 0 <= (got - true if up else true - got) < Ratio(D(step))


def test_a_quotient_just_short_of_a_step_is_not_the_step() -> None:
    """Forty nines behind the point do not make the next unit, and a margin has at most eight decimals."""
    short = D(2) - D("1e-50")
    assert ratio_on_grid(short, D(1), D(1), up=False) == 1
    assert ratio_on_grid(short, D(1), D(1), up=True) == 2
    assert margin_up(D(100), D(3)) == D("33.33333334")


def test_nothing_held_is_never_liquidated() -> None:
    """An empty account is not liquidated, with or without money, and no price is one for it."""
    nothing = Marked(MarginPosition(D(0), D(0)), D(100), BINANCE_BTC_2026)
    assert not margin.must_liquidate(D(0), [], BINANCE)
    assert not margin.must_liquidate(D(-5), [nothing], BINANCE)
    assert margin.liquidation_point(nothing.position, D(0), BINANCE_BTC_2026, BINANCE) is None
    assert margin.margin_ratio(D(0), [nothing], BINANCE) is None


def test_a_missing_table_has_a_strict_stand_in() -> None:
    """Without a table a perpetual keeps five percent, and has at most tenfold leverage."""
    tiers = margin.tiers_of(perpetual())
    assert margin.maintenance(MarginPosition(D(1), D(0)), D(1000), tiers, BINANCE) == 50
    assert margin.max_leverage(D(10**12), tiers) == 10
    assert margin.max_notional(D(10), tiers) is None
    assert margin.max_notional(D(11), tiers) == 0
    assert (margin.margin_rules("sample"), margin.margin_rules("bybit")) == (BINANCE, BYBIT)


def test_beyond_the_table_nothing_may_be_opened_but_maintenance_goes_on() -> None:
    """A position that grew past the last cap keeps the last step's rate; no leverage is allowed there."""
    tiers = table("1000 0.01 50", "2000 0.02 25")
    assert margin.max_leverage(D(2001), tiers) == 0
    assert margin.maintenance(MarginPosition(D(1), D(0)), D(3000), tiers, BINANCE) == 3000 * D("0.02") - 10


def test_the_instrument_knows_its_own_liquidation_fee() -> None:
    """A fee that travels with the instrument wins over the venue's."""
    assert margin.liquidation_fee_ratio(perpetual(), BINANCE) == D("0.0125")


# --- mark prices -----------------------------------------------------------------------------------


def hours(missing: int | None = None) -> CandleColumns:
    """Six mark candles of an hour, of which one may be missing and is then filled flat."""
    frame = candle_frame(6)
    if missing is not None:
        frame = frame.filter([row != missing for row in range(6)])
    stamps, *bars = (frame[name].to_numpy() for name in CANDLE_COLUMNS)
    return fill_gaps("BTC/USDT:USDT", Timeframe.H1, stamps * 1_000_000, np.stack(bars), 1)


def traded() -> CandleColumns:
    """Six candles of the same hours, all alike."""
    bars = np.repeat(np.array([[7.0], [9.0], [6.0], [8.0], [1.0]]), 6, axis=1)
    none = np.zeros(6, dtype=np.bool_)
    return CandleColumns("BTC/USDT:USDT", Timeframe.H1, hours().open_ns, bars, none, np.zeros(1, np.int64))


def test_marks_are_those_of_the_same_hour() -> None:
    """Where a mark candle is stored it counts, and no candle lacks one."""
    series = MarkSeries(traded(), hours())
    bars = hours().bars
    expected = Mark(bars[0, 3], bars[2, 3], bars[1, 3], bars[3, 3], stand_in=False)
    assert Marks(series).over(candle_at(traded(), 3)) == expected
    assert series.lacking == 0


@pytest.mark.parametrize("known", [None, hours(missing=3)])
def test_the_last_price_stands_in_and_is_counted(known: CandleColumns | None) -> None:
    """Where no mark candle is stored, or one was filled in, the traded prices stand in and say so."""
    series = MarkSeries(traded(), known)
    assert Marks(series).over(candle_at(traded(), 3)) == Mark(7.0, 6.0, 9.0, 8.0, stand_in=True)
    assert series.lacking == (6 if known is None else 1)


def test_marks_of_another_timeframe_are_not_used() -> None:
    """An hour's mark range says nothing about which minute it was reached in."""
    minute = Candle("BTC/USDT:USDT", Timeframe.M1, int(hours().open_ns[3]), 0, 7.0, 9.0, 6.0, 8.0, 1.0)
    assert Marks(MarkSeries(traded(), hours())).over(minute).stand_in


def test_a_mark_is_known_when_its_candle_closed() -> None:
    """The last mark at a time is never of a candle that had not closed by then."""
    marks, opens = Marks(MarkSeries(traded(), hours())), hours().open_ns
    assert marks.last("BTC/USDT:USDT", int(opens[1]) - 1) is None
    assert marks.last("BTC/USDT:USDT", int(opens[3])) == hours().bars[3, 2]
    assert marks.last("BTC/USDT:USDT", int(opens[3]) - 1) == hours().bars[3, 1]
