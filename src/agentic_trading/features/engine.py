"""The live feature engine: advances every declared feature by one closed candle at a time."""

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from agentic_trading.core.enums import REGIMES, Timeframe
from agentic_trading.core.errors import ConfigError, CorruptData
from agentic_trading.core.events import CandlesClosed, Event, FeatureVector
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.interfaces import RegimeModel
from agentic_trading.core.models import Candle, FloatArray
from agentic_trading.features.columns import clock_of, indicator_of, regime_timeframe

NEVER_NS = -1


class SeriesSnapshot(msgspec.Struct, frozen=True):
    """One series at rest: last close, states and latest values as raw float64 bytes, by feature name."""

    symbol: str
    timeframe: Timeframe
    last_close_ns: int
    features: dict[str, tuple[bytes, bytes]]


class _Running:
    """One computation of a series: its state and its latest outputs, shape (outputs, 1)."""

    def __init__(self, state: FloatArray, outputs: int, before: float) -> None:
        self.fresh = state
        self.state = state.copy()
        self.out = np.full((outputs, 1), before)


class _Series:
    """All features of one (symbol, timeframe), and the regime if it runs on that timeframe."""

    def __init__(self, symbol: str, timeframe: Timeframe) -> None:
        self.symbol, self.timeframe = symbol, timeframe
        self.last_close_ns = NEVER_NS
        self.specs: dict[str, FeatureSpec] = {}
        self.running: dict[str, _Running] = {}
        self.model: RegimeModel | None = None
        self._bars = np.empty((5, 1))

    def ask(self, spec: FeatureSpec) -> None:
        if spec.plain_name not in self.specs:
            indicator = indicator_of(spec)
            self.specs[spec.plain_name] = spec
            state = np.zeros(indicator.state_size(*spec.params))
            self.running[spec.plain_name] = _Running(state, indicator.outputs, np.nan)

    def classify(self, model: RegimeModel) -> None:
        self.model = model
        for spec in model.features:
            self.ask(spec)
        self.running["regime"] = _Running(model.new_state(), 4, 0.0)

    def advance(self, candle: Candle) -> None:
        if candle.open_ns < self.last_close_ns:
            raise CorruptData(
                f"{candle.symbol} {candle.timeframe} candle opening at {candle.open_ns} ns came after one "
                f"that closed at {self.last_close_ns} ns: candles must be given once and in order"
            )
        if candle.open_ns != self.last_close_ns:
            for running in self.running.values():
                running.state[:] = running.fresh
        self.last_close_ns = candle.close_ns
        self._bars[:, 0] = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        clock = clock_of(np.array([candle.open_ns], dtype=np.int64), self.timeframe)
        for name, spec in self.specs.items():
            running = self.running[name]
            advance = indicator_of(spec).advance
            advance(running.state, self._bars, clock, running.out, 0, 1, *spec.params)
        if self.model is not None:
            inputs = np.empty((len(self.model.features), 1))
            for row, spec in enumerate(self.model.features):
                inputs[row] = self.running[spec.plain_name].out[0]
            regime = self.running["regime"]
            self.model.advance(regime.state, inputs, regime.out, 0, 1)

    def is_stale(self, now_ns: int) -> bool:
        return self.last_close_ns != NEVER_NS and now_ns - self.last_close_ns >= self.timeframe.ns


class _View:
    """What one (symbol, timeframe) reads at its close: columns from its own series and from others."""

    def __init__(self, symbol: str, timeframe: Timeframe) -> None:
        self.symbol, self.timeframe = symbol, timeframe
        self.columns: dict[str, int] = {}
        self.sources: list[tuple[FloatArray, int]] = []
        self.others: list[_Series] = []
        self.regime: FloatArray | None = None

    def vector(self, candle: Candle) -> FeatureVector | None:
        """What is known at the close of this candle; None until every declared feature is warm."""
        values = tuple(float(out[row, 0]) for out, row in self.sources)
        if any(math.isnan(value) for value in values):
            return None
        code, first, second, third = (0.0,) * 4 if self.regime is None else self.regime[:, 0].tolist()
        return FeatureVector(
            symbol=self.symbol,
            timeframe=self.timeframe,
            at_ns=candle.close_ns,
            candle=candle,
            columns=self.columns,
            values=values,
            regime=REGIMES[int(code)],
            posterior=(first, second, third),
            stale=any(series.is_stale(candle.close_ns) for series in self.others),
        )


class FeatureEngine:
    """Agent that turns closed candles into feature vectors, with the same bits as `features.table`.

    ``declared`` gives the features wanted at each close of a (symbol, timeframe); every other timeframe
    that they or the regime model name is kept up to date beside it. All candles of one instant are
    taken in before the first vector is made, so a higher candle that closes at that instant counts.
    A candle that does not open where the last one closed begins a new stretch: features start afresh,
    and no vector is given until all that were declared are warm again.
    """

    name = "features"
    reads: tuple[str, ...] = ()
    emits: tuple[type[Event], ...] = (FeatureVector,)

    def __init__(
        self,
        declared: Mapping[tuple[str, Timeframe], Sequence[FeatureSpec]],
        regime: RegimeModel | None = None,
    ) -> None:
        self._series: dict[tuple[str, Timeframe], _Series] = {}
        self._views: dict[tuple[str, Timeframe], _View] = {}
        for (symbol, timeframe), specs in declared.items():
            self._views[symbol, timeframe] = self._view(symbol, timeframe, specs, regime)

    def _view(
        self, symbol: str, timeframe: Timeframe, specs: Sequence[FeatureSpec], regime: RegimeModel | None
    ) -> _View:
        view = _View(symbol, timeframe)
        self._at(symbol, timeframe)
        frames = []
        for spec in dict.fromkeys(specs):
            frames.append(spec.timeframe or timeframe)
            series = self._at(symbol, frames[-1])
            series.ask(spec)
            for row, column in enumerate(spec.columns):
                view.columns[column] = len(view.sources)
                view.sources.append((series.running[spec.plain_name].out, row))
        if regime is not None:
            frames.append(regime_timeframe(regime, timeframe))
            series = self._at(symbol, frames[-1])
            if series.model is None:
                series.classify(regime)
            view.regime = series.running["regime"].out
        view.others = [self._at(symbol, frame) for frame in dict.fromkeys(frames) if frame is not timeframe]
        return view

    def _at(self, symbol: str, timeframe: Timeframe) -> _Series:
        return self._series.setdefault((symbol, timeframe), _Series(symbol, timeframe))

    @property
    def timeframes(self) -> Mapping[str, tuple[Timeframe, ...]]:
        """Which candles it needs: timeframes by symbol, finest first."""
        needed: dict[str, list[Timeframe]] = {}
        for symbol, timeframe in self._series:
            needed.setdefault(symbol, []).append(timeframe)
        by_length = {symbol: sorted(frames, key=lambda frame: frame.ns) for symbol, frames in needed.items()}
        return {symbol: tuple(frames) for symbol, frames in by_length.items()}

    def react(self, event: CandlesClosed) -> list[FeatureVector]:
        """The vectors of this instant in (timeframe, symbol) order; raises CorruptData on old candles."""
        vectors = []
        for candle in event.candles:
            series = self._series.get((candle.symbol, candle.timeframe))
            if series is not None:
                series.advance(candle)
        for candle in sorted(event.candles, key=lambda candle: (candle.timeframe.ns, candle.symbol)):
            view = self._views.get((candle.symbol, candle.timeframe))
            vector = view.vector(candle) if view is not None else None
            if vector is not None:
                vectors.append(vector)
        return vectors

    def snapshot(self) -> bytes:
        """Everything it carries, exactly, as bytes for `restore`."""
        return msgspec.msgpack.encode(
            [
                SeriesSnapshot(
                    series.symbol,
                    series.timeframe,
                    series.last_close_ns,
                    {
                        name: (running.state.tobytes(), running.out.tobytes())
                        for name, running in series.running.items()
                    },
                )
                for series in self._series.values()
            ]
        )

    def restore(self, snapshot: bytes) -> None:
        """Continue where `snapshot` was taken; ConfigError if other features were declared then."""
        taken = msgspec.msgpack.decode(snapshot, type=list[SeriesSnapshot])
        then = {(series.symbol, series.timeframe): series for series in taken}
        if {key: list(value.features) for key, value in then.items()} != {
            key: list(series.running) for key, series in self._series.items()
        }:
            raise ConfigError("the snapshot was taken with other features declared: warm up from candles")
        for key, series in self._series.items():
            series.last_close_ns = then[key].last_close_ns
            for name, (state, out) in then[key].features.items():
                running = series.running[name]
                running.state[:] = np.frombuffer(state, dtype=np.float64)
                running.out[:, 0] = np.frombuffer(out, dtype=np.float64)
