"""The two gates in front of real money; the only place that can arm live trading."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, SupportsIndex

UNDERSTOOD = "I_UNDERSTAND_LIVE_TRADING"
"""The environment variable that must be exactly ``true``."""

_MINT = object()


class LiveArmed:
    """Proof that both gates were passed; a trading connection to a live venue asks for it.

    Only ``arm`` can make one: constructing, copying, pickling or subclassing raises TypeError.
    """

    __slots__ = ()

    def __new__(cls, mint: Any = None) -> "LiveArmed":
        if mint is not _MINT:
            raise TypeError("LiveArmed is made by agentic_trading.core.safety.arm and nowhere else")
        return super().__new__(cls)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("LiveArmed does not travel: arm again where it is needed")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("LiveArmed cannot be subclassed")


@dataclass(frozen=True)
class Disarmed:
    """Live trading stays off; ``reason`` names every gate that is closed and how it opens."""

    reason: str


def arm(environ: Mapping[str, str], live_flag: bool) -> LiveArmed | Disarmed:
    """Pass both gates, the ``--live`` flag and ``I_UNDERSTAND_LIVE_TRADING=true``, or say which is closed."""
    closed: list[str] = []
    if not live_flag:
        closed.append("the flag --live is missing")
    given = environ.get(UNDERSTOOD)
    if given != "true":
        state = "is not set" if given is None else "is not exactly the word true"
        closed.append(f"{UNDERSTOOD} {state} (set {UNDERSTOOD}=true)")
    if closed:
        return Disarmed(f"Live trading stays off: {' and '.join(closed)}.")
    return LiveArmed(_MINT)
