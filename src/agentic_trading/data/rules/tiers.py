"""Builds margin tables, and refuses one that no venue can have meant."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from agentic_trading.core.models import MarginTier
from agentic_trading.core.money import EXACT
from agentic_trading.data.rules.fields import Fields, plain

_TOLERATED = Decimal("0.01")
"""Quote currency by which a stated deduction may differ from the one that joins the steps."""


class Step(NamedTuple):
    """One row of a table as a document has it; a deduction that is None follows from the other rows."""

    fields: Fields
    cap: Decimal | None
    rate: Decimal
    leverage: Decimal
    deduction: Decimal | None = None


def margin_table(steps: Sequence[Step]) -> tuple[MarginTier, ...]:
    """A table from its rows, by rising size; raises CorruptData for a row that does not fit.

    Deduction of row n = floor of n * (rate of n - rate of n-1) + deduction of n-1, the formula of both
    venues ("Leverage and Margin of USDⓈ-M Futures"; "Margin Parameters"); a stated one must agree with it.
    """
    tiers: list[MarginTier] = []
    floor, rate, deduction = Decimal(0), Decimal(0), Decimal(0)
    for row in sorted(steps, key=lambda row: (row.cap is None, row.cap or 0)):
        if not rate < row.rate < 1:
            raise row.fields.wrong("maintenance rate", row.rate, f"a ratio above {rate} and below 1")
        if row.cap is not None and row.cap <= floor:
            raise row.fields.wrong("notional cap", row.cap, f"more than {floor}")
        if tiers:
            joined = EXACT.add(EXACT.multiply(floor, EXACT.subtract(row.rate, rate)), deduction)
        else:
            joined = Decimal(0)
        if row.deduction is not None and abs(row.deduction - joined) > _TOLERATED:
            right = f"{plain(joined)}, which joins the steps,"
            raise row.fields.wrong("maintenance amount", row.deduction, right)
        rate, deduction = row.rate, joined
        tiers.append(MarginTier(floor, row.cap, rate, plain(deduction), row.leverage))
        if row.cap is None:
            break
        floor = row.cap
    return tuple(tiers)
