"""Every pre-trade check, alone: what passes, what is refused with which numbers, and unknown means no."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agentic_trading.core.enums import OrderType, Side
from agentic_trading.core.events import OrderTerms, Proposal, Refusal
from agentic_trading.risk.checks import CLOSING, OPENING, Check, closing, exposure, losses, prices
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings
from order_desk import PERP, make_instrument

D = Decimal
LIMITS = RiskSettings(
    max_position_pct=0.25, max_gross_exposure=0.8, max_leverage=1.0, max_order_pct=0.1,
    price_collar_bps=100.0, max_data_age_candles=2, max_drawdown_pct=0.2, max_daily_loss_pct=0.05,
)  # fmt: skip
NAN = float("nan")
UNKNOWN = (NAN, float("inf"), -float("inf"))


def view(terms: dict[str, Any] | None = None, **changes: Any) -> RiskView:
    """A proposal to buy one coin at 100 of an account worth 10 000 that passes every check."""
    fields = {
        "strategy": "a", "symbol": PERP, "side": Side.BUY, "quantity": D(1), **(terms or {})
    }  # fmt: skip
    proposal = Proposal("proposal-1", 7, OrderTerms(**fields), 100.0, "signal-1")
    inputs: dict[str, Any] = {
        "instrument": make_instrument(PERP), "now_ns": 1_000, "price": D(100), "marked_ns": 900,
        "candle_ns": 100, "equity": D(10_000), "order_notional": D(101), "symbol_after": D(101),
        "gross_after": D(101), "drawdown_ratio": 0.0, "day_loss_ratio": 0.0, "drawdown_tripped": False,
        "daily_loss_tripped": False, "sub_position": D(0), "closing_pending": D(0),
    }  # fmt: skip
    return RiskView(proposal=proposal, **(inputs | changes))


def refusal(check: Check, looked_at: RiskView) -> Refusal:
    found = check(looked_at, LIMITS)
    assert found is not None
    assert (found.subject, found.strategy, found.symbol) == ("proposal-1", "a", PERP)
    return found


def numbers(found: Refusal) -> tuple[str, float | None, float | None, float | None]:
    return found.code, found.value, found.limit, found.headroom


def refuses_as_unknown(check: Check, looked_at: RiskView, code: str) -> None:
    found = refusal(check, looked_at)
    assert numbers(found) == (code, None, None, None)
    assert "unknown" in found.detail
    assert msgspec.json.decode(msgspec.json.encode(found), type=Refusal) == found  # NaN would be lost


def test_the_ordinary_proposal_passes_every_check() -> None:
    """What all other tests change one thing of is refused by nobody."""
    assert [check for check in OPENING if check(view(), LIMITS)] == []


def test_known_refuses_when_unknown() -> None:
    """A proposal without instrument or price is refused."""
    refuses_as_unknown(prices.known, view(instrument=None), "unknown_instrument")
    refuses_as_unknown(prices.known, view(price=None), "missing_price")


def test_fresh_refuses_when_unknown() -> None:
    """A price whose time is not known is stale."""
    refuses_as_unknown(prices.fresh, view(marked_ns=0), "stale_data")


def test_fresh_refuses_what_is_too_old() -> None:
    """A price may be as old as the limit and not a nanosecond older."""
    assert prices.fresh(view(marked_ns=800), LIMITS) is None
    found = refusal(prices.fresh, view(marked_ns=799))
    assert numbers(found) == ("stale_data", 2.01, 2, 2 - 2.01)


def test_collar_refuses_when_unknown() -> None:
    """A limit price cannot be judged without a market price."""
    refuses_as_unknown(prices.collar, view({"price": D(100)}, price=None), "price_collar")


@pytest.mark.parametrize(("side", "edge", "beyond"), [(Side.BUY, 101, "101.1"), (Side.SELL, 99, "98.9")])
def test_collar_refuses_a_price_through_the_market(side: Side, edge: int, beyond: str) -> None:
    """A limit may lie through the market by the collar, on its own side at any distance."""
    away = D(1) if side is Side.BUY else D(1_000)
    for price in (D(edge), away):
        assert prices.collar(view({"side": side, "price": price}), LIMITS) is None
    found = refusal(prices.collar, view({"side": side, "price": D(beyond)}))
    assert found.code == "price_collar"
    assert (found.value, found.limit) == (1.1, 1.0)


def test_collar_does_not_judge_market_orders() -> None:
    """An order without a price of its own has nothing to be judged."""
    assert prices.collar(view(price=None), LIMITS) is None


EXPOSURES = [
    (exposure.order_size, "max_order_size", "order_notional", 1_000),
    (exposure.position, "max_position", "symbol_after", 2_500),
    (exposure.gross_exposure, "max_gross_exposure", "gross_after", 8_000),
    (exposure.leverage, "max_leverage", "gross_after", 10_000),
]


@pytest.mark.parametrize(("check", "code", "field", "limit"), EXPOSURES, ids=[each[1] for each in EXPOSURES])
def test_exposure_refuses_beyond_the_limit(check: Check, code: str, field: str, limit: int) -> None:
    """Exactly the limit passes; the smallest amount beyond it is refused with value, limit, headroom."""
    assert check(view(**{field: D(limit)}), LIMITS) is None
    assert refusal(check, view(**{field: D(limit) + D("1e-20")})).code == code
    found = refusal(check, view(**{field: D(limit) + 1}))
    assert numbers(found) == (code, limit + 1.0, float(limit), -1.0)


@pytest.mark.parametrize(("check", "code", "field", "limit"), EXPOSURES, ids=[each[1] for each in EXPOSURES])
def test_exposure_refuses_when_unknown(check: Check, code: str, field: str, limit: int) -> None:
    """Without the notional, or without a positive equity, the exposure is unknown and refused."""
    refuses_as_unknown(check, view(**{field: None}), code)
    for equity in (None, D(0), D(-1)):
        refuses_as_unknown(check, view(equity=equity), code)


LOSSES = [
    (losses.drawdown, "max_drawdown", "drawdown_ratio", "drawdown_tripped", 0.2),
    (losses.daily_loss, "max_daily_loss", "day_loss_ratio", "daily_loss_tripped", 0.05),
]


@pytest.mark.parametrize(
    ("check", "code", "field", "latch", "limit"), LOSSES, ids=[each[1] for each in LOSSES]
)
def test_losses_refuse_beyond_the_limit(
    check: Check, code: str, field: str, latch: str, limit: float
) -> None:
    """A loss of exactly the limit passes, one beyond it is refused, and a latched breaker refuses any."""
    assert check(view(**{field: limit}), LIMITS) is None
    found = refusal(check, view(**{field: limit + 0.1}))
    assert numbers(found) == (code, limit + 0.1, limit, limit - (limit + 0.1))
    found = refusal(check, view(**{latch: True}))
    assert (found.code, found.detail) == (code, "breaker holds")


@pytest.mark.parametrize(
    ("check", "code", "field", "latch", "limit"), LOSSES, ids=[each[1] for each in LOSSES]
)
def test_losses_refuse_when_unknown(check: Check, code: str, field: str, latch: str, limit: float) -> None:
    """A loss that is not a finite number is unknown and refused."""
    for value in UNKNOWN:
        refuses_as_unknown(check, view(**{field: value}), code)


def test_every_opening_check_is_among_those_tested() -> None:
    """A check that is added to the list needs its laws here."""
    tested = {prices.known, prices.fresh, prices.collar, *(each[0] for each in EXPOSURES + LOSSES)}
    assert set(OPENING) == tested
    assert (closing.only_reduces,) == CLOSING


@pytest.mark.parametrize(
    ("side", "held", "pending", "quantity", "passes"),
    [
        (Side.SELL, "1", "0", "1", True),
        (Side.SELL, "1", "0", "1.01", False),
        (Side.SELL, "1", "0.5", "0.5", True),
        (Side.SELL, "1", "0.5", "0.51", False),
        (Side.BUY, "-1", "0", "1", True),
        (Side.BUY, "-1", "0", "1.01", False),
        (Side.BUY, "1", "0", "0.01", False),
        (Side.SELL, "-1", "0", "0.01", False),
        (Side.SELL, "0", "0", "0.01", False),
    ],
)
def test_closing_only_takes_down(side: Side, held: str, pending: str, quantity: str, passes: bool) -> None:
    """A closing order fits what the strategy holds on the other side, less what already closes it."""
    looked_at = view(
        {"side": side, "quantity": D(quantity), "closing": True},
        sub_position=D(held), closing_pending=D(pending),
    )  # fmt: skip
    found = closing.only_reduces(looked_at, LIMITS)
    assert (found is None) == passes
    if found is not None:
        assert (found.code, found.value) == ("not_reducing", float(quantity))


def test_closing_needs_nothing_but_the_position() -> None:
    """Without price, equity or freshness, and with every breaker down, getting out stays possible."""
    terms = {"side": Side.SELL, "closing": True, "type": OrderType.MARKET}
    blind = view(
        terms, instrument=None, price=None, marked_ns=0, equity=None, order_notional=None, symbol_after=None,
        gross_after=None, drawdown_ratio=NAN, day_loss_ratio=NAN, drawdown_tripped=True,
        daily_loss_tripped=True, sub_position=D(1),
    )  # fmt: skip
    assert [check for check in CLOSING if check(blind, LIMITS)] == []
