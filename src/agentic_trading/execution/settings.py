"""Settings of the venues orders go to."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from agentic_trading.core.config import Section


def _variable_name(value: str) -> str:
    # The value is not repeated: whoever puts a key here by mistake must not find it in a log.
    if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", value):
        raise PydanticCustomError(
            "variable",
            "must be the name of an environment variable in capitals, such as TRADING_BINANCE_API_KEY; "
            "the key itself belongs into the environment or .env",
        )
    return value


VariableName = Annotated[str, AfterValidator(_variable_name)]
"""The name of an environment variable that holds a secret, never the secret."""


class ExchangeSettings(Section):
    """One ``[[exchanges]]`` block; keys are given by the *names* of environment variables."""

    name: Literal["binance", "bybit"] = Field(description="the venue")
    environment: Literal["live", "demo", "testnet", "sandbox"] = Field(
        "sandbox", description="which of the venue's worlds; only live is real money"
    )
    execution: Literal["venue", "simulated"] = Field("simulated", description="who fills the orders")
    api_key_env: VariableName | None = Field(
        None,
        description="name of the environment variable with the key, TRADING_BINANCE_API_KEY",
    )
    secret_env: VariableName | None = Field(
        None,
        description="name of the environment variable with the secret, TRADING_BINANCE_SECRET",
    )
