"""What the reports say and how they are drawn: complete, escaped, offline, plain when not on a terminal."""

import io
import json
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.backtester.metrics import daily_equity
from agentic_trading.backtester.report.breakdown import periods, refusals_by_code, slices
from agentic_trading.backtester.report.content import content_of
from agentic_trading.backtester.report.page import page
from agentic_trading.backtester.report.plausibility import warnings_for
from agentic_trading.backtester.report.series import hold_growth, price_candles, rolling, thin
from agentic_trading.backtester.report.terminal import print_report
from agentic_trading.backtester.report.text import money, percent
from agentic_trading.backtester.report.trade_list import trade_list
from agentic_trading.backtester.result import Result
from agentic_trading.core.enums import DAY_NS, HOUR_NS, Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.models import CandleColumns

MakeResult = Callable[..., Result]


def printed(result: Result, folder: Path | None = None) -> str:
    out = io.StringIO()
    print_report(result, folder, out)
    return out.getvalue()


def embedded(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_the_terminal_report_has_every_part(result: Result, tmp_path: Path) -> None:
    """Headline, breakdowns, costs, risk, refusals, passport, fingerprint, files and what to do next."""
    text = printed(result, tmp_path / str(result.summary["run_id"]))
    for part in (
        "Capital", "Buy and hold", "Max drawdown", "PER STRATEGY", "mean_reversion", "PER SYMBOL",
        "PERIODS", "Fees", "Slippage and spread", "Funding (+ received)", "Daily VaR 95", "Daily ES 99",
        "Time in the market", "Turnover", "Worst day", "max_position", "DATA PASSPORT", "OPEN AT THE END",
        "7f" * 32, "report.html", "agentic-trading verify 20240101-7f3a9c",
    ):  # fmt: skip
        assert part in text, part


def test_off_a_terminal_the_report_is_plain_and_100_wide(result: Result) -> None:
    """No escape codes and no line beyond 100 columns when the output is not a terminal."""
    text = printed(result)
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_no_color_is_honoured_on_a_terminal(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR set a terminal gets no colour codes; without it, it does."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "110")
    assert "\x1b[32m" in printed(result)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", printed(result))


def test_the_page_is_whole_and_needs_no_network(result: Result) -> None:
    """Every slot is filled, nothing is loaded from elsewhere, and the script is inside."""
    html = page(result)
    shell = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "{{" not in shell
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", shell)
    assert html.count("<script") == 4
    assert len(html) > 1_000_000
    assert "Plotly.react" in html


def test_the_charts_have_no_button_that_uploads_them(result: Result) -> None:
    """Results stay on the machine: the chart library's share button and its server are switched off."""
    html = page(result)
    assert 'showSendToCloud: false, plotlyServerURL: ""' in html


def test_hostile_names_stay_text(make_result: MakeResult) -> None:
    """Names from settings and data never become markup, neither in the page nor in its charts."""
    evil = "</script><img src=x onerror=alert(1)>"
    html = page(make_result(days=40, trades=4, strategy_names=(evil,)))
    assert evil not in html
    assert "<img" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def column(packed: Any) -> list[float]:
    """The numbers of a packed column."""
    kind = np.dtype("<" + packed["type"])
    return [float(each) for each in np.frombuffer(b64decode(packed["b64"]), dtype=kind)]


def test_charts_hold_the_curves_and_their_extremes(result: Result) -> None:
    """The account curves share one axis and keep first, last, lowest and highest equity of the run."""
    curve = embedded(page(result))["curve"]
    lengths = {len(column(curve[name])) for name in ("t", "equity", "hold", "below", "gross", "net")}
    assert lengths == {len(column(curve["t"]))}
    assert len(column(curve["t"])) <= 2400
    equity, shown = result.equity["equity"], column(curve["equity"])
    assert (shown[0], shown[-1]) == (equity[0], equity[-1])
    assert (min(shown), max(shown)) == (equity.min(), equity.max())
    hold = result.metrics["buy_and_hold_return_ratio"]
    assert column(curve["hold"])[-1] == pytest.approx(100_000 * (1 + (hold or 0)))


def test_every_trade_is_shown_with_its_stop_and_reasons(result: Result) -> None:
    """The page holds all trades as in the table, each with the stop and the reasons of its entry."""
    trades = embedded(page(result))["trades"]
    assert trades["total"] == result.trades.height == len(column(trades["net"]))
    assert column(trades["net"]) == result.trades["net"].cast(pl.Float64).to_list()
    entries = result.trades["entry_price"].cast(pl.Float64).to_list()
    assert column(trades["stop"]) == pytest.approx([0.98 * price for price in entries])
    assert trades["why"]["names"] == ["fast 101.5, slow 99.25"]


def test_of_too_many_trades_the_largest_are_shown(result: Result) -> None:
    """A limit keeps the trades with the largest results, in their order, and says how many there were."""
    shown = trade_list(result, 10)
    sizes = result.trades["net"].cast(pl.Float64).abs().sort(descending=True)
    assert (shown.total, shown.table.height) == (result.trades.height, 10)
    assert shown.table["net"].abs().min() == sizes[9]
    assert shown.table["exit_ns"].is_sorted()


def test_the_bridge_leads_from_gross_to_net(result: Result) -> None:
    """The first amount, what the costs did, and the net profit add up."""
    bridge = content_of(result).bridge
    assert sum(amount for _, amount in bridge[:-1]) == pytest.approx(bridge[-1][1])
    assert bridge[-1] == ("Net", result.metrics["net_profit"])


def test_slices_add_up_to_all_trades(result: Result) -> None:
    """Whatever trades are sliced by, the slices hold every trade once and their nets sum to the whole."""
    found = slices(result.trades)
    assert list(found) == ["regime", "direction", "exit", "weekday", "hour"]
    for parts in found.values():
        assert sum(part.trades for part in parts) == result.trades.height
        assert sum(part.net for part in parts) == pytest.approx(result.trades["net"].cast(pl.Float64).sum())
    assert (len(found["weekday"]), len(found["hour"])) == (7, 24)


def test_weekday_and_hour_are_those_of_the_entry(result: Result) -> None:
    """A trade entered on Thursday the 29th of February 2024 at 13:30 UTC counts there."""
    at = datetime(2024, 2, 29, 13, 30, tzinfo=UTC)
    one = result.trades.head(1).with_columns(pl.lit(int(at.timestamp()) * 10**9).alias("entry_ns"))
    found = slices(one)
    assert [part.label for part in found["weekday"] if part.trades] == ["Thursday"]
    assert [part.label for part in found["hour"] if part.trades] == ["13:00"]


def test_a_band_is_shown_where_the_run_has_one(make_result: MakeResult) -> None:
    """With a band the page has its figures, its break-even costs and its curves; without one, none of it."""
    plain = make_result(days=60, trades=10)
    assert embedded(page(plain))["band"] is None
    assert "Optimistic" not in re.sub(r"<script.*?</script>", "", page(plain), flags=re.DOTALL)
    base = plain.metrics
    at_ns, equity = plain.equity["timestamp_ns"].to_list(), plain.equity["equity"].to_list()
    plain.summary["band"] = {
        "optimistic": {**base, "total_return_ratio": 0.4321}, "base": base, "pessimistic": base,
        "break_even_bps": {"fee": 12.5, "slippage": 8.0}, "break_even_delay_ms": None,
        "break_even_reasons": {"delay": "none: still a profit"},
        "assumptions": {"optimistic": {"slippage_bps": 0.5}},
        "curve": {"timestamp_ns": at_ns, "optimistic": equity, "pessimistic": equity},
    }  # fmt: skip
    html = page(plain)
    for part in (
        "Under other assumptions",
        "+43.21 %",
        "12.50 bps",
        "Breaks even at a slippage of",
        "none: still a profit",
        "slippage_bps 0.5",
    ):
        assert part in html
    assert len(column(embedded(html)["band"]["low"])) > 100


@pytest.mark.slow
def test_the_data_of_the_page_are_small(make_result: MakeResult) -> None:
    """However long the run and many its trades, what the charts are drawn from stays under 600 kB."""
    for result in (make_result(days=180, trades=40), make_result(days=3000, trades=4000)):
        data = re.search(r'id="data">(.*?)</script>', page(result), re.DOTALL)
        assert data is not None
        assert len(data[1]) < 600_000


def test_a_run_without_trades_or_prices_still_reports(make_result: MakeResult) -> None:
    """No trades is a report that says why, not an error."""
    empty = make_result(days=5, trades=0)
    assert "No closed trades: of 58 signals, 17 x" in " ".join(printed(empty).split())
    assert "No closed trades" in page(empty)


def test_writing_to_an_impossible_path_is_a_clear_error(result: Result, tmp_path: Path) -> None:
    """The report names the path it could not write."""
    with pytest.raises(ConfigError, match=r"cannot write the report to .*nowhere"):
        result.report(tmp_path / "nowhere" / "report.html")
    assert result.report(tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_implausible_results_are_called_so() -> None:
    """Sharpe above 5, returns above 1000 %, short runs and silent strategies each get their sentence."""
    suspicious: dict[str, float | None] = {"sharpe": 6.0, "total_return_ratio": 11.0, "trades": 3}
    assert [text.split()[0:2] for text in warnings_for(suspicious, 100, [], 9)] == [
        ["A", "Sharpe"],
        ["A", "return"],
    ]
    (short,) = warnings_for({"trades": 3}, 29.0, [], 9)
    assert short.startswith("29.0 days are fewer than 30")
    (silent,) = warnings_for({"trades": 0}, 100, [], 0)
    assert "no signal" in silent
    assert warnings_for({"sharpe": 1.0, "total_return_ratio": 0.1, "trades": 3}, 100, [], 9) == []


def test_periods_compound_to_the_total_return(result: Result) -> None:
    """Profits of the periods sum to the net profit, and their trades to all trades."""
    content = content_of(result)
    assert sum(period.profit for period in content.periods) == pytest.approx(result.metrics["net_profit"])
    assert sum(period.trades for period in content.periods) == result.trades.height
    assert [period.label for period in content.periods][:2] == ["2024-01", "2024-02"]


def test_short_runs_are_broken_down_by_week() -> None:
    """Under 92 days the periods are weeks named by their Monday."""
    start = int(datetime(2024, 5, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
    at_ns = start + np.arange(1, 11, dtype=np.int64) * DAY_NS
    days, equity = daily_equity(at_ns, np.linspace(101.0, 110.0, 10), 100.0)
    found = periods(days, equity, 100.0, np.array([start + HOUR_NS, start + 6 * DAY_NS], dtype=np.int64))
    assert [(each.label, each.trades) for each in found] == [("2024-04-29", 1), ("2024-05-06", 1)]
    assert found[0].return_ratio == pytest.approx(0.05)


def test_refusals_are_counted_by_code(result: Result) -> None:
    """Gates and refusals are counted, the most frequent first, signals left out."""
    counted = refusals_by_code(result.decisions)
    assert sum(count for _, _, count in counted) == 57
    assert [count for _, _, count in counted] == sorted((count for _, _, count in counted), reverse=True)


def test_breakdowns_add_up_to_the_run(result: Result) -> None:
    """Profit of all strategies, and of all symbols, is the net profit of the run."""
    for part in ("per_strategy", "per_symbol"):
        total = sum(each["net_profit"] + each["open_profit"] for each in result.summary[part].values())
        assert total == pytest.approx(result.metrics["net_profit"], abs=1e-6)


def test_thinning_keeps_the_extremes() -> None:
    """However far a line is thinned, its first, last, lowest and highest points stay."""
    values = np.random.default_rng(3).normal(size=50_000).cumsum()
    rows = thin(values, 400)
    assert rows.shape[0] <= 400
    assert {0, 49_999, int(values.argmin()), int(values.argmax())} <= set(rows.tolist())
    assert thin(values[:300], 400).tolist() == list(range(300))


def test_buy_and_hold_is_the_mean_of_the_symbols() -> None:
    """One symbol doubles from its first open, the other starts later and halves: equal parts end at 1.25."""
    rise = columns("A/USDT", 0, [10.0, 15.0, 16.0])
    rise.bars[0, 0] = 8.0
    fall = columns("B/USDT", 1, [8.0, 4.0])
    at_ns = np.array([HOUR_NS, 2 * HOUR_NS, 3 * HOUR_NS], dtype=np.int64)
    held = hold_growth(price_candles({"A/USDT": rise, "B/USDT": fall}), at_ns)
    assert held.tolist() == [1.125, 1.4375, 1.25]


@given(st.integers(1, 3000), st.integers(0, 50), st.integers(400, 1000))
def test_merged_candles_keep_what_the_candles_were(count: int, first: int, total: int) -> None:
    """However many candles are merged: never too many, and open, high, low, close and times are theirs."""
    closes = (100 + np.random.default_rng(count).normal(size=count).cumsum()).tolist()
    own = columns("A/USDT", first, closes)
    merged = price_candles({"A/USDT": own}, total)
    assert merged.height <= total
    assert merged["open"][0] == own.bars[0, 0]
    assert merged["close"][-1] == closes[-1]
    assert (merged["high"].max(), merged["low"].min()) == (own.bars[1].max(), own.bars[2].min())
    assert merged["timestamp_ns"][-1] == own.close_ns[-1]
    assert (merged["open_ns"] <= merged["timestamp_ns"]).all()
    assert merged["open_ns"].is_sorted()
    assert merged["open_ns"].n_unique() == merged.height


def test_rolling_figures_are_the_metrics_of_their_window(result: Result) -> None:
    """The rolling ratio over the whole run is the Sharpe ratio of the run, and likewise the volatility."""
    daily = content_of(result).daily_returns
    sharpe, volatility = rolling(daily, daily.shape[0])
    assert sharpe[0] == pytest.approx(result.metrics["sharpe"])
    assert volatility[0] == pytest.approx(result.metrics["volatility_ratio"])
    assert rolling(daily[:5], 30)[0].shape == (0,)
    assert np.isnan(rolling(np.zeros(40), 30)[0]).all()


def columns(symbol: str, first: int, closes: list[float]) -> CandleColumns:
    """Hourly candles that open where the one before closed; the first opens at its own close."""
    count = len(closes)
    opens = [closes[0], *closes[:-1]]
    bars = np.array([opens, closes, closes, closes, [1.0] * count])
    open_ns = (np.arange(count, dtype=np.int64) + first) * HOUR_NS
    return CandleColumns(
        symbol, Timeframe.H1, open_ns, bars, np.zeros(count, dtype=np.bool_), np.zeros(1, np.int64)
    )


def test_numbers_for_people() -> None:
    """Zero has no sign, missing is n/a, thousands are grouped."""
    assert (money(-0.001, signed=True), money(1234.5), money(None)) == ("0.00", "1,234.50", "n/a")
    assert (percent(0.1234), percent(-1e-9), percent(None)) == ("+12.34 %", "0.00 %", "n/a")
