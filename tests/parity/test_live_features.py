"""Features in a backtest are the features of a live session: the same run, fed one candle at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentic_trading import agents, main
from agentic_trading.backtester.timeline import CandleReader
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.events import CandlesClosed, FeatureVector
from agentic_trading.core.models import Candle
from agentic_trading.data.candle_builder import CandleBuilder
from agentic_trading.features.engine import FeatureEngine
from agentic_trading.inputs import Inputs
from agentic_trading.settings import AppSettings, load_settings
from agentic_trading.strategies.regime.threshold import ThresholdRegime
from gappy_market import every_strategy, full_run, gappy_market


class LiveFeatures:
    """Agent ``features`` as paper and live have it: candles are built and features advanced as they close."""

    name = "features"
    reads: tuple[str, ...] = ()
    emits = (FeatureVector,)

    def __init__(self, inputs: Inputs, settings: AppSettings) -> None:
        declared = {}
        for each in inputs.contenders:
            for symbol in each.symbols:
                declared.setdefault((symbol, each.timeframe), []).extend(each.specs)
        regime = ThresholdRegime(settings.regime) if settings.regime.enabled else None
        self.engine = FeatureEngine(declared, regime)
        base = settings.backtest.timeframe
        self.builders = [
            CandleBuilder(symbol, base, frame)
            for symbol, frames in self.engine.timeframes.items()
            for frame in frames
            if frame is not base
        ]
        self.builders_of = {
            symbol: [each for each in self.builders if each._symbol == symbol]
            for symbol in self.engine.timeframes
        }
        self.closed: dict[tuple[str, Timeframe], list[Candle]] = {}
        reader = CandleReader(inputs.timeline)
        for row in range(inputs.first_row):  # the pre-roll: what a session is warmed up with
            candles = reader.of(inputs.timeline.symbols, row)
            self.react(CandlesClosed(int(inputs.timeline.close_ns[row]), candles))

    def react(self, event: CandlesClosed) -> list[FeatureVector]:
        candles = list(event.candles)
        for candle in event.candles:
            for builder in self.builders_of[candle.symbol]:
                built = builder.push(candle)
                if built is not None:
                    candles.append(built)
        for candle in candles:
            self.closed.setdefault((candle.symbol, candle.timeframe), []).append(candle)
        return self.engine.react(CandlesClosed(event.at_ns, tuple(candles)))

    def last_candles(self, symbol: str, timeframe: Timeframe, count: int) -> Sequence[Candle]:
        return self.closed[symbol, timeframe][-count:]


@contextmanager
def live_features() -> Iterator[list[LiveFeatures]]:
    """Put the live feature engine in place of the tables; the list tells that it was used."""
    used: list[LiveFeatures] = []
    whole = agents.Agents

    class LiveAgents(whole):
        def __init__(self, inputs, settings, clock, funds) -> None:
            used.append(LiveFeatures(inputs, settings))
            patch.setattr(agents, "TableFeatures", lambda tables: used[-1])
            super().__init__(inputs, settings, clock, funds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "Agents", LiveAgents)
        yield used


def live(settings: AppSettings) -> str:
    """The fingerprint of a run whose features come from the live engine, which sees every candle."""
    every = settings.backtest.model_copy(update={"step": "bus"})
    with live_features() as used:
        result = main.backtest(settings=settings.model_copy(update={"backtest": every}))
    assert len(used) == 1
    assert result.summary["counts"]["fills"] > 5
    return result.summary["fingerprint"]


def test_gaps(tmp_path: Path) -> None:
    """Over filled candles and long gaps, spot and perpetual, both ways give the same fingerprint."""
    gappy_market().write(tmp_path)
    assert live(every_strategy(tmp_path)) == full_run().summary["fingerprint"]


@pytest.mark.slow
def test_several_timeframes(sample_history: Path) -> None:
    """Several timeframes on minute candles, with pre-roll and hourly regime: the same fingerprint."""
    given = [f"backtest.data_dir={sample_history}", "backtest.timerange=20240301-20240304"]
    settings = load_settings("backtest", assignments=given).settings
    tables = main.backtest(settings=settings)
    assert live(settings) == tables.summary["fingerprint"]
