"""A small simulated market for tests of the venue: candles by hand, orders in one line, reports by kind."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

from agentic_trading.core.enums import Market, OrderType, Side, Timeframe, TimeInForce
from agentic_trading.core.events import AmendOrder, CancelOrder, Event, Fill, OrderTerms, SubmitOrder
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.resting import MarketModel
from agentic_trading.simulation.venue import SimulatedVenue

START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
MINUTE = Timeframe.M1.ns
SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
PRICES = ("price", "stop_price", "protective_stop", "trail_ratio", "trail_amount", "activation_price")
E = TypeVar("E", bound=Event)


def instrument(symbol: str = PERPETUAL, **changes: str) -> Instrument:
    """Tick 0.1, lot 0.001, smallest quantity 0.002, smallest order 5 USDT."""
    market = Market.LINEAR if ":" in symbol else Market.SPOT
    rules = {"tick": "0.1", "lot": "0.001", "min_quantity": "0.002", "min_notional": "5"} | changes
    base = symbol.partition("/")[0]
    return Instrument("binance", symbol, market, base, "USDT", **{k: Decimal(v) for k, v in rules.items()})


def candle(
    minute: int, bars: str, volume: float = 1000.0, symbol: str = PERPETUAL, *, filled: bool = False
) -> Candle:
    """Minute candle number ``minute``; ``bars`` is ``open high low close``."""
    opened = START_NS + minute * MINUTE
    prices = [float(price) for price in bars.split()]
    return Candle(symbol, Timeframe.M1, opened, opened + MINUTE, *prices, volume, filled)


def model(
    costs: CostModel = FREE,
    latency_ns: int = 0,
    participation: str = "1",
    maker: str = "0",
    taker: str = "0",
    **more: Any,
) -> MarketModel:
    """Free of everything unless said otherwise, and the whole volume is ours."""
    return MarketModel(Decimal(maker), Decimal(taker), costs, latency_ns, Decimal(participation), **more)


class Desk:
    """A venue with one or more symbols, and the trader who uses it; order ids are A, B, C, ..."""

    def __init__(
        self,
        assumptions: MarketModel | None = None,
        symbols: Sequence[str] = (PERPETUAL,),
        balances: dict[str, str] | None = None,
        **rules: str,
    ) -> None:
        instruments = {symbol: instrument(symbol, **rules) for symbol in symbols}
        chosen = assumptions if assumptions is not None else model()
        self.symbol = symbols[0]
        self.venue = SimulatedVenue(
            instruments,
            dict.fromkeys(symbols, chosen),
            {asset: Decimal(amount) for asset, amount in (balances or {"USDT": "1000000"}).items()},
        )
        self._orders = 0

    def order(self, side: Side, quantity: str, at: float = 0.0, **terms: Any) -> str:
        """Send an order ``at`` minutes after the start; returns its id."""
        order_id = chr(ord("A") + self._orders)
        self._orders += 1
        for name in PRICES:
            if name in terms:
                terms[name] = Decimal(terms[name])
        symbol = terms.pop("symbol", self.symbol)
        wanted = OrderTerms("tester", symbol, side, Decimal(quantity), **terms)
        self.venue.send(SubmitOrder(order_id, self._ns(at), wanted))
        return order_id

    def buy(self, quantity: str, at: float = 0.0, **terms: Any) -> str:
        return self.order(Side.BUY, quantity, at, **terms)

    def sell(self, quantity: str, at: float = 0.0, **terms: Any) -> str:
        return self.order(Side.SELL, quantity, at, **terms)

    def limit(self, side: Side, quantity: str, price: str, at: float = 0.0, **terms: Any) -> str:
        return self.order(side, quantity, at, type=OrderType.LIMIT, price=price, **terms)

    def stop(self, side: Side, quantity: str, price: str, at: float = 0.0, **terms: Any) -> str:
        return self.order(side, quantity, at, type=OrderType.STOP_MARKET, stop_price=price, **terms)

    def amend(self, order_id: str, at: float = 0.0, **changes: str) -> None:
        exact = {name: Decimal(value) for name, value in changes.items()}
        self.venue.send(AmendOrder(order_id, self._ns(at), self.symbol, **exact))

    def cancel(self, order_id: str, at: float = 0.0, symbol: str | None = None) -> None:
        self.venue.send(CancelOrder(order_id, self._ns(at), symbol or self.symbol, "changed_mind"))

    @property
    def idle(self) -> bool:
        """True when nothing travels or rests, and nothing can be liquidated: a candle cannot matter."""
        return not self.venue.busy

    def passes(self, *candles: Candle) -> list[Event]:
        """Let candles pass, one instant each; returns all reports."""
        return [report for each in candles for report in self.venue.pass_candles([each])]

    def held(self, symbol: str | None = None) -> Decimal:
        """The venue's net position of a perpetual."""
        return self.venue.account.position(symbol or self.symbol)

    def balance(self, asset: str = "USDT") -> Decimal:
        return self.venue.account.balances.get(asset, Decimal(0))

    @staticmethod
    def _ns(minutes: float) -> int:
        return START_NS + round(minutes * 60) * 1_000_000_000


def only(reports: Sequence[Event], kind: type[E]) -> list[E]:
    """The reports of one kind, in order."""
    return [report for report in reports if isinstance(report, kind)]


def executions(reports: Sequence[Event]) -> list[tuple[str, str, str]]:
    """Order, quantity and price of every fill, without trailing zeros."""
    return [(fill.order_id, _short(fill.quantity), _short(fill.price)) for fill in only(reports, Fill)]


def _short(number: Decimal) -> str:
    return f"{number.normalize():f}"


def story(reports: Sequence[Event]) -> list[str]:
    """The reports as ``OrderAccepted A``, with the reason where there is one."""
    lines = []
    for report in reports:
        line = f"{type(report).__name__} {getattr(report, 'order_id', '')}"
        reason = getattr(report, "reason", "")
        lines.append(f"{line}: {reason}" if reason else line)
    return lines


IOC = TimeInForce.IOC
BUY, SELL = Side.BUY, Side.SELL
