"""The report of a run as one HTML file that opens without a network and can be sent to anybody."""

import re
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path

import msgspec

from agentic_trading.backtester.report import markup
from agentic_trading.backtester.report.content import Content, content_of
from agentic_trading.backtester.report.payload import payload
from agentic_trading.backtester.result import Result
from agentic_trading.core.errors import ConfigError

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_FOLDER = Path(__file__).parent


def write_report(result: Result, path: Path) -> Path:
    """Write the report to ``path`` and return it; raises ConfigError if that is not possible."""
    pieces = _pieces(result)
    try:
        with path.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise ConfigError(f"cannot write the report to {path}: {error.strerror or error}") from None
    return path


def page(result: Result) -> str:
    """The whole page. All text that comes from settings or data is escaped."""
    return b"".join(_pieces(result)).decode()


def _pieces(result: Result) -> list[bytes]:
    """The page, piece by piece in its order; the script of the charts, most of it, is taken as it is."""
    content = content_of(result)
    data = payload(result, content)
    slots = {
        **_head(content),
        **_tables(content),
        "symbols": "".join(f"<option>{escape(symbol)}</option>" for symbol in data["candles"]),
        "no_curve": _hidden(data["curve"]),
        "no_days": _hidden(data["days"]),
        "no_rolling": _hidden(data["rolling"]),
        "no_candles": _hidden(data["candles"]),
        "no_trades": _hidden(data["trades"]["total"]),
        "settings": escape(result.settings_toml),
        "style": _part("page.css"),
        "data": _embedded(data),
        "script": _part("page.js") + _part("trades.js"),
    }
    around = _SLOT.split(_part("page.html"))  # text, slot, text, slot, ..., text
    pieces = []
    for number, part in enumerate(around):
        if number % 2 == 0:
            pieces.append(part.encode())
        else:
            pieces.append(_plotly() if part == "plotly" else slots[part].encode())
    return pieces


def _head(content: Content) -> dict[str, str]:
    _, gain, *others = content.headline
    told = content.break_even + content.assumptions
    return {
        "title": escape(f"{content.strategies} · {content.mode} {content.run_id}"),
        "mode": escape(content.mode.capitalize()),
        "run_id": escape(content.run_id),
        "strategies": escape(content.strategies),
        "symbols_traded": escape(content.symbols),
        "period": escape(content.period),
        "gain": markup.figure(gain.value),
        "gain_tone": f"{gain.tone} range" if gain.note else gain.tone,
        "gain_note": escape(gain.note or "after costs"),
        "sentence": escape(content.sentence),
        "figures": markup.figures(others),
        "warnings": markup.warnings(content.warnings),
        "band": markup.table(content.band) + (markup.listed(told) if told else ""),
        "no_band": _hidden(content.band.rows),
    }


def _tables(content: Content) -> dict[str, str]:
    stopped = [(code.value, by.value, times.value, int(times.value.replace(",", "")))
               for code, by, times in content.refusals.rows]  # fmt: skip
    still_open = markup.table(content.open_positions, cards=True)
    return {
        "periods": markup.periods(content.periods),
        "returns": markup.listed(content.returns),
        "risk": markup.listed(content.risk),
        "trading": markup.listed(content.trading),
        "costs": markup.listed(content.costs),
        "per_strategy": markup.table(content.per_strategy, cards=True),
        "per_symbol": markup.table(content.per_symbol, cards=True),
        "slices": markup.sliced(content.slices, "regime", "direction", "exit", "weekday"),
        "hours": markup.sliced(content.slices, "hour"),
        "open_positions": still_open or markup.quiet("Nothing was open at the end."),
        "refusals": markup.counted(stopped) if stopped else markup.quiet("Nothing was gated or refused."),
        "data_passport": markup.listed(content.data),
        "provenance": markup.listed(content.provenance),
    }


def _hidden(shown: object) -> str:
    return "" if shown else "hidden"


@cache
def _part(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _plotly() -> bytes:
    """The script of the chart library, read from its files: nothing of the library itself is needed."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly, whose script draws the charts, is not installed", name="plotly")
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes()


def _embedded(value: object) -> str:
    """JSON that cannot end the script element it is in."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
