"""Experiments work like any strategy, and the example notebook can be opened and run from the top."""

import ast
import json
from pathlib import Path
from typing import Any

from agentic_trading.core.enums import Direction
from agentic_trading.strategies import registry
from agentic_trading.strategies.registry import create, discover

NOTEBOOKS = sorted((Path(__file__).parents[3] / "research").glob("*.ipynb"))
QUIET = {
    "bollinger_20_2.upper": 101.0,
    "bollinger_20_2.middle": 99.5,
    "bollinger_20_2.lower": 99.0,
    "keltner_20_1.5.upper": 102.0,
    "keltner_20_1.5.lower": 98.0,
    "atr_14": 1.0,
}
LOUD = {**QUIET, "bollinger_20_2.upper": 103.0}


def test_the_squeeze_counts_in_its_memory(context: Any, row: Any) -> None:
    """Quiet candles are counted in ``ctx.memory``; the release after enough of them is an entry."""
    catalogue = discover([Path(registry.__file__).parent / "research"])
    squeeze: Any = create("squeeze", {"min_quiet": 2}, catalogue=catalogue)
    assert {column for spec in squeeze.features() for column in spec.columns} >= set(QUIET)
    ctx = context()
    ctx.memory = squeeze.Memory()
    assert squeeze.on_candle(ctx, *row(QUIET)) is None
    assert squeeze.on_candle(ctx, *row(LOUD)) is None, "one quiet candle is not enough"
    for _ in range(2):
        assert squeeze.on_candle(ctx, *row(QUIET)) is None
    assert ctx.memory.quiet == 2
    signal = squeeze.on_candle(ctx, *row(LOUD))
    assert (signal.direction, signal.stop, signal.reasons["quiet"]) == (Direction.LONG, 97.5, 2.0)
    assert ctx.memory.quiet == 0


def test_notebooks_are_clean_and_parse() -> None:
    """Every notebook is valid JSON with code that parses, and carries no output of where it ran."""
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert notebook["nbformat"] == 4
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert code
        for cell in code:
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            ast.parse("".join(cell["source"]))
