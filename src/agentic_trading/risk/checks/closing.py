"""What even a closing order must satisfy: it only takes down what the strategy holds."""

from decimal import Decimal

from agentic_trading.core.enums import Side
from agentic_trading.core.events import Refusal
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings


def closable(held: Decimal, side: Side, pending: Decimal) -> Decimal:
    """How much an order of this side may close of a position of which ``pending`` is being closed."""
    return -held * side.sign - pending


def only_reduces(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Side and quantity of a closing order fit the strategy's own position, less what already closes it."""
    terms = view.proposal.terms
    most = closable(view.sub_position, terms.side, view.closing_pending)
    if terms.quantity <= most:
        return None
    return view.refuse("not_reducing", float(terms.quantity), float(most))
