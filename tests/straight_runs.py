"""Random whole runs of bare signals on spot: most of their orders are plain, and go straight through."""

import random
from typing import Any

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureTable, Triggers
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from random_market import Marketplace
from random_runs import FRAMES, Case, random_limits, random_sizing
from wanderer import Wanderer, Wishes, dice

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


class Rover(Wanderer):
    """A `Wanderer` that remembers nothing, and of which some look at the platform; most wishes are bare."""

    Memory = None  # type: ignore[assignment]

    def triggers(self, table: FeatureTable) -> Triggers | None:
        acts = self.could_act(table["close"])
        return Triggers(entry=acts, exit=acts) if self.params.says else None

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        enters, leaves, covers = self._acts(candle.close)
        throw = float(dice(candle.close, self.params.salt, 7919.3))
        reasons = {"throw": throw}
        if self.params.stops and throw < 0.5:  # it looks
            entry = ctx.entry
            if not (leaves if ctx.position.quantity else enters):
                return None
            reasons |= {"position": float(ctx.position.quantity), "cost": float(ctx.position.average_price)}
            reasons |= {"equity": ctx.book.equity, "cash": ctx.book.cash, "working": len(ctx.working)}
            if entry is not None:
                reasons |= {"entry": entry.price, "high": entry.high, "low": entry.low, "at": entry.at_ns}
        elif not (enters or leaves or covers):
            return None
        if throw < 0.45:
            return Signal.flat(candle, reasons=reasons)
        if throw > 1.0 - self.params.extra_share:  # now and then something that is not plain
            kind = int(throw * 1e6) % 4
            if kind == 0:
                return Signal.short(candle, reasons=reasons)
            if kind == 1:
                return Signal.long(candle, valid_for=1, reasons=reasons)
            return Signal.long(candle, stop=candle.close * (0.9 if kind == 2 else 0.995), reasons=reasons)
        return Signal.long(candle, strength=0.2 + 0.8 * throw, reasons=reasons)


def straight_case(seed: int) -> Case:
    """The case of a seed."""
    draw = random.Random(f"straight {seed}")
    base = draw.choice(list(FRAMES))
    symbols = tuple(draw.sample(SYMBOLS, draw.randint(1, 3)))
    strategies: dict[str, Wanderer] = {}
    blocks: list[dict[str, Any]] = []
    for number in range(draw.choice([1, 1, 2, 3])):
        name, frame = f"rover{number}", draw.choice([base, base, *FRAMES[base]])
        share = draw.choice([0.04, 0.15, 0.5])
        params = Wishes(
            salt=draw.random(), entry_share=share, exit_share=share,
            extra_share=draw.choice([0.0, 0.0, 0.005, 0.05]), stops=draw.random() < 0.3, valid_for=0,
            says=draw.random() < 0.8, higher=None,
        )  # fmt: skip
        strategies[name] = Rover(params)
        regimes = draw.choice([None, None, ["trending", "volatile"]])
        blocks.append(
            {
                "strategy_id": name, "timeframes": [frame], "max_position_pct": draw.choice([0.2, 0.95]),
                "regimes": regimes, "on_gap": draw.choice(["hold", "close"]),
                "params": params.model_dump(mode="json"),
            }
        )  # fmt: skip
    generous = {"max_drawdown_pct": 0.99, "max_daily_loss_pct": 0.99, "max_position_pct": 0.98}
    modest = {"method": "fixed_fraction", "fraction": 0.1}
    options = {
        "symbols": {"default": symbols},
        "regime": {
            "timeframe": base, "adx_window": 2, "volatility_window": 2, "enabled": draw.random() < 0.3,
        },
        "risk": random_limits(draw) | {"max_leverage": 10.0} | (generous if draw.random() < 0.7 else {}),
        "portfolio": {"sizing": random_sizing(draw) if draw.random() < 0.5 else modest},
        "simulation": {
            "slippage": draw.choice(["fixed", "volatility"]),
            "participation_ratio": draw.choice([0.1, 1.0, 1.0]),
            "fills": draw.choice(["realistic", "realistic", "next_open"]),
        },
        "backtest": {
            "capital": "10000", "exchange": "binance", "timeframe": base,
            "timerange": draw.choice(["", "", "20240102-"]), "max_fill": draw.randint(0, 2),
        },
        "strategies": blocks,
    }  # fmt: skip
    place = Marketplace(
        seed,
        base,
        symbols,
        jump=draw.choice([1.0, 1.0, 0.7, 1.3]),
        funding_ns=8 * Timeframe.H1.ns,
        marks=False,
    )
    latency = draw.choice([0, 0, 0, 250_000_000, base.ns // 2, base.ns - 1, base.ns])
    return Case(place, strategies, options, latency)
