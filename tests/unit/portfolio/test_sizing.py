"""How large: rounded down, capped, scaled by safe mode, and nothing without its inputs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.sizing import FixedFraction, FixedQuantity, SizingSettings, VolatilityTarget
from agentic_trading.portfolio.sizing import Size
from order_desk import PERP, make_instrument

RULES = make_instrument(PERP)
METHODS: list[SizingSettings] = [
    FixedQuantity(quantity="3"),
    FixedFraction(fraction=0.1),
    VolatilityTarget(target_volatility_pct=0.2, max_fraction=0.25),
]


def size(sizing: SizingSettings, **changes: float | None) -> Decimal | None:
    inputs: dict[str, float | None] = {
        "strength": 1.0, "equity": 10_000.0, "price": 100.0, "volatility": 0.5, "max_fraction": 1.0,
        "multiplier": 1.0,
    } | changes  # fmt: skip
    rules = {name: inputs.pop(name) for name in ("max_fraction", "multiplier")}
    return Size(sizing, RULES, **rules).wanted(**inputs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sizing", "changes", "expected"),
    [
        (FixedQuantity(quantity="3.019"), {}, "3.01"),
        (FixedQuantity(quantity="3.019"), {"strength": 0.5}, "1.50"),
        (FixedQuantity(quantity="3"), {"max_fraction": 0.01}, "1.00"),
        (FixedFraction(fraction=0.1), {}, "10.00"),
        (FixedFraction(fraction=0.1), {"price": 33.0}, "30.30"),
        (FixedFraction(fraction=0.1), {"strength": 0.25}, "2.50"),
        (FixedFraction(fraction=0.1), {"multiplier": 0.25}, "2.50"),
        (FixedFraction(fraction=0.5), {"max_fraction": 0.2}, "20.00"),
        (VolatilityTarget(target_volatility_pct=0.1), {"volatility": 0.5}, "20.00"),
        (VolatilityTarget(target_volatility_pct=0.2, max_fraction=0.25), {"volatility": 0.1}, "25.00"),
    ],
)
def test_sizes_by_hand(sizing: SizingSettings, changes: dict[str, float], expected: str) -> None:
    """Each method gives the quantity worked out by hand, in whole lots, rounded down."""
    assert size(sizing, **changes) == Decimal(expected)


def test_safe_mode_comes_after_the_cap_and_before_the_rounding() -> None:
    """The safe-mode factor scales the capped size, so that the cap cannot hide it."""
    assert size(FixedFraction(fraction=0.5), max_fraction=0.2, multiplier=0.333) == Decimal("6.66")
    assert size(FixedQuantity(quantity="3"), multiplier=0.25) == Decimal("0.75")


@pytest.mark.parametrize("sizing", METHODS, ids=lambda sizing: sizing.method)
@pytest.mark.parametrize("missing", ["price", "equity"])
@pytest.mark.parametrize("value", [float("nan"), 0.0, -1.0, float("inf")])
def test_no_size_without_price_and_equity(sizing: SizingSettings, missing: str, value: float) -> None:
    """A price or equity that is missing, not positive or not finite gives no size."""
    assert size(sizing, **{missing: value}) is None


@pytest.mark.parametrize("volatility", [None, float("nan"), 0.0, -0.1])
def test_no_volatility_target_without_volatility(volatility: float | None) -> None:
    """Targeting a volatility needs one; the other methods do not ask for it."""
    assert size(METHODS[2], volatility=volatility) is None
    assert size(METHODS[1], volatility=volatility) is not None


@given(
    sizing=st.sampled_from(METHODS),
    strength=st.floats(0, 1),
    equity=st.floats(1, 1e9),
    price=st.floats(1e-3, 1e6),
    max_fraction=st.floats(0.001, 1),
    multiplier=st.floats(0.01, 1),
)
@pytest.mark.property
def test_sizes_are_whole_lots_within_the_cap(
    sizing: SizingSettings,
    strength: float,
    equity: float,
    price: float,
    max_fraction: float,
    multiplier: float,
) -> None:
    """Any size is a whole number of lots and its notional is within the strategy's share of equity."""
    quantity = size(
        sizing,
        strength=strength,
        equity=equity,
        price=price,
        max_fraction=max_fraction,
        multiplier=multiplier,
    )
    assert quantity is not None
    assert quantity % RULES.lot == 0
    assert 0 <= float(quantity) * price <= equity * max_fraction * multiplier * (1 + 1e-12)
