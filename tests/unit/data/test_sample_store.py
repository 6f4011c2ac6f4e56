"""The sample market in the store: written once, labelled synthetic, replaced as a whole."""

import json
from pathlib import Path

import numpy as np

from agentic_trading.core.enums import Timeframe
from agentic_trading.data.sample_market import generate
from agentic_trading.data.sample_store import ensure_sample


def test_the_store_holds_the_generated_market(tmp_path: Path) -> None:
    """Every symbol reads back with the generator's bits, perpetuals with their funding."""
    store, market = ensure_sample(tmp_path, seed=5, days=3), generate(5, 3)
    for symbol in market.symbols:
        stored, made = store.read("sample", symbol, Timeframe.M1), market.candles(symbol)
        assert np.array_equal(stored.bars, made.bars)
        assert np.array_equal(stored.open_ns, made.open_ns)
        if ":" in symbol:
            assert np.array_equal(store.read_funding("sample", symbol)[1], market.funding(symbol)[1])


def test_it_is_labelled_synthetic(tmp_path: Path) -> None:
    """Its manifest and its label say that it is made up."""
    store = ensure_sample(tmp_path, days=1)
    assert store.provenance("sample", "BTC/USDT", Timeframe.H1)[0].startswith("synthetic sample market")
    assert json.loads((tmp_path / "sample" / "sample.json").read_text())["synthetic"] is True


def test_cached_until_another_one_is_wanted(tmp_path: Path) -> None:
    """The second call writes nothing; another seed replaces the whole and leaves nothing behind."""
    ensure_sample(tmp_path, seed=1, days=2)
    label = tmp_path / "sample" / "sample.json"
    written = label.stat().st_mtime_ns
    ensure_sample(tmp_path, seed=1, days=2)
    assert label.stat().st_mtime_ns == written
    store = ensure_sample(tmp_path, seed=2, days=1)
    assert len(store.read("sample", "ETH/USDT", Timeframe.M1)) == 1440
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]
