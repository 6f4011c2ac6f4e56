"""What the checks look at: one snapshot of the book per proposal, worst cases included."""

from decimal import Decimal

import msgspec

from agentic_trading.core.events import Proposal, Refusal
from agentic_trading.core.models import Instrument


class RiskView(msgspec.Struct, frozen=True):
    """A proposal with everything known about the account at that moment.

    Exposures are notionals in quote currency at worst price (mark plus collar), exact, counting what
    is settled, working and reserved; opposite sides and opposite strategies are never netted, so they
    bound the account's real exposure from above and a closing order never raises them. ``after``
    values include the proposal. A missing price is None: unknown means no. Of a closing order only the
    strategy's own position and what already closes it are filled in.
    """

    proposal: Proposal
    now_ns: int
    sub_position: Decimal
    closing_pending: Decimal
    instrument: Instrument | None = None
    price: Decimal | None = None
    marked_ns: int = 0
    candle_ns: int = 0
    equity: Decimal | None = None
    order_notional: Decimal | None = None
    symbol_after: Decimal | None = None
    gross_after: Decimal | None = None
    drawdown_ratio: float = float("nan")
    day_loss_ratio: float = float("nan")
    drawdown_tripped: bool = False
    daily_loss_tripped: bool = False

    def refuse(self, code: str, value: float, limit: float, detail: str = "") -> Refusal:
        """A refusal of this proposal: ``headroom`` is what was left before the limit."""
        terms = self.proposal.terms
        return Refusal(
            self.now_ns, self.proposal.id, terms.strategy, terms.symbol, code,
            value, limit, limit - value, detail,
        )  # fmt: skip

    def unknown(self, code: str, what: str) -> Refusal:
        """A refusal because an input of the check is missing."""
        terms = self.proposal.terms
        return Refusal(
            self.now_ns, self.proposal.id, terms.strategy, terms.symbol, code,
            None, None, None, f"{what} is unknown",
        )  # fmt: skip
