"""The sample market: lawful candles, the same bits everywhere, and a market that is worth trading."""

import numpy as np
import pytest

from agentic_trading.core.enums import DAY_NS, HOUR_NS, MINUTE_NS, REGIMES, Regime, Timeframe
from agentic_trading.core.errors import MissingData, UsageError
from agentic_trading.core.models import CLOSE, HIGH, LOW, OPEN, VOLUME, FloatArray
from agentic_trading.data.sample_market import (
    PERPETUAL_SYMBOLS,
    SAMPLE_START_NS,
    SAMPLE_VERSION,
    SPOT_SYMBOLS,
    SampleMarket,
    generate,
)
from other_machine import OTHER_MACHINES, run_elsewhere

GOLDEN = {1: "c6817b307aed907a14055ea692454e904ef0c8944dafbc214cd3dcf0d5aa2e06"}
"""Digest by version: a change of the market needs a new version. Seed 7 sees all regimes in two days."""
PROGRAM = "from agentic_trading.data.sample_market import generate; print(generate(7, 2).digest())"


@pytest.fixture(scope="module")
def market() -> SampleMarket:
    """Half a year of minutes, enough for every regime to come up often."""
    return generate(42, 180)


def returns(market: SampleMarket, symbol: str) -> FloatArray:
    """Minute returns of a symbol, (n - 1,)."""
    closes = market.candles(symbol).bars[CLOSE]
    return closes[1:] / closes[:-1] - 1.0


@pytest.mark.golden
def test_digest_is_golden() -> None:
    """The market of this version must have the committed bits on this machine."""
    golden = generate(7, 2)
    assert golden.digest() == GOLDEN[SAMPLE_VERSION]
    assert set(golden.regime.tolist()) == {1, 2, 3}


@pytest.mark.golden
@pytest.mark.slow
@pytest.mark.parametrize("machine", sorted(OTHER_MACHINES))
def test_digest_is_golden_elsewhere(machine: str) -> None:
    """CPU features, the compiler, hash seed and time zone must not change a bit."""
    assert run_elsewhere(PROGRAM, machine) == GOLDEN[SAMPLE_VERSION]


def test_digest_sees_everything() -> None:
    """Another seed, length or start must give another digest, and changing any column must change it."""
    one = generate(3, 1)
    others = [generate(4, 1), generate(3, 2), generate(3, 1, SAMPLE_START_NS + DAY_NS)]
    assert one.digest() == generate(3, 1).digest()
    assert len({one.digest(), *(other.digest() for other in others)}) == 4
    for column in ("open_ns", "bars", "regime", "funding_ns", "funding_rates"):
        changed = generate(3, 1)
        getattr(changed, column)[..., -1] += 1
        assert changed.digest() != one.digest(), column


def test_longer_market_starts_with_the_shorter() -> None:
    """Asking for more days must add to the end and change nothing before it."""
    short, long = generate(9, 2), generate(9, 5)
    rows, stamps = len(short.open_ns), len(short.funding_ns)
    assert np.array_equal(long.open_ns[:rows], short.open_ns)
    assert np.array_equal(long.bars[:, :, :rows], short.bars)
    assert np.array_equal(long.regime[:rows], short.regime)
    assert np.array_equal(long.funding_ns[:stamps], short.funding_ns)
    assert np.array_equal(long.funding_rates[:, :stamps], short.funding_rates)


def test_candles_are_complete(market: SampleMarket) -> None:
    """Every symbol must have one candle per minute, none missing, none filled, from the start on."""
    for symbol in market.symbols:
        candles = market.candles(symbol)
        assert candles.symbol == symbol
        assert candles.timeframe is Timeframe.M1
        assert candles.bars.shape == (5, 180 * 1440)
        assert candles.open_ns[0] == SAMPLE_START_NS
        assert (np.diff(candles.open_ns) == MINUTE_NS).all()
        assert not candles.filled.any()
        assert candles.starts.tolist() == [0]


@pytest.mark.parametrize("symbol", SPOT_SYMBOLS)
def test_candles_keep_the_law_of_candles(market: SampleMarket, symbol: str) -> None:
    """High and low must enclose open and close; prices and volume must be positive and finite."""
    bars = market.candles(symbol).bars
    assert np.isfinite(bars).all()
    assert (bars > 0.0).all()
    assert (bars[HIGH] >= np.maximum(bars[OPEN], bars[CLOSE])).all()
    assert (bars[LOW] <= np.minimum(bars[OPEN], bars[CLOSE])).all()


@pytest.mark.parametrize("symbol", SPOT_SYMBOLS)
def test_prices_are_on_the_tick_grid(market: SampleMarket, symbol: str) -> None:
    """Every price must be the double that a person would write with two decimals."""
    prices = market.candles(symbol).bars[: CLOSE + 1]
    assert np.array_equal(prices, np.rint(prices * 100.0) / 100.0)


@pytest.mark.parametrize("symbol", SPOT_SYMBOLS)
def test_candles_are_nearly_joined(market: SampleMarket, symbol: str) -> None:
    """Most candles must open at the last close; some open a little, never far, beside it."""
    bars = market.candles(symbol).bars
    apart = np.abs(bars[OPEN, 1:] / bars[CLOSE, :-1] - 1.0)
    assert 0.01 < np.mean(apart > 0.0) < 0.15
    assert apart.max() < 0.02


def test_perpetuals_follow_the_spot_path(market: SampleMarket) -> None:
    """A perpetual must have the candles of its spot symbol, so that differences are funding and rules."""
    for spot, perpetual in zip(SPOT_SYMBOLS, PERPETUAL_SYMBOLS, strict=True):
        assert np.array_equal(market.candles(spot).bars, market.candles(perpetual).bars)


def test_symbols_move_together(market: SampleMarket) -> None:
    """Minute returns of any two symbols must be correlated, but not the same."""
    moves = np.array([returns(market, symbol) for symbol in SPOT_SYMBOLS])
    pairs = np.corrcoef(moves)[np.triu_indices(3, 1)]
    assert (pairs > 0.4).all()
    assert (pairs < 0.9).all()


@pytest.mark.parametrize(("symbol", "annual"), list(zip(SPOT_SYMBOLS, (0.60, 0.75, 0.95), strict=True)))
def test_volatility_is_realistic_and_has_fat_tails(market: SampleMarket, symbol: str, annual: float) -> None:
    """Annual volatility must be near its target and extreme minutes far more frequent than normal."""
    moves = returns(market, symbol)
    assert moves.std() * np.sqrt(525_600) == pytest.approx(annual, rel=0.25)
    centred = moves - moves.mean()
    assert np.mean(centred**4) / np.mean(centred**2) ** 2 > 4.0


@pytest.mark.parametrize("symbol", SPOT_SYMBOLS)
def test_regimes_differ(market: SampleMarket, symbol: str) -> None:
    """Ranges must be the calmest and storms the wildest of the recorded regimes."""
    moves, codes = returns(market, symbol), market.regime[1:]
    spread = {regime: moves[codes == REGIMES.index(regime)].std() for regime in REGIMES[1:]}
    assert 1.5 * spread[Regime.TRENDING] < spread[Regime.VOLATILE]
    assert 1.1 * spread[Regime.RANGING] < spread[Regime.TRENDING]


def test_every_regime_lasts(market: SampleMarket) -> None:
    """Each regime must hold a fair share of the time and persist for hours; none is unknown."""
    shares = np.bincount(market.regime, minlength=4) / len(market.regime)
    assert shares[0] == 0.0
    assert (shares[1:] > 0.03).all()
    assert 20 < np.count_nonzero(np.diff(market.regime)) < 400


@pytest.mark.parametrize("symbol", SPOT_SYMBOLS)
def test_trends_carry_on_and_ranges_revert(market: SampleMarket, symbol: str) -> None:
    """A day must move more than a random walk of its hours in a trend, and less in a range.

    Variance ratio of 24 hours to one (Lo & MacKinlay 1988), over days that lie in one regime.
    """
    hourly = np.log(market.candles(symbol).bars[CLOSE, ::60])
    codes = market.regime[::60]
    ratio = {}
    for regime in (Regime.TRENDING, Regime.RANGING):
        inside = codes == REGIMES.index(regime)
        starts = [i for i in range(len(codes) - 24) if inside[i : i + 25].all()]
        paths = np.array([hourly[i : i + 25] for i in starts])
        ratio[regime] = np.var(paths[:, -1] - paths[:, 0]) / (24.0 * np.var(np.diff(paths)))
    assert ratio[Regime.TRENDING] > 1.2
    assert ratio[Regime.RANGING] < 0.8


@pytest.mark.parametrize("symbol", SPOT_SYMBOLS)
def test_volume_follows_moves_and_the_clock(market: SampleMarket, symbol: str) -> None:
    """Volume must rise with the size of the move and be higher in the afternoon (UTC) than in the morning."""
    volume = market.candles(symbol).bars[VOLUME]
    assert np.corrcoef(np.abs(returns(market, symbol)), volume[1:])[0, 1] > 0.4
    by_hour = volume.reshape(-1, 24, 60).mean(axis=(0, 2))
    assert by_hour[14] > 1.5 * by_hour[6]


def test_funding_is_plausible(market: SampleMarket) -> None:
    """Funding must come every eight hours, differ by symbol, take both signs and stay within 0.3 %."""
    for symbol in PERPETUAL_SYMBOLS:
        stamps, rates = market.funding(symbol)
        assert len(stamps) == len(rates) == 180 * 3
        assert (stamps % (8 * HOUR_NS) == 0).all()
        assert (np.diff(stamps) == 8 * HOUR_NS).all()
        assert np.abs(rates).max() <= 0.003
        assert 0.0 < rates.mean() < 0.0003
        assert rates.min() < 0.0 < rates.max()
        assert np.array_equal(rates, np.rint(rates * 1e8) / 1e8)
    assert (market.funding_rates[0] != market.funding_rates[1]).any()


@pytest.mark.parametrize("first_minute", [0, 1, 479, 481])
def test_funding_keeps_the_clock(first_minute: int) -> None:
    """Wherever the market starts, funding must be due exactly on its candles at 00:00, 08:00 and 16:00."""
    market = generate(5, 1, SAMPLE_START_NS + first_minute * MINUTE_NS)
    due = market.open_ns[market.open_ns % (8 * HOUR_NS) == 0]
    assert np.array_equal(market.funding_ns, due)
    assert len(due) == 3


@pytest.mark.slow
def test_years_stay_within_reason() -> None:
    """Three years of prices must stay within a factor of twenty of where they started."""
    market = generate(0, 3 * 365)
    for path in market.bars:
        assert path[HIGH].max() < 20.0 * path[OPEN, 0]
        assert path[LOW].min() > path[OPEN, 0] / 20.0


@pytest.mark.parametrize(
    ("seed", "days", "start_ns", "says"),
    [
        (-1, 1, SAMPLE_START_NS, "seed must be from 0"),
        (2**63, 1, SAMPLE_START_NS, "seed must be from 0"),
        (1, 0, SAMPLE_START_NS, "at least 1 day"),
        (1, 1, SAMPLE_START_NS + 1, "whole minute"),
        (1, 1, -MINUTE_NS, "whole minute"),
    ],
)
def test_impossible_arguments_are_refused(seed: int, days: int, start_ns: int, says: str) -> None:
    """A wrong argument must be refused in one sentence that says what would be right."""
    with pytest.raises(UsageError, match=says):
        generate(seed, days, start_ns)


def test_unknown_symbols_are_named() -> None:
    """A symbol that is not there, or spot funding, must be refused with what is there."""
    market = generate(1, 1)
    with pytest.raises(MissingData, match="DOGE/USDT is not in the sample market; it has BTC/USDT"):
        market.candles("DOGE/USDT")
    with pytest.raises(MissingData, match="BTC/USDT is spot and has no funding"):
        market.funding("BTC/USDT")
