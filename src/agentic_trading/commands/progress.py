"""Progress of long work on stderr; silent where nobody watches."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress


class Progress:
    """Shows what is being done and, where the share is known, how far it is."""

    def __init__(self, *, quiet: bool = False) -> None:
        console = Console(stderr=True)
        self._bar = RichProgress(
            TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn(),
            console=console, transient=True, disable=quiet or not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, what: str, share: float | None) -> None:
        """Name the work; ``share`` of it is done (0..1), None where that is not known.

        The first use of a feature on a machine compiles it, which takes about a second each.
        """
        if share is None:
            self._bar.update(self._task, description=what, total=None)
        else:
            self._bar.update(self._task, description=what, total=1.0, completed=share)
