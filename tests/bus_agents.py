"""Small agents and a small language for the bus."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agentic_trading.core.events import Event


@dataclass
class Echo:
    """An agent that answers as told and remembers what it heard."""

    name: str
    answer: Callable[[Event], Iterable[Event]] = lambda event: ()
    emits: tuple[type[Event], ...] = ()
    reads: tuple[str, ...] = ()
    heard: list[Event] = field(default_factory=list)

    def react(self, event: Event) -> Iterable[Event]:
        self.heard.append(event)
        return self.answer(event)
