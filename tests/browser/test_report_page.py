"""What a reader does with the report, in a real browser: open, read, hover, zoom, jump to a trade."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from agentic_trading.backtester.report.page import write_report
from agentic_trading.backtester.result import Result
from made_results import build_result

OpenPage = Callable[..., Page]

pytestmark = pytest.mark.browser
CHARTS = ("curve", "days", "rolling", "bridge", "price")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year and two months, three strategies, long and short, with a band."""
    result = build_result()
    result.summary["band"] = band_of(result)
    return write_report(result, tmp_path_factory.mktemp("report") / "report.html")


def band_of(result: Result) -> dict[str, Any]:
    at_ns, equity = result.equity["timestamp_ns"], result.equity["equity"]
    curve = {"timestamp_ns": at_ns.to_list(), "optimistic": (equity * 1.02).to_list(),
             "pessimistic": (equity * 0.97).to_list()}  # fmt: skip
    figures = dict.fromkeys(("optimistic", "base", "pessimistic"), result.metrics)
    return {**figures, "curve": curve, "break_even_bps": 11.0, "break_even_delay_ms": 900}


def overflow(page: Page) -> int:
    """By how many pixels the page, or its list of trades, is wider than there is room."""
    script = "each => each.scrollWidth - each.clientWidth"
    inside = page.eval_on_selector_all(".scroll", f"found => found.map({script})")
    return max(int(page.eval_on_selector("html", script)), *(int(each) for each in inside))


RANGE = """([id, axis]) => {
  const full = document.getElementById(id)._fullLayout[axis];
  return full.range.map(each => full.r2l(each));
}"""
MARK_OF_SELECTED = """() => {
  const chart = document.getElementById("price"), box = chart.getBoundingClientRect();
  const { xaxis, yaxis } = chart._fullLayout;
  const marks = chart.data.find(each => each.name.endsWith("entry") && each.customdata.includes(selected));
  const at = marks.customdata.indexOf(selected);
  return [box.x + xaxis._offset + xaxis.d2p(marks.x[at]), box.y + yaxis._offset + yaxis.d2p(marks.y[at])];
}"""


def range_of(page: Page, chart: str, axis: str = "xaxis") -> list[float]:
    """What an axis shows; times in milliseconds."""
    found: list[float] = page.evaluate(RANGE, [chart, axis])
    return found


def place_in(page: Page, chart: str, x: float, y: float = 0.4) -> tuple[float, float]:
    """A place on the screen by its share of the width and height of a chart, which is brought into view."""
    page.evaluate("id => document.getElementById(id).scrollIntoView({block: 'start'})", chart)
    box = page.locator(f"#{chart} .nsewdrag").first.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_it_opens_complete_at_any_size_and_in_any_light(
    report: Path, open_page: OpenPage, width: int, theme: str
) -> None:
    """Every chart is drawn in the reader's theme, nothing is loaded, and nothing sticks out sideways."""
    page = open_page(report, width, theme)
    assert [page.locator(f"#{chart} .main-svg").count() > 0 for chart in CHARTS] == [True] * len(CHARTS)
    assert overflow(page) <= 0
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(shade) < 200) is (theme == "dark")
    for row in page.locator("#trades tbody tr").all()[:1]:
        row.click()
    assert overflow(page) <= 0


def test_the_theme_can_be_switched_and_is_remembered(report: Path, open_page: OpenPage) -> None:
    """The button turns page and charts dark, and the page opens dark again."""
    page = open_page(report)
    before = page.evaluate("document.getElementById('curve')._fullLayout.font.color")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.getElementById('curve')._fullLayout.font.color") != before
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_hovering_shows_the_values(report: Path, open_page: OpenPage) -> None:
    """Over the equity curve stand the time and the values of all curves at it."""
    page = open_page(report)
    page.mouse.move(*place_in(page, "curve", 0.5))
    page.wait_for_selector("#curve .hoverlayer .legend")
    text = page.locator("#curve .hoverlayer").text_content() or ""
    for part in ("Equity", "Buy and hold", "Under water", "Gross exposure", "Optimistic", "2024-"):
        assert part in text


def test_equity_is_zoomed_by_dragging_and_back_by_a_double_click(report: Path, open_page: OpenPage) -> None:
    """Dragging shows that part of the time, fits the values to it, and a double click shows all again."""
    page = open_page(report)
    whole, values = range_of(page, "curve"), range_of(page, "curve", "yaxis")
    page.mouse.move(*place_in(page, "curve", 0.25))
    page.mouse.down()
    page.mouse.move(*place_in(page, "curve", 0.5), steps=6)
    page.mouse.up()
    near = range_of(page, "curve")
    assert near[0] == pytest.approx(whole[0] + 0.25 * (whole[1] - whole[0]), rel=0.01)
    assert near[1] - near[0] == pytest.approx((whole[1] - whole[0]) / 4, rel=0.05)
    fitted = range_of(page, "curve", "yaxis")
    assert fitted[1] - fitted[0] < values[1] - values[0]
    page.mouse.dblclick(*place_in(page, "curve", 0.7))
    page.wait_for_selector("#spans [aria-pressed='true'] >> text=All")
    assert range_of(page, "curve") == whole


def test_a_button_shows_the_last_month(report: Path, open_page: OpenPage) -> None:
    """A time span by its name, marked as chosen."""
    page = open_page(report, 375)
    page.click("#spans >> text=1 M")
    shown = range_of(page, "curve")
    assert shown[1] - shown[0] == pytest.approx(30 * 86_400_000)
    assert page.get_attribute("#spans >> text=1 M", "aria-pressed") == "true"


def test_candles_get_finer_by_zooming(report: Path, open_page: OpenPage) -> None:
    """The whole run is seen in wide candles and a part of it in finer ones, all from the page itself."""
    page = open_page(report)
    wide = page.inner_text("#interval")
    for _ in range(6):
        page.click("[data-zoom='0.5']")
    assert (wide, page.inner_text("#interval")) == ("One candle is 2 d.", "One candle is 2 h.")
    page.click("[data-zoom='0']")
    assert page.inner_text("#interval") == wide


def test_a_trade_in_the_list_is_found_on_the_candles(report: Path, open_page: OpenPage) -> None:
    """A click on a trade chooses its symbol, shows its time, marks it, and says all about it."""
    page = open_page(report)
    row = page.locator("#trades tbody tr", has_text="ETH/USDT:USDT").nth(7)
    number = row.locator("td").first.inner_text()
    row.click()
    assert row.get_attribute("aria-selected") == "true"
    assert page.input_value("#symbol") == "ETH/USDT:USDT"
    mark = page.evaluate("document.getElementById('price').layout.shapes[0]")
    shown = range_of(page, "price")
    assert shown[0] < mark["x0"] < mark["x1"] < shown[1]
    entered = page.evaluate("at => trades.entry_ms[at]", int(str(row.get_attribute("data-at"))))
    assert mark["x0"] == entered
    text = page.inner_text("#trade")
    for part in (f"Trade {number}:", "ETH/USDT:USDT", "Stop at entry", "fast 101.5, slow 99.25"):
        assert part in text
    page.wait_for_function("document.getElementById('price').getBoundingClientRect().top < innerHeight")
    page.click("#trade [data-go='1']")
    assert f"Trade {int(number) + 1}:" in page.inner_text("#trade")


def test_a_trade_on_the_candles_is_found_in_the_list(report: Path, open_page: OpenPage) -> None:
    """A click on a mark selects its trade in the list."""
    page = open_page(report)
    page.locator("#trades tbody tr").nth(3).click()
    place_in(page, "price", 0.5)
    at = page.evaluate("selected")
    x, y = page.evaluate(MARK_OF_SELECTED)
    page.evaluate("selected = -1, list()")
    assert page.locator("#trades tr[aria-selected='true']").count() == 0
    page.mouse.move(x, y)
    page.wait_for_selector("#price .hoverlayer .hovertext")
    page.mouse.click(x, y)
    page.wait_for_selector("#trades tr[aria-selected='true']")
    assert page.get_attribute("#trades tr[aria-selected='true']", "data-at") == str(at)


def test_the_list_can_be_ordered_and_used_by_keyboard(report: Path, open_page: OpenPage) -> None:
    """Worst first begins with the largest loss; Enter on a row chooses it."""
    page = open_page(report)
    page.select_option("#order", "worst")
    row = page.locator("#trades tbody tr").first
    assert page.evaluate(
        "at => trades.net[at] === Math.min(...trades.net)", int(str(row.get_attribute("data-at")))
    )
    row.press("Enter")
    assert row.get_attribute("aria-selected") == "true"


@pytest.mark.parametrize(("days", "trades"), [(3, 0), (25, 3), (70, 10)])
@pytest.mark.parametrize("width", [1280, 375])
def test_short_and_empty_runs_open_as_well(
    tmp_path: Path, open_page: OpenPage, days: int, trades: int, width: int
) -> None:
    """What a run is too short for is left out, without complaint and without sticking out."""
    page = open_page(write_report(build_result(days, trades), tmp_path / "r.html"), width)
    assert page.locator("#curve .main-svg").count() > 0
    assert page.is_visible("#days") is (days > 3)
    assert page.is_visible("#trades") is (trades > 0)
    assert overflow(page) <= 0


def test_hostile_names_do_nothing(tmp_path: Path, open_page: OpenPage) -> None:
    """Names from settings and data are text in the page, in its lists and in its charts."""
    evil = "</script><img src=x onerror=alert(1)>"
    result = build_result(days=60, trades=6, strategy_names=(evil,))
    named = result.trades.with_columns(strategy=result.trades["strategy"].replace("breakout", evil))
    object.__setattr__(result, "trades", named)
    page = open_page(write_report(result, tmp_path / "r.html"))
    page.locator("#trades tbody tr", has_text="onerror").first.click()
    assert evil in page.inner_text("#trade")
    assert page.locator("img").count() == 0
