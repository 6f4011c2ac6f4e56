"""The realism band: its assumptions, that it is nested on the same decisions, where it breaks even, a run."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.band import MOST_RUNS, OPTIMISTIC, PESSIMISTIC, assumed, backtest_band
from agentic_trading.break_even import HALVINGS, SEARCHES, Search, break_even
from agentic_trading.core.enums import Market, Side
from agentic_trading.core.events import Fill
from agentic_trading.settings import load_settings
from agentic_trading.simulation.fee_tiers import FEE_TIERS
from agentic_trading.simulation.market import market_models
from agentic_trading.simulation.settings import SimulationSettings, fee_rates
from terminal import Answer, Terminal
from venue_market import PERPETUAL, Desk, candle, instrument, only

VENUES = tuple(dict.fromkeys(venue for venue, _ in FEE_TIERS))
COSTS = ("half_spread_bps", "slippage_bps", "slippage_volatility_factor", "slippage_impact_factor")
DELAYS = ("latency_ms", "report_latency_ms", "latency_jitter_ms")
DEFAULT = SimulationSettings()

bps = st.sampled_from([0.0, 0.5, 1.0, 7.5, 40.0])
bases = st.builds(
    SimulationSettings,
    half_spread_bps=bps,
    slippage=st.sampled_from(["fixed", "volatility", "impact"]),
    slippage_bps=bps,
    latency_ms=st.sampled_from([0, 1, 250, 3000]),
    participation_ratio=st.sampled_from([0.02, 0.1, 0.7, 1.0]),
    fills=st.sampled_from(["realistic", "next_open"]),
    ambiguity=st.sampled_from(["pessimistic", "optimistic"]),
    limit_fills=st.sampled_from(["through", "touch"]),
    fee_tier=st.sampled_from(["VIP0", "VIP1"]),
    taker_fee_bps=st.sampled_from([None, 3.0]),
)


def three(base: SimulationSettings, venue: str) -> tuple[SimulationSettings, ...]:
    """Optimistic, base and pessimistic settings."""
    return assumed(base, venue, OPTIMISTIC), base, assumed(base, venue, PESSIMISTIC)


# --- the assumptions --------------------------------------------------------------------------


@given(bases, st.sampled_from(VENUES))
def test_no_assumption_is_kinder_than_a_more_optimistic_one(base: SimulationSettings, venue: str) -> None:
    """Costs, delays and fees rise, our share of the volume falls, from optimistic to pessimistic."""
    kind, _, harsh = settings = three(base, venue)
    for name in (*COSTS, *DELAYS):
        values = [getattr(each, name) for each in settings]
        assert values == sorted(values)
    shares = [each.participation_ratio for each in settings]
    assert shares == sorted(shares, reverse=True)
    for market in Market:
        if base.fee_tier in FEE_TIERS[venue, market]:
            fees = [fee_rates(venue, market, each) for each in settings]
            assert [maker for maker, _ in fees] == sorted(maker for maker, _ in fees)
            assert [taker for _, taker in fees] == sorted(taker for _, taker in fees)
    assert (kind.ambiguity, kind.limit_fills, kind.fills) == ("optimistic", "touch", base.fills)
    assert (harsh.ambiguity, harsh.limit_fills, harsh.fills) == ("pessimistic", "through", "realistic")


@given(bases, st.sampled_from(VENUES))
def test_a_pessimist_believes_in_no_free_lunch(base: SimulationSettings, venue: str) -> None:
    """However kind the settings, the pessimistic run pays at least what the defaults ask for."""
    harsh = assumed(base, venue, PESSIMISTIC)
    assert harsh.half_spread_bps >= DEFAULT.half_spread_bps
    assert harsh.latency_ms >= DEFAULT.latency_ms
    assert harsh.participation_ratio <= DEFAULT.participation_ratio
    assert base.slippage != "fixed" or harsh.slippage_bps >= DEFAULT.slippage_bps


# --- the same decisions -----------------------------------------------------------------------

moves = st.lists(
    st.tuples(st.integers(-30, 30), st.integers(0, 20), st.integers(0, 20)), min_size=6, max_size=20
)
decisions = st.lists(
    st.tuples(st.integers(0, 15), st.sampled_from(list(Side)), st.integers(1, 40), st.integers(-20, 20)),
    min_size=1, max_size=8,
)  # fmt: skip


@given(bases, moves, decisions)
def test_nested_on_the_same_decisions(
    base: SimulationSettings,
    moves: list[tuple[int, int, int]],
    decisions: list[tuple[int, Side, int, int]],
) -> None:
    """Replayed market and stop orders end no worse, the more optimistic the assumptions."""
    results = []
    for settings in three(base, "binance"):
        (model,) = market_models({PERPETUAL: instrument()}, settings, seed=7).values()
        results.append(replayed(Desk(model), moves, decisions))
    optimistic, middle, pessimistic = results
    assert pessimistic <= middle <= optimistic


def replayed(
    desk: Desk, moves: list[tuple[int, int, int]], decisions: list[tuple[int, Side, int, int]]
) -> Decimal:
    """What the fills are worth after the candles: cash in and out, and the position at the last close."""
    for minute, side, tenths, distance in sorted(decisions, key=lambda each: each[0]):
        if distance:
            stop = 100 + Decimal(side.sign * abs(distance)) / 10
            desk.stop(side, f"{tenths / 10}", f"{stop}", at=minute)
        else:
            desk.order(side, f"{tenths / 10}", at=minute)
    close, worth, held = 1000, Decimal(0), Decimal(0)
    for minute, (move, above, below) in enumerate(moves):
        opened, close = close, close + move
        high, low = max(opened, close) + above, min(opened, close) - below
        bar = " ".join(f"{price / 10}" for price in (opened, high, low, close))
        for fill in only(desk.passes(candle(minute, bar, volume=1e6)), Fill):
            moved = fill.side.sign * fill.quantity
            held += moved
            worth -= moved * fill.price + fill.fee
    return worth + held * Decimal(close) / 10


# --- where it breaks even ---------------------------------------------------------------------


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.name)
@pytest.mark.parametrize("share", [0.001, 0.03, 0.3, 0.97])
def test_finds_where_a_straight_line_breaks_even(search: Search, share: float) -> None:
    """A profit that falls in a straight line is found exactly, in a bounded number of runs."""
    asked: list[float] = []

    def net(value: float) -> float:
        asked.append(value)
        return share * search.most - value

    found, reason = break_even(net, search)
    assert found == pytest.approx(share * search.most)
    assert reason == ""
    assert len(asked) == 2 + HALVINGS
    assert all(0 <= value <= search.most for value in asked)


@given(st.lists(st.floats(-1, 1), min_size=HALVINGS, max_size=HALVINGS))
def test_what_is_found_lies_between_a_profit_and_none(noise: list[float]) -> None:
    """Also where profit jumps about, the value lies between one with profit and one without."""
    profits: dict[float, float] = {}
    left = iter(noise)

    def net(value: float) -> float:
        profits[value] = 1.0 if value == 0 else -1.0 if value == SEARCHES[0].most else next(left)
        return profits[value]

    found, _ = break_even(net, SEARCHES[0])
    assert found is not None
    below = max(value for value, profit in profits.items() if profit > 0 and value <= found)
    above = min(value for value, profit in profits.items() if profit <= 0 and value >= found)
    assert below <= found <= above
    assert not [value for value in profits if below < value < above]


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (lambda value: -1.0, "none: no profit even at 0 bps"),
        (lambda value: 0.0, "none: no profit even at 0 bps"),
        (lambda value: 1.0, "none within 100 bps"),
    ],
)
def test_says_why_there_is_none(net: Callable[[float], float], reason: str) -> None:
    """Without a change from profit to none there is no value, and a reason."""
    assert break_even(net, SEARCHES[0]) == (None, reason)


# --- a run ------------------------------------------------------------------------------------


@pytest.fixture
def banded(terminal: Terminal) -> dict[str, Any]:
    """The summary of a short run with a band."""
    return summary_of(terminal.backtest("--band", "--json"))


def summary_of(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    summary: dict[str, Any] = json.loads(answer.out)
    return summary


def set_flags(settings: Mapping[str, Any]) -> list[str]:
    return [part for key, value in settings.items() for part in ("--set", f"simulation.{key}={value}")]


def test_the_base_of_the_band_is_the_run(terminal: Terminal, banded: dict[str, Any]) -> None:
    """With --band a run has the fingerprint and the figures it has without; and each edge is a run too."""
    plain = summary_of(terminal.backtest("--json"))
    band = banded["band"]
    assert (banded["fingerprint"], banded["metrics"]) == (plain["fingerprint"], plain["metrics"])
    assert band["base"] == plain["metrics"]
    for name, settings in band["assumptions"].items():
        other = summary_of(terminal.backtest("--json", *set_flags(settings)))
        assert band["fingerprints"][name] == other["fingerprint"]
        assert band[name] == other["metrics"]
    assert band["runs"] <= MOST_RUNS


def test_the_band_is_the_headline(terminal: Terminal, banded: dict[str, Any]) -> None:
    """Lowest, base and highest return stand first, in figures and on the terminal; the page has them all."""
    band = banded["band"]
    returns = [band[name]["total_return_ratio"] for name in ("optimistic", "base", "pessimistic")]
    assert band["total_return_ratio"] == {"low": min(returns), "base": returns[1], "high": max(returns)}
    shown = terminal("show", "last")
    low, base, high = (f"{100 * band['total_return_ratio'][name]:+.2f}" for name in ("low", "base", "high"))
    assert f"{low} .. {base} .. {high} %" in shown.out
    assert "UNDER OTHER ASSUMPTIONS" in shown.out
    assert "a run of its own" in shown.out
    html = Path(banded["files"]["report"]).read_text("utf-8")
    assert "Breaks even at a fee of" in html
    assert len(band["curve"]["timestamp_ns"]) == len(band["curve"]["pessimistic"])


def test_a_run_at_its_break_even_fee_has_nothing_left(terminal: Terminal) -> None:
    """At less than the break-even fee there is a profit, at more there is none."""
    gainful = ("--timerange", "20240301-20240320", "-s", "mean_reversion", "-p", "ETH/USDT")
    band = summary_of(terminal.backtest("--band", "--json", *gainful))["band"]
    fee = band["break_even_bps"]["fee"]
    assert fee is not None, band["break_even_reasons"]
    for factor, profitable in ((0.8, True), (1.25, False)):
        fees = set_flags({"maker_fee_bps": factor * fee, "taker_fee_bps": factor * fee})
        net = summary_of(terminal.backtest("--json", *gainful, *fees))["metrics"]["net_profit"]
        assert (net > 0) is profitable


def test_a_band_that_is_not_nested_says_so(monkeypatch: pytest.MonkeyPatch, sample_history: Path) -> None:
    """Where the pessimistic run did better than the base, the range holds it and a warning names it."""
    monkeypatch.setattr("agentic_trading.band.PESSIMISTIC", OPTIMISTIC)
    monkeypatch.setattr("agentic_trading.band.OPTIMISTIC", PESSIMISTIC)
    settings = load_settings("backtest", assignments=[
        f"backtest.data_dir={sample_history}", "backtest.timerange=20240301-20240306",
        'symbols.default=["BTC/USDT"]',
    ]).settings  # fmt: skip
    summary = backtest_band(settings).summary
    found = summary["band"]["total_return_ratio"]
    assert found["low"] < found["base"] < found["high"]
    assert [text for text in summary["warnings"] if text.startswith("The band is not nested")]


def test_without_trades_there_is_nothing_to_search(terminal: Terminal) -> None:
    """A run that never traded needs three runs, and says that nothing was traded."""
    answer = terminal.backtest("--band", "--json", "--timerange", "20240101-20240102")
    band = summary_of(answer)["band"]
    assert band["runs"] == 3
    assert band["break_even_bps"] == {"fee": None, "slippage": None}
    assert band["break_even_reasons"]["fee"] == "none: nothing was traded"


@pytest.mark.parametrize("step", ["auto", "every"])
def test_a_band_for_comparisons(terminal: Terminal, step: str) -> None:
    """At fills that know no market, only the fee is searched, and the pessimist fills realistically."""
    answer = terminal.backtest("--band", "--json", "--step", step, "--set", "simulation.fills=next_open")
    band = summary_of(answer)["band"]
    assert "next_open" in band["break_even_reasons"]["slippage"]
    assert band["assumptions"]["pessimistic"]["fills"] == "realistic"


# --- under another engine's definitions -------------------------------------------------------


def test_metrics_of_a_peer(terminal: Terminal) -> None:
    """--metrics adds the figures of another engine to the summary and to what is printed."""
    summary = summary_of(terminal.backtest("--metrics", "freqtrade", "--json"))
    assert summary["peer_metrics"]["metrics"]["trades"] == summary["counts"]["trades"]
    told = terminal.backtest("--metrics", "backtestingpy")
    assert told.code == 0
    assert "BY THE DEFINITIONS OF BACKTESTING.PY" in told.out
    assert "Kelly Criterion" in told.out


def test_metrics_of_nobody(terminal: Terminal) -> None:
    """An engine that is not known is named, with those that are, before anything runs."""
    answer = terminal.backtest("--metrics", "zipline")
    assert answer.code == 2
    assert "--metrics zipline: choose one of backtestingpy, freqtrade" in answer.err
    assert not answer.out
