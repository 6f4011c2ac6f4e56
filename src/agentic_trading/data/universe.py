"""Which symbols a run may trade: the ``[symbols]`` filters, and white- and blacklist of instruments.toml."""

from collections.abc import Mapping, Sequence

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from agentic_trading.core.errors import UsageError
from agentic_trading.data.instruments import parse_symbol


def _unified(symbols: tuple[str, ...]) -> tuple[str, ...]:
    for symbol in symbols:
        try:
            read_as, note = parse_symbol(symbol)
        except UsageError as problem:
            raise ValueError(str(problem)) from None
        if note:
            raise ValueError(f"{symbol!r} is ambiguous in a settings file; write {read_as}")
    repeated = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if repeated:
        raise ValueError(f"named twice: {', '.join(repeated)}")
    return symbols


class SymbolsSettings(BaseModel):
    """Section ``[symbols]``: what to trade when no ``--symbols`` is given, and filters that always hold.

    ``min_daily_volume`` is in quote currency per 24 hours, ``max_spread_bps`` in basis points (None: any).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    default: tuple[str, ...] = Field(default=("BTC/USDT", "ETH/USDT", "SOL/USDT"), strict=False)
    quote: tuple[str, ...] = Field(default=("USDT",), strict=False, min_length=1)
    min_daily_volume: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    max_spread_bps: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    max_symbols: int = Field(default=20, ge=1)

    _check_default = field_validator("default")(_unified)


class UniverseSettings(BaseModel):
    """The lists of instruments.toml: an empty whitelist allows all, the blacklist always wins."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    whitelist: tuple[str, ...] = Field(default=(), strict=False)
    blacklist: tuple[str, ...] = Field(default=(), strict=False)

    _check_lists = field_validator("whitelist", "blacklist")(_unified)


class Selection(msgspec.Struct, frozen=True):
    """The symbols to trade, in the order asked for, and each dropped one with its reason."""

    selected: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]


def select(
    symbols: Sequence[str],
    settings: SymbolsSettings,
    universe: UniverseSettings,
    daily_quote_volume: Mapping[str, float],
    spread_bps: Mapping[str, float] | None = None,
) -> Selection:
    """Apply lists and filters; a symbol whose volume or spread is not known is not dropped for it.

    When more than ``max_symbols`` remain, those with the largest volume stay (unknown counts as least,
    ties keep the order asked for).
    """
    spreads = spread_bps or {}
    dropped: list[tuple[str, str]] = []
    passed: list[str] = []
    for symbol in dict.fromkeys(symbols):
        reason = _reason_against(
            symbol, settings, universe, daily_quote_volume.get(symbol), spreads.get(symbol)
        )
        if reason:
            dropped.append((symbol, reason))
        else:
            passed.append(symbol)
    by_volume = sorted(passed, key=lambda symbol: -daily_quote_volume.get(symbol, 0.0))
    kept = by_volume[: settings.max_symbols]
    for symbol in by_volume[settings.max_symbols :]:
        dropped.append((symbol, f"symbols.max_symbols is {settings.max_symbols} and others trade more"))
    return Selection(tuple(symbol for symbol in passed if symbol in kept), tuple(dropped))


def _reason_against(
    symbol: str,
    settings: SymbolsSettings,
    universe: UniverseSettings,
    volume: float | None,
    spread: float | None,
) -> str:
    quote = symbol.partition(":")[0].partition("/")[2]
    if symbol in universe.blacklist:
        return "on the blacklist"
    if universe.whitelist and symbol not in universe.whitelist:
        return "not on the whitelist"
    if quote not in settings.quote:
        return f"quoted in {quote}, symbols.quote allows {', '.join(settings.quote)}"
    if volume is not None and volume < settings.min_daily_volume:
        return f"daily volume {volume:.0f} {quote} < symbols.min_daily_volume {settings.min_daily_volume:.0f}"
    if spread is not None and settings.max_spread_bps is not None and spread > settings.max_spread_bps:
        return f"spread {spread:g} bps is above symbols.max_spread_bps {settings.max_spread_bps:g}"
    return ""
