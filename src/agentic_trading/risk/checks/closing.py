"""What even a closing order must satisfy: it only takes down what the strategy holds."""

from agentic_trading.core.events import Refusal
from agentic_trading.risk.checks.view import RiskView
from agentic_trading.risk.limits import RiskSettings


def only_reduces(view: RiskView, limits: RiskSettings) -> Refusal | None:
    """Side and quantity of a closing order fit the strategy's own position, less what already closes it."""
    terms = view.proposal.terms
    closable = -view.sub_position * terms.side.sign - view.closing_pending
    if terms.quantity <= closable:
        return None
    return view.refuse("not_reducing", float(terms.quantity), float(closable))
