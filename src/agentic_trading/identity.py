"""What makes a run the same run: the digest of its inputs, its name, and what it was computed with."""

import hashlib
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import msgspec

from agentic_trading.core.clock import WallClock
from agentic_trading.settings import AppSettings

LIBRARIES = ("agentic-trading", "numpy", "numba", "llvmlite", "polars", "msgspec")

_NO_DECISION = {
    "mode": None,
    "observability": None,
    "exchanges": None,
    "backtest": ("step", "data_dir", "results_dir"),
}
"""Settings that cannot change a decision: whole sections (None) or single keys."""

_LATER = (("simulation", "fee_asset_quantity"),)
"""Keys that came after the first digests: one that is not set leaves them as they were."""


def inputs_sha256(settings: AppSettings, data_sha256: str) -> str:
    """Digest of everything that decides a run: settings that can change a decision, and the data."""
    values: dict[str, Any] = settings.model_dump(mode="json")
    for section, keys in _NO_DECISION.items():
        if keys is None:
            values.pop(section, None)
        for key in keys or ():
            values[section].pop(key, None)
    for section, name in _LATER:
        if values[section][name] is None:
            del values[section][name]
    if values["simulation"]["seed"] is None:
        values["simulation"]["seed"] = values["backtest"]["seed"]
    values["strategies"] = [each for each in values["strategies"] if each["enabled"]]
    canonical = msgspec.json.encode({"settings": values, "data": data_sha256}, order="deterministic")
    return hashlib.sha256(canonical).hexdigest()


def run_id_of(fingerprint: str) -> str:
    """A name for people: when it was run, and the first digits of what came out."""
    now = datetime.fromtimestamp(WallClock().now_ns // 1_000_000_000, tz=UTC)
    return f"{now:%Y%m%d-%H%M%S}-{fingerprint[:8]}"


@cache
def versions() -> Mapping[str, str]:
    """Versions of Python, of this platform and of the libraries that compute, for the record."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return MappingProxyType(found)
