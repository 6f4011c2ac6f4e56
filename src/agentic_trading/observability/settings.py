"""Settings of what the platform tells about itself."""

from typing import Literal

from pydantic import Field

from agentic_trading.core.config import Section


class ObservabilitySettings(Section):
    """Section ``[observability]``: logs, metrics and the audit trail."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least important line logged"
    )
    log_format: Literal["text", "json"] = Field("text", description="text for people, json for machines")
    metrics_port: int = Field(9090, ge=1, le=65_535, description="port of metrics and health, on 127.0.0.1")
    audit: bool = Field(True, description="whether every decision is kept with its cause")
