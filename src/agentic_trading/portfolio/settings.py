"""Settings of the account as a whole."""

from pydantic import Field

from agentic_trading.core.config import Section
from agentic_trading.core.sizing import FixedFraction, SizingSettings


class PortfolioSettings(Section):
    """Section ``[portfolio]``: what is counted in, and how strategies without own sizing are sized."""

    quote: str = Field("USDT", pattern=r"^[A-Z0-9]{2,10}$", description="currency of equity, cash and limits")
    sizing: SizingSettings = Field(FixedFraction(), description="sizing of strategies that name none")
