"""Made-up results for the reports: a seeded walk, trades on it, and every table that follows."""

from decimal import Decimal
from typing import Any

import numpy as np

from agentic_trading.backtester.frames import open_positions_table, table, trades_table
from agentic_trading.backtester.metrics import Curve, compute
from agentic_trading.backtester.report.breakdown import by_key, costs
from agentic_trading.backtester.report.series import hold_growth, price_candles
from agentic_trading.backtester.result import Result
from agentic_trading.backtester.trades.round_trips import fold_round_trips
from agentic_trading.core.enums import HOUR_NS, Liquidity, Regime, Side, Timeframe
from agentic_trading.core.events import Fill, FundingPosted
from agentic_trading.core.models import CandleColumns
from agentic_trading.core.statistics import drawdowns

START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
CAPITAL = 100_000.0
SYMBOLS = ("BTC/USDT", "ETH/USDT:USDT")
STRATEGIES = ("trend_following", "mean_reversion", "breakout")


def walk(symbol: str, rows: int, seed: int, start: float) -> CandleColumns:
    """Hourly candles of a seeded random walk on a grid of 0.01."""
    steps = np.random.default_rng(seed).normal(0.00004, 0.006, rows)
    close = np.round(start * np.cumprod(1.0 + steps), 2)
    opened = np.concatenate(([start], close[:-1]))
    bars = np.vstack((opened, np.maximum(opened, close), np.minimum(opened, close), close, np.ones(rows)))
    open_ns = START_NS + np.arange(rows, dtype=np.int64) * HOUR_NS
    flags = np.zeros(rows, dtype=np.bool_)
    return CandleColumns(symbol, Timeframe.H1, open_ns, bars, flags, np.zeros(1, dtype=np.int64))


def price_at(candles: CandleColumns, row: int) -> Decimal:
    return Decimal(f"{candles.bars[3, row]:.2f}")


def make_fills(candles: dict[str, CandleColumns], trades: int, seed: int) -> list[Fill | FundingPosted]:
    """Entries and exits one after the other per strategy, the last one left open, with some funding."""
    random = np.random.default_rng(seed)
    events: list[Fill | FundingPosted] = []
    for strategy in STRATEGIES:
        symbol = SYMBOLS[STRATEGIES.index(strategy) % 2]
        columns = candles[symbol]
        rows = np.sort(random.choice(len(columns) - 1, 2 * trades, replace=False)).tolist()
        rows = rows[:-1] if strategy == "breakout" else rows
        short = False
        for number, row in enumerate(rows):
            if number % 2 == 0:
                short = symbol.endswith(":USDT") and bool(random.integers(2))
            side = Side.SELL if (number % 2 == 1) != short else Side.BUY
            quantity = Decimal("0.21") if symbol == "BTC/USDT" else Decimal(4)
            price = price_at(columns, row)
            paid = price + side.sign * Decimal("0.05")
            order = f"{strategy}-{number}"
            at_ns = int(columns.close_ns[row])
            events.append(
                Fill(f"t-{order}", order, strategy, symbol, side, quantity, paid, quantity * Decimal("0.9"),
                     "USDT", Liquidity.TAKER, price, at_ns)
            )  # fmt: skip
            if number % 2 == 0 and symbol.endswith(":USDT"):
                posted = Decimal("0.35") * (1 if short else -1)
                events.append(
                    FundingPosted(at_ns + 1, strategy, symbol, Decimal("0.0001"), Decimal(9000), posted)
                )
    return sorted(events, key=lambda event: event.at_ns)


def build_result(
    days: int = 420, trades: int = 60, seed: int = 7, strategy_names: tuple[str, ...] = STRATEGIES
) -> Result:
    """A consistent result: the equity curve, trades and summary all follow from the same fills."""
    rows = days * 24
    candles = {symbol: walk(symbol, rows, seed + index, (42000.0, 2300.0)[index])
               for index, symbol in enumerate(SYMBOLS)}  # fmt: skip
    events = make_fills(candles, trades, seed) if trades else []
    fills = [event for event in events if isinstance(event, Fill)]
    funding = [event for event in events if isinstance(event, FundingPosted)]
    reasons = {fill.order_id: "stop" if number % 5 == 0 else "signal" for number, fill in enumerate(fills)}
    regimes = {fill.order_id: Regime.TRENDING for fill in fills}
    marks = {symbol: price_at(columns, rows - 1) for symbol, columns in candles.items()}
    trips = fold_round_trips(events, reasons=reasons, regimes=regimes, marks=marks)
    at_ns = candles[SYMBOLS[0]].close_ns
    equity, gross = _curve(events, candles, rows)
    prices = price_candles(candles)
    hold = float(hold_growth(prices, at_ns[-1:])[0]) - 1
    notional = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
    metrics = compute(
        Curve(START_NS, CAPITAL, at_ns, equity, gross), [trade.net for trade in trips.trades],
        traded_notional=notional, buy_and_hold_return=hold,
    )  # fmt: skip
    below = drawdowns(np.concatenate(([CAPITAL], equity)))[1:]
    decisions = [
        ("signal-1", START_NS, STRATEGIES[0], SYMBOLS[0], "signal", "long", *[None] * 5, "",
         '{"reasons": {"fast": 101.5, "slow": 99.25}}'),
        *[(fill.order_id, fill.at_ns, fill.strategy, fill.symbol, "intent", "long", fill.quantity, "",
           None, None, None, "proposal", f'{{"protective_stop": "{fill.price * Decimal("0.98")}"}}')
          for fill in fills],
        *[(f"refusal-{n}", START_NS + n, STRATEGIES[n % 3], SYMBOLS[n % 2], "refusal", "long", Decimal("0.2"),
           ("max_position", "price_collar", "min_notional")[n % 7 % 3], 0.3, 0.25, -0.05, "signal-1", "{}")
          for n in range(40)],
        *[(f"gated-{n}", START_NS + n, STRATEGIES[1], SYMBOLS[0], "gated", "long", None, "regime_trending",
           None, None, None, "signal-1", "{}") for n in range(17)],
    ]  # fmt: skip
    summary: dict[str, Any] = {
        "run_id": "20240101-7f3a9c", "inputs_sha256": "a3" * 32, "fingerprint": "7f" * 32,
        "versions": {"agentic-trading": "0.1.0", "python": "3.11.9", "numpy": "2.4.6"},
        "mode": "backtest", "strategies": list(strategy_names), "symbols": list(SYMBOLS), "quote": "USDT",
        "timerange": "20240101-20250224", "capital": CAPITAL,
        "data": {"sha256": "c4" * 32, "source": "synthetic", "candles": 2 * rows, "gaps": 0, "duplicates": 0,
                 "filled": 3},
        "counts": {"candles": 2 * rows, "wake_rows": rows, "signals": 58, "gated": 17, "refusals": 40,
                   "orders": len(fills), "fills": len(fills), "trades": len(trips.trades)},
        "metrics": metrics.values, "metric_reasons": metrics.reasons,
        "costs": costs(fills, (fill.fee for fill in fills), funding),
        "per_strategy": by_key(trips, "strategy", strategy_names),
        "per_symbol": by_key(trips, "symbol", SYMBOLS),
        "timing": {"total_s": 1.0}, "warnings": [],
    }  # fmt: skip
    return Result(
        summary=summary,
        equity=table("equity", zip(at_ns.tolist(), equity.tolist(), equity.tolist(), gross.tolist(),
                                   gross.tolist(), below.tolist(), strict=True)),
        orders=table("orders", ((f.order_id, f.strategy, "sample", f.symbol, f.side, "market", "GTC", False,
                                 f.quantity, None, None, "filled", f.quantity, f.price, f.at_ns, f.at_ns,
                                 f.at_ns, "signal: filled", "signal-1") for f in fills)),
        fills=table("fills", ((f.trade_id, f.order_id, f.strategy, "sample", f.symbol, f.side, f.quantity,
                               f.price, f.fee, f.fee_asset, f.liquidity, f.reference_price, f.at_ns)
                              for f in fills)),
        trades=trades_table(trips.trades),
        decisions=table("decisions", decisions),
        funding=table("funding", ((f.at_ns, f.symbol, f.rate, f.notional, f.payment, f.strategy)
                                  for f in funding)),
        open_positions=open_positions_table(trips.open_positions),
        settings_toml='[backtest]\ncapital = "100000"\nexchange = "sample"\n',
        prices=prices,
    )  # fmt: skip


def _curve(events: list[Any], candles: dict[str, CandleColumns], rows: int) -> tuple[Any, Any]:
    """Equity and gross exposure per row: cash plus positions at the close, fills booked at theirs."""
    cash, held = np.zeros(rows), {symbol: np.zeros(rows) for symbol in candles}
    for event in events:
        row = min(-(-(event.at_ns - START_NS) // HOUR_NS) - 1, rows - 1)
        if isinstance(event, FundingPosted):
            cash[row] += float(event.payment)
            continue
        held[event.symbol][row] += event.side.sign * float(event.quantity)
        cash[row] -= event.side.sign * float(event.quantity * event.price) + float(event.fee)
    equity, gross = CAPITAL + np.cumsum(cash), np.zeros(rows)
    for symbol, columns in candles.items():
        value = np.cumsum(held[symbol]).round(9) * columns.bars[3]
        equity, gross = equity + value, gross + np.abs(value)
    return equity, gross
