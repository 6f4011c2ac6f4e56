"""How fast the engine is on this machine: `make bench`, or `python benchmarks --only W1 --repeat 1`.

Every run has a process of its own and gives one JSON line. Ours and those of other engines found on
this machine alternate (ours, another, ours, the next), so that a busy moment strikes all of them. Two
tables: medians of all runs, and the goals beside what was reached. With `--differential` it is one run of W1
beside the engines that fill as ours does, which must all end on the same cent.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import differential
import goals
import peers
from differential import OURS
from rich.console import Console
from rich.table import Table
from sweep import sweep
from workloads import WORKS, Figures, clean_environment, prepare, run

ALIASES = {"W4": ["W4-50k", "W4-200k", "W4-2M"]}
DIFFERENTIAL = "W1"
WIDTH = None if sys.stdout.isatty() else 150


def main() -> int:
    """Measure, print; exit code 1 if one of our own runs failed, or two that must end alike did not."""
    asked = parsed()
    if asked.child:
        work = WORKS[asked.child]
        if asked.prepare:
            prepare(work, Path(asked.data))
        else:
            do = sweep if work.kind == "sweep" else run
            print(json.dumps(do(work, Path(asked.data))))
        return 0
    names = chosen(asked.only)
    others = [] if asked.no_peers else peers.found()
    if asked.differential:
        others = [peer for peer in others if DIFFERENTIAL in peer.to_the_cent]
    screen = Console(stderr=True)
    if not others and not asked.no_peers:
        screen.print(
            f"No other engine was found in {peers.bench_root()}: only our own figures.", soft_wrap=True
        )
    lines: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="agentic-bench-") as folder:
        try:
            if asked.differential:
                runs = once(folder, others, screen)
            else:
                runs = measured(names, asked.repeat, folder, others, screen)
            for line in runs:
                lines.append(line)
                if asked.json:
                    print(json.dumps(line), flush=True)
        except KeyboardInterrupt:
            screen.print("Interrupted: what was measured until now.", style="red")
    ends = differential.comparisons(lines)
    if not asked.json and asked.differential:
        Console(width=WIDTH, highlight=False).print(differential.table(ends))
    elif not asked.json:
        show(names, lines)
    for line in lines:
        if "error" in line:
            screen.print(
                f"{line['engine']} on {line['workload']}: {line['error']}", style="red", soft_wrap=True
            )
    failed = any("error" in line and line["engine"] == OURS for line in lines)
    return int(failed or not all(each.agrees for each in ends))


def parsed() -> argparse.Namespace:
    """The flags; --child, --prepare and --data are how it calls itself."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help=f"some of {', '.join(WORKS)} (W4: all three), by commas")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each (3)")
    parser.add_argument("--json", action="store_true", help="one JSON line per run instead of the table")
    parser.add_argument("--no-peers", action="store_true", help="leave other engines out")
    parser.add_argument(
        "--differential", action="store_true", help=f"only: does {DIFFERENTIAL} end where other engines end?"
    )
    for name in ("--child", "--data"):
        parser.add_argument(name, default="", help=argparse.SUPPRESS)
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.repeat < 1:
        parser.error("--repeat needs a number from 1 on")
    unknown = [name for name in asked.only.split(",") if name and name not in WORKS | ALIASES]
    if unknown:
        parser.error(f"there is no workload {unknown[0]!r}; there are {', '.join([*WORKS, *ALIASES])}")
    return asked


def chosen(only: str) -> list[str]:
    """The workloads asked for, in their order; all if none is named."""
    named = [each for name in only.split(",") if name for each in ALIASES.get(name, [name])]
    return [name for name in WORKS if name in named or not named]


def measured(
    names: list[str], turns: int, folder: str, others: list[peers.Peer], screen: Console
) -> Iterator[Figures]:
    """The line of every run, as it ends; data is written before the first."""
    for name in names:
        child(name, folder, "--prepare")
    for turn in range(1, turns + 1):
        for name in names:
            screen.print(f"run {turn} of {turns}: {name}", style="dim")
            for line in one_turn(name, folder, others):
                yield line | {"turn": turn}


def one_turn(name: str, folder: str, others: list[peers.Peer]) -> Iterator[Figures]:
    """Every other engine that can do a workload, once, and ours before each of them."""
    able: list[peers.Peer | None] = [peer for peer in others if name in peer.works]
    for peer in able or [None]:
        yield own(name, folder)
        if peer is not None:
            yield peers.run(peer, name)


def once(folder: str, others: list[peers.Peer], screen: Console) -> Iterator[Figures]:
    """Ours and every other engine on the workload of the differential, once each."""
    child(DIFFERENTIAL, folder, "--prepare")
    screen.print(f"{DIFFERENTIAL}: {OURS}", style="dim")
    yield own(DIFFERENTIAL, folder)
    for peer in others:
        screen.print(f"{DIFFERENTIAL}: {peer.name}", style="dim")
        yield peers.run(peer, DIFFERENTIAL)


def own(name: str, folder: str) -> Figures:
    """One run of ours; ``error`` says why there are no figures."""
    said, error = child(name, folder)
    return {"engine": OURS, "workload": name, **(json.loads(said) if said else {"error": error})}


def child(name: str, folder: str, *more: str) -> tuple[str, str]:
    """A workload in a process of its own: its JSON line, and the last line of its complaints."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent), "--child", name, "--data", folder, *more],
        capture_output=True, text=True, check=False, env=clean_environment(), cwd=Path(__file__).parents[1],
    )  # fmt: skip
    said = done.stdout.strip().splitlines()
    failed = done.returncode != 0 or (not said and not more)
    return "" if failed or not said else said[-1], (done.stderr.strip().splitlines() or ["no figures"])[-1]


def show(names: list[str], lines: list[Figures]) -> None:
    """Both tables, and what must be equal."""
    console = Console(width=WIDTH, highlight=False)
    console.print(table(names, lines))
    shown = Table(title="Goals, in candles per second unless said otherwise", title_justify="left")
    for heading in ("work", "must", "aim", "ours", "reached"):
        shown.add_column(heading, no_wrap=True, justify="left" if heading == "work" else "right")
    shown.add_column("against")
    for goal in goals.goals(lines):
        shown.add_row(*goal)
    if shown.row_count:
        console.print(shown)
    for sentence in goals.agreements(lines):
        console.print(sentence, soft_wrap=True)


def table(names: list[str], lines: list[Figures]) -> Table:
    """Medians of each workload and engine; ``x ours`` is how many times as fast as ours it is."""
    shown = Table(
        title="Medians; seconds are features + replay, of `cold` the wall time", title_justify="left"
    )
    for heading in ("workload", "engine"):
        shown.add_column(heading, no_wrap=True)
    for heading in (
        "seconds", "candles/s", "us/candle", "x ours", "trades", "final equity", "peak MiB", "runs"
    ):  # fmt: skip
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("fingerprint")
    for name in names:
        mine = [line for line in lines if line["workload"] == name and "error" not in line]
        base = median_of([line for line in mine if line["engine"] == OURS], "seconds")
        for engine in dict.fromkeys(line["engine"] for line in mine):
            runs = [line for line in mine if line["engine"] == engine]
            shown.add_row(name, engine, *cells(runs, base), ",".join(prints(runs)))
        shown.add_section()
    return shown


def cells(runs: list[Figures], base: float | None) -> list[str]:
    """The figures of one row as text; empty where the workload has none."""
    seconds = median_of(runs, "seconds")
    ratio = base / seconds if base is not None and seconds else None
    pairs: list[tuple[Any, str]] = [
        (seconds, ",.3f"),
        (median_of(runs, "candles_per_s"), ",.0f"),
        (median_of(runs, "us_per_candle"), ",.2f"),
        (ratio, ".2f"),
        (runs[0].get("trades"), ",d"),
        (runs[0].get("final_equity"), ",.2f"),
        (median_of(runs, "peak_rss_mb"), ",.0f"),
        (len(runs), "d"),
    ]
    return ["" if value is None else format(value, form) for value, form in pairs]


def prints(runs: list[Figures]) -> list[str]:
    """The different fingerprints of the runs, shortened: there should be one."""
    return list(dict.fromkeys(line["fingerprint"][:8] for line in runs if "fingerprint" in line))


def median_of(runs: list[Figures], key: str) -> float | None:
    """The median of a figure over runs that have it."""
    values = [line[key] for line in runs if line.get(key) is not None]
    return statistics.median(values) if values else None


if __name__ == "__main__":
    sys.exit(main())
