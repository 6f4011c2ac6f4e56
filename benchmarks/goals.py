"""What was to be reached: the goal of each workload, from the peers of the same run, beside what ours did."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import peers
from differential import OURS, WORKS, Figures, comparisons

EVENT_DRIVEN, VECTORISED = "fastest event-driven", "vectorbt"
RECORDED = {
    ("W1", EVENT_DRIVEN): 187_968.0,
    ("W1", VECTORISED): 4_505_073.0,
    ("W2", EVENT_DRIVEN): 155_483.0,
    ("W2", VECTORISED): 3_378_025.0,
    ("W3", EVENT_DRIVEN): 332_608.0,
    ("W3", VECTORISED): 5_530_294.0,
}
"""Candles per second of an earlier run on this kind of machine: they stand in for peers that are absent."""

DATA_BYTES = 48
"""Of a candle in columns: its time and five numbers."""
MOST_BYTES = 120
"""Per candle and symbol, above the data."""
LINEAR = 1.3
"""Time per candle may differ by this factor between the shortest and the longest history."""


class Goal(NamedTuple):
    """A line of the table: figures as text; ``reached`` is must, aim, no, or empty if there is no figure."""

    work: str
    must: str
    aim: str
    ours: str
    reached: str
    against: str


def goals(lines: Sequence[Figures]) -> list[Goal]:
    """The goals of the workloads that were run."""
    run = {line["workload"] for line in lines if line["engine"] == OURS and "error" not in line}
    found = []
    if "W1" in run:
        found.append(_speed(lines, "W1", "W1", (EVENT_DRIVEN, 6), (VECTORISED, 1)))
    if "typical" in run:
        found.append(_goal("typical", _ours(lines, "typical"), 5e6, 20e6, "fixed"))
    if "every" in run:
        found.append(_speed(lines, "every", "W1", (EVENT_DRIVEN, 1), (EVENT_DRIVEN, 2)))
    if "W2" in run:
        found.append(_speed(lines, "W2", "W2", (EVENT_DRIVEN, 6), (VECTORISED, 1)))
    if "W3" in run:
        found.append(_speed(lines, "W3", "W3", (VECTORISED, 0.5), (VECTORISED, 3)))
    if {"W4-50k", "W4-2M"} <= run:
        found += _growth(lines)
    if "cold" in run:
        seconds = _median(lines, OURS, "cold", "seconds")
        reached = _reached(seconds <= 2.5, seconds <= 1.0)
        found.append(Goal("cold start", "2.5 s", "1 s", f"{seconds:.2f} s", reached, "fixed"))
    return found


def agreements(lines: Sequence[Figures]) -> list[str]:
    """Sentences on what must be equal: both ways of stepping, and final equities between engines."""
    said = []
    prints = {name: _prints(lines, name) for name in ("W1", "every", "bus")}
    prints = {name: each for name, each in prints.items() if each}
    if len(prints) > 1:
        same = len(set[str]().union(*prints.values())) == 1
        shown = "; ".join(f"{name} {', '.join(sorted(each))}" for name, each in prints.items())
        found = "the same" if same else "DIFFERENT"
        said.append(f"Fingerprints of W1 under all ways of stepping are {found}: {shown}")
    ended = [each for each in comparisons(lines) if each.final_equity is not None]
    for work in WORKS:
        own = [each for each in ended if each.work == work and each.engine == OURS]
        others = [each for each in ended if each.work == work and each.engine != OURS]
        if own and others:
            shown = ", ".join(f"{each.engine} {each.said}" for each in others)
            said.append(f"{work} ends with {own[0].final_equity:,.2f}; others: {shown}")
    return said


def _speed(
    lines: Sequence[Figures], work: str, race: str, must: tuple[str, float], aim: tuple[str, float]
) -> Goal:
    """A goal in multiples of what others did in ``race``."""
    (must_of, must_times), (aim_of, aim_times) = must, aim
    (must_rate, must_from), (aim_rate, aim_from) = _rate(lines, race, must_of), _rate(lines, race, aim_of)
    against = f"must {must_times:g} x {must_from}; aim {aim_times:g} x {aim_from}"
    return _goal(work, _ours(lines, work), must_times * must_rate, aim_times * aim_rate, against)


def _rate(lines: Sequence[Figures], work: str, kind: str) -> tuple[float, str]:
    """Candles per second of the fastest peer of a kind in a workload, and who it was."""
    rates = {
        peer.name: _median(lines, peer.name, work, "candles_per_s")
        for peer in peers.KNOWN
        if peer.event_driven is (kind == EVENT_DRIVEN) and _ran(lines, peer.name, work)
    }
    if not rates:
        rate = RECORDED[(work, kind)]
        return rate, f"{kind} {rate:,.0f} (recorded earlier: none ran here)"
    name = max(rates, key=lambda each: rates[each])
    return rates[name], f"{name} {rates[name]:,.0f}"


def _growth(lines: Sequence[Figures]) -> list[Goal]:
    """Time and memory from the shortest to the longest history."""
    (short, long) = (_candles(lines, name) for name in ("W4-50k", "W4-2M"))
    slower = _ours_us(lines, "W4-2M") / _ours_us(lines, "W4-50k")
    grown = _median(lines, OURS, "W4-2M", "peak_rss_mb") - _median(lines, OURS, "W4-50k", "peak_rss_mb")
    beyond = grown * 2**20 / (long - short) - DATA_BYTES
    return [
        Goal(
            "growth, time", f"{LINEAR:g} x", "", f"{slower:.2f} x", _reached(slower <= LINEAR, False),
            "time per candle at 2M over that at 50k",
        ),
        Goal(
            "growth, memory", f"{MOST_BYTES} B", "", f"{beyond:.0f} B", _reached(beyond <= MOST_BYTES, False),
            f"per candle, peak at 2M less peak at 50k, above {DATA_BYTES} B of data",
        ),
    ]  # fmt: skip


def _goal(work: str, ours: float, must: float, aim: float, against: str) -> Goal:
    reached = _reached(ours >= must, ours >= aim)
    return Goal(work, f"{must:,.0f}/s", f"{aim:,.0f}/s", f"{ours:,.0f}/s", reached, against)


def _reached(must: bool, aim: bool) -> str:
    return "aim" if aim else "must" if must else "no"


def _ours(lines: Sequence[Figures], work: str) -> float:
    return _median(lines, OURS, work, "candles_per_s")


def _ours_us(lines: Sequence[Figures], work: str) -> float:
    return _median(lines, OURS, work, "us_per_candle")


def _candles(lines: Sequence[Figures], work: str) -> int:
    return int(_median(lines, OURS, work, "candles"))


def _prints(lines: Sequence[Figures], work: str) -> set[str]:
    return {line["fingerprint"] for line in lines if line["workload"] == work and "fingerprint" in line}


def _ran(lines: Sequence[Figures], engine: str, work: str) -> bool:
    return any(
        line["engine"] == engine and line["workload"] == work and "error" not in line for line in lines
    )


def _median(lines: Sequence[Figures], engine: str, work: str, key: str) -> float:
    return float(statistics.median(_values(lines, engine, work, key)))


def _values(lines: Sequence[Figures], engine: str, work: str, key: str) -> list[float]:
    return [
        line[key]
        for line in lines
        if line["engine"] == engine and line["workload"] == work and line.get(key) is not None
    ]
