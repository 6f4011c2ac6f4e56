"""Progress of long work on stderr; silent where nobody watches."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress:
    """Shows what is being done and, where the share is known, how far it is."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._bar = None if quiet else _bar()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("starting", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, what: str, share: float | None) -> None:
        """Name the work; ``share`` of it is done (0..1), None where that is not known.

        The first use of a feature on a machine compiles it, which takes about a second each.
        """
        if self._bar is None:
            return
        if share is None:
            self._bar.update(self._task, description=what, total=None)
        else:
            self._bar.update(self._task, description=what, total=1.0, completed=share)


def _bar() -> "Bar":
    """What draws; loaded only here, as a quiet command should not wait for it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
