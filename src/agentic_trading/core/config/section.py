"""What a section of the settings is made of: the strict base model and number types that know their unit."""

from decimal import Decimal, DecimalException
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from agentic_trading.core.money import EXACT, decimal_of


class Section(BaseModel):
    """Base of all settings: frozen, strict about types, closed to unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def _percent(value: float) -> float:
    if value == 1:
        raise PydanticCustomError(
            "unit",
            "is a fraction below 1, and 1 could be meant as 1 %: for 1 % write 0.01, for nearly all 0.99",
        )
    return _share(value)


def _share(value: float) -> float:
    if value > 1:
        numbers = {"value": f"{value:g}", "percent": f"{value * 100:g}", "right": f"{value / 100:g}"}
        raise PydanticCustomError(
            "unit", "is a fraction: {value} means {percent} %; for {value} % write {right}", numbers
        )
    return value


def _basis_points(value: float) -> float:
    if 0 < value < 0.01:
        numbers = {"value": f"{value:g}", "right": f"{value * 10_000:g}"}
        raise PydanticCustomError(
            "unit",
            "is in basis points (hundredths of a percent): for a ratio of {value} write {right}",
            numbers,
        )
    return value


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise PydanticCustomError(
            "amount", 'must be an amount: a number, or a decimal in quotes such as "0.001"'
        )
    try:
        number = decimal_of(value) if isinstance(value, float) else Decimal(value)
        plain = Decimal(f"{EXACT.normalize(number):f}")
    except (DecimalException, ValueError):
        raise PydanticCustomError("amount", 'must be a finite decimal such as "0.001"') from None
    if not plain.is_finite() or plain <= 0:
        raise PydanticCustomError("amount", "must be a finite amount above 0")
    return plain


Percent = Annotated[float, Field(gt=0), AfterValidator(_percent)]
"""A ``*_pct`` setting: a fraction above 0 and below 1 (0.05 is 5 %)."""

Share = Annotated[float, Field(gt=0), AfterValidator(_share)]
"""A fraction above 0, at most 1."""

BasisPoints = Annotated[float, Field(ge=0, le=1_000), AfterValidator(_basis_points)]
"""Hundredths of a percent, 0 to 1000; a value that can only be a ratio is refused."""

Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"type": ["string", "number"], "description": "exact amount"}),
]
"""An exact amount above 0, written as a number or as a decimal in quotes."""

Choice = TypeVar("Choice", bound=StrEnum)
OneOf = Annotated[Choice, Field(strict=False)]
"""A member of an enum, written as its text."""

Item = TypeVar("Item")
Many = Annotated[tuple[Item, ...], Field(strict=False)]
"""A list in TOML, an immutable tuple here."""
