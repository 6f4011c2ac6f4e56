"""``verify RUN``: run it again and compare, bit for bit."""

from pathlib import Path

import click

from agentic_trading.backtester.result import Result
from agentic_trading.backtester.results import SETTINGS, RunStore, summary_text
from agentic_trading.commands.progress import Progress
from agentic_trading.core.config import file_layer, load
from agentic_trading.core.errors import VerificationFailed
from agentic_trading.main import backtest
from agentic_trading.settings import ITEM_NAMES, TABLE_KINDS, AppSettings

TABLES = ("decisions", "orders", "fills", "funding", "trades", "equity")


@click.command()
@click.argument("run")
@click.option("--out", "results_dir", default="data/results", show_default=True,
              type=click.Path(path_type=Path), help="Folder that holds the results.")  # fmt: skip
@click.option("-d", "--data-dir", type=click.Path(path_type=Path), help="Folder of the history now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def verify(run: str, results_dir: Path, data_dir: Path | None, as_json: bool) -> None:
    """Run RUN again from its settings and compare the fingerprint; exit 4 if it differs."""
    store = RunStore(results_dir)
    found = store.find(run)
    layer = file_layer(found.folder / SETTINGS, str(found.folder / SETTINGS))
    settings = load(AppSettings, [layer], ITEM_NAMES, TABLE_KINDS).settings
    if data_dir is not None:
        moved = settings.backtest.model_copy(update={"data_dir": str(data_dir)})
        settings = settings.model_copy(update={"backtest": moved})
    dirs = tuple(Path(folder) for folder in found.summary.get("strategy_dirs", []))
    with Progress(quiet=as_json) as progress:
        again = backtest(settings=settings, strategy_dirs=dirs, progress=progress.tell)
    before, now = found.summary["fingerprint"], again.summary["fingerprint"]
    differs = [] if before == now else _what_differs(store.load(str(found.folder)), again)
    if as_json:
        verdict = {"run_id": found.run_id, "verified": before == now, "fingerprint": before}
        click.echo(summary_text({**verdict, "fingerprint_now": now, "differs": differs}), nl=False)
    if differs:
        raise VerificationFailed(f"{found.run_id} came out differently now: {'; '.join(differs)}")
    if not as_json:
        click.echo(f"verified: {found.run_id} came out the same, bit for bit ({now[:16]}...)")


def _what_differs(before: Result, now: Result) -> list[str]:
    """Where two runs part: inputs, versions, and the first differing row of each table."""
    found = []
    if before.summary["inputs_sha256"] != now.summary["inputs_sha256"]:
        found.append("the inputs are not the same (settings or data changed)")
    old, new = before.summary["versions"], now.summary["versions"]
    found += [f"{name} was {old[name]}, is {new.get(name)}" for name in old if old[name] != new.get(name)]
    for table in TABLES:
        one, two = getattr(before, table), getattr(now, table)
        if one.equals(two):
            continue
        rows = min(len(one), len(two))
        first = next((row for row in range(rows) if one.row(row) != two.row(row)), rows)
        found.append(f"{table} differ from row {first} on ({len(one)} rows then, {len(two)} now)")
    return found or ["the fingerprint differs although all tables are equal: an order's state changed"]
