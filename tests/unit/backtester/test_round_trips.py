"""Round trips computed by hand: flat to flat, parts, flips, fees, funding, dust."""

from decimal import Decimal

import pytest

from agentic_trading.backtester.trades.round_trips import RoundTrips, fold_round_trips
from agentic_trading.core.enums import Direction, Liquidity, Regime, Side
from agentic_trading.core.errors import CorruptData
from agentic_trading.core.events import Fill, FundingPosted

SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


def fill(
    side: Side,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    asset: str = "USDT",
    at: int = 0,
    symbol: str = PERP,
) -> Fill:
    return Fill(f"t{at}", f"o{at}", "s", symbol, side, Decimal(quantity), Decimal(price), Decimal(fee), asset,
                Liquidity.TAKER, Decimal(price), at)  # fmt: skip


def paid(payment: str, at: int) -> FundingPosted:
    return FundingPosted(at, "s", PERP, Decimal("0.0001"), Decimal(100), Decimal(payment))


def fold(
    *events: Fill | FundingPosted,
    mark: str = "100",
    lots: dict[str, Decimal] | None = None,
    prices: dict[str, Decimal] | None = None,
) -> RoundTrips:
    marks = {SPOT: Decimal(mark), PERP: Decimal(mark)}
    return fold_round_trips(
        events, reasons={"o9": "stop"}, regimes={"o1": Regime.RANGING}, marks=marks, lots=lots,
        prices=prices or {},
    )  # fmt: skip


def test_a_long_trade_by_hand() -> None:
    """2 at 100 and 1 at 106, sold 3 at 110: gross 24, fees 1.5, funding -0.25, net 22.25, to the digit."""
    trips = fold(
        fill(Side.BUY, "2", "100", fee="0.4", at=1), paid("-0.25", 2),
        fill(Side.BUY, "1", "106", fee="0.3", at=3),
        fill(Side.SELL, "3", "110", fee="0.8", at=9),
    )  # fmt: skip
    (trade,) = trips.trades
    assert trips.open_positions == ()
    assert (trade.trade, trade.direction, trade.entry_ns, trade.exit_ns) == ("trade-1", Direction.LONG, 1, 9)
    assert (trade.quantity, trade.entry_price, trade.exit_price) == (3, 102, 110)
    assert (trade.gross, trade.fees, trade.funding, trade.net) == (
        Decimal(24), Decimal("1.5"), Decimal("-0.25"), Decimal("22.25"),
    )  # fmt: skip
    assert (trade.exit_reason, trade.regime) == ("stop", Regime.RANGING)


def test_partial_closes_belong_to_one_trade() -> None:
    """A short closed in two parts is one trade, its exit price their average."""
    trips = fold(
        fill(Side.SELL, "4", "100", at=1), fill(Side.BUY, "1", "90", at=2), fill(Side.BUY, "3", "98", at=3)
    )
    (trade,) = trips.trades
    assert (trade.direction, trade.gross, trade.exit_price) == (Direction.SHORT, 16, 96)


def test_a_flip_closes_one_trade_and_opens_the_next() -> None:
    """Sold 3 against 1 held: the fee splits by quantity without losing a digit."""
    trips = fold(
        fill(Side.BUY, "1", "100", at=1),
        fill(Side.SELL, "3", "120", fee="0.10", at=2),
        paid("0.5", 3),
        mark="110",
    )
    (trade,) = trips.trades
    (position,) = trips.open_positions
    assert (trade.gross, trade.fees) == (20, Decimal("0.03333333"))
    assert (position.direction, position.quantity, position.entry_price) == (Direction.SHORT, 2, 120)
    assert (position.fees, position.funding, position.unrealised) == (
        Decimal("0.06666667"),
        Decimal("0.5"),
        20,
    )


def test_open_positions_are_marked_and_not_counted() -> None:
    """What is still held is listed with its realised part and its profit at the mark."""
    trips = fold(fill(Side.BUY, "2", "100", fee="1", at=1), fill(Side.SELL, "1", "130", at=2), mark="90")
    (position,) = trips.open_positions
    assert trips.trades == ()
    assert (position.realised, position.unrealised, position.net) == (30, -10, 29)


def test_fee_in_base_lessens_the_position() -> None:
    """Buying 1 with a fee of 0.001 in base leaves 0.999, and the fee costs its value at the fill."""
    trips = fold(
        fill(Side.BUY, "1", "100", fee="0.001", asset="BTC", at=1, symbol=SPOT),
        fill(Side.SELL, "0.999", "110", fee="0.2", at=2, symbol=SPOT),
    )
    (trade,) = trips.trades
    assert (trade.quantity, trade.gross, trade.fees) == (Decimal("0.999"), Decimal("9.990"), Decimal("0.300"))
    assert trade.net == Decimal("0.999") * 110 - Decimal("0.2") - 100


def test_dust_below_a_lot_counts_as_flat_and_moves_on() -> None:
    """A remainder under one lot ends the trade; the next trade takes it over with its cost."""
    lots = {SPOT: Decimal("0.01")}
    events = (
        fill(Side.BUY, "1.005", "100", at=1, symbol=SPOT), fill(Side.SELL, "1", "110", at=2, symbol=SPOT),
        fill(Side.BUY, "1", "120", at=3, symbol=SPOT), fill(Side.SELL, "1.005", "130", at=4, symbol=SPOT),
    )  # fmt: skip
    trips = fold(*events, lots=lots)
    assert [trade.gross for trade in trips.trades] == [Decimal(10), Decimal("10.15")]
    assert trips.open_positions == ()
    (dust,) = fold(*events[:2], lots=lots, mark="200").open_positions
    assert (dust.quantity, dust.unrealised) == (Decimal("0.005"), Decimal("0.5"))


def test_funding_after_the_exit_belongs_to_the_trade_before_it() -> None:
    """A payment that is booked while flat goes to the last trade; without one it is stray."""
    trips = fold(fill(Side.BUY, "1", "100", at=1), fill(Side.SELL, "1", "100", at=2), paid("0.5", 3))
    assert trips.trades[0].net == Decimal("0.5")
    assert fold(paid("0.5", 3)).stray_funding == Decimal("0.5")


def test_a_fee_in_a_third_asset_is_valued_at_its_price() -> None:
    """0.01 of an asset at 30 costs 0.3 and takes nothing off the position, even a perpetual's own coin."""
    for asset, symbol in (("BNB", SPOT), ("BNB", PERP), ("BTC", PERP)):
        trips = fold(
            fill(Side.BUY, "1", "100", fee="0.01", asset=asset, at=1, symbol=symbol),
            fill(Side.SELL, "1", "110", fee="0.2", at=2, symbol=symbol),
            prices={asset: Decimal(30)},
        )
        (trade,) = trips.trades
        assert (trade.quantity, trade.gross, trade.fees, trade.net) == (1, 10, Decimal("0.5"), Decimal("9.5"))
        assert trips.open_positions == ()


def test_a_fee_in_a_third_asset_needs_a_price() -> None:
    """A fee that cannot be valued is refused by name instead of being left out."""
    with pytest.raises(CorruptData, match="paid its fee in BNB"):
        fold(fill(Side.BUY, "1", "100", fee="0.01", asset="BNB", at=1, symbol=SPOT))
