"""Whether engines agree on what a strategy ends with: ours and every other one, on the same candles.

Those that fill as ours does, at the open after a signal's candle and at the same fee, must end on the same
cent; others are shown beside them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import peers
from rich.table import Table

Figures = dict[str, Any]

OURS = "Agentic Trading"
WORKS = ("W1", "W2", "W3")
CENT = 0.01


class Comparison(NamedTuple):
    """What an engine ended a workload with, and by how much that is more than ours; None if unknown."""

    work: str
    engine: str
    trades: int | None
    final_equity: float | None
    difference: float | None
    to_the_cent: bool

    @property
    def agrees(self) -> bool:
        """Whether it is no worse than it must be; an engine that must agree has to have an answer."""
        return not self.to_the_cent or (self.difference is not None and abs(self.difference) <= CENT)

    @property
    def said(self) -> str:
        """The difference in words."""
        if self.difference is None:
            return "no figures"
        return "equal to the cent" if abs(self.difference) < CENT / 2 else f"{self.difference:+,.2f}"


def comparisons(lines: Sequence[Figures]) -> list[Comparison]:
    """Every engine beside ours, from the first run of each on each workload that ours has done."""
    found = []
    for work in WORKS:
        first: dict[str, Figures] = {}
        for line in lines:
            if line["workload"] == work:
                first.setdefault(line["engine"], line)
        own = first.get(OURS, {}).get("final_equity")
        if own is None:
            continue
        for engine, line in first.items():
            ended = line.get("final_equity")
            by = None if ended is None else ended - own
            exact = work in peers.to_the_cent(engine)
            found.append(Comparison(work, engine, line.get("trades"), ended, by, exact))
    return found


def table(found: Iterable[Comparison]) -> Table:
    """The comparisons as people read them."""
    shown = Table(title="What each engine ends with", title_justify="left")
    for heading in ("workload", "engine", "trades", "final equity", "difference", "must be equal"):
        shown.add_column(heading, justify="left" if heading in {"workload", "engine"} else "right")
    for each in found:
        figures = [
            "" if value is None else format(value, form)
            for value, form in ((each.trades, ",d"), (each.final_equity, ",.2f"))
        ]
        others = ("", "") if each.engine == OURS else (each.said, "yes" if each.to_the_cent else "")
        shown.add_row(each.work, each.engine, *figures, *others)
    return shown
