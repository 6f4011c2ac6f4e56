"""Settings of a backtest."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import Amount, OneOf
from agentic_trading.core.enums import SECOND_NS, Timeframe


class BacktestSettings(Section):
    """Section ``[backtest]``: which history is replayed, with how much money, and where results go."""

    capital: Amount = Field(Decimal(100_000), description="starting cash in quote currency")
    exchange: Literal["auto", "sample", "binance", "bybit"] = Field(
        "auto", description="whose history and rules; auto: the exchange that has the data, else the sample"
    )
    timeframe: OneOf[Timeframe] = Field(Timeframe.M1, description="base candle interval of the replay")
    detail_timeframe: OneOf[Timeframe] | None = Field(
        None, description="finer candles that orders meet where they are stored; absent: those of the replay"
    )
    timerange: str = Field(
        "", description="YYYYMMDD-YYYYMMDD in UTC, end exclusive, either end open; empty: all"
    )
    seed: int = Field(7, ge=0, le=2**63 - 1, description="seed of everything that is drawn")
    step: Literal["auto", "every", "bus"] = Field(
        "auto",
        description="every makes each candle a decision point, bus takes no short cuts either; same result",
    )
    data_dir: str = Field("data/historical", min_length=1, description="folder of the history")
    results_dir: str = Field("data/results", min_length=1, description="folder for results")
    max_fill: int = Field(1, ge=0, le=1_000, description="first candles of every gap that are filled flat")

    @field_validator("timerange")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        if value and not _readable(value):
            raise PydanticCustomError(
                "timerange",
                "must be YYYYMMDD-YYYYMMDD, the end after the start, such as 20240101-20240630, not {value}",
                {"value": f'"{value}"'},
            )
        return value

    @property
    def range_ns(self) -> tuple[int | None, int | None]:
        """The time range as [start, end) in nanoseconds UTC; an open end is None."""
        start, _, end = self.timerange.partition("-")
        return _day_ns(start), _day_ns(end)


def _day_ns(day: str) -> int | None:
    if not day:
        return None
    return int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()) * SECOND_NS


def _readable(timerange: str) -> bool:
    start, dash, end = timerange.partition("-")
    days = [text for text in (start, end) if text]
    if not dash or not days or not all(len(text) == 8 and text.isdecimal() for text in days):
        return False
    try:
        dates = [datetime.strptime(text, "%Y%m%d") for text in days]  # noqa: DTZ007  # compared, never an instant
    except ValueError:
        return False
    return len(dates) == 1 or dates[0] < dates[1]
