"""Progress of downloads: bars on a terminal, plain lines elsewhere so that a log shows it moving.

A job has a weight in bytes of model data (a wheel is smaller than its members), and progress is a fraction of
it, so that the total is known from the start. Called from several threads.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 5.0


class Meter:
    """Counts and stays silent; a context manager."""

    def __init__(self) -> None:
        self.expected = 0
        self._jobs: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """Bytes of model data that have arrived."""
        return int(sum(self._jobs.values()))

    def expect(self, weight: int) -> None:
        """Add to the total, in bytes."""
        with self._lock:
            self.expected += weight

    def update(self, job: str, fraction: float, weight: int) -> None:
        """Tell how far a job of `weight` bytes is; a fraction of 1 ends it."""
        with self._lock:
            self._jobs[job] = fraction * weight
            self._show(job, fraction, weight)

    def say(self, line: str) -> None:
        """Show a line."""

    def _show(self, job: str, fraction: float, weight: int) -> None:
        """Bring the display up to date; called with the lock held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Bars(Meter):
    """Rich progress bars: one for each running download and one for all."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description:<34.34}"),
            BarColumn(bar_width=None),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._all = self._progress.add_task("all models", total=None)

    def say(self, line: str) -> None:
        """Show a line above the bars."""
        self._progress.console.print(line, highlight=False, markup=False)

    def _show(self, job: str, fraction: float, weight: int) -> None:
        if job not in self._tasks:
            self._tasks[job] = self._progress.add_task(job, total=weight)
        self._progress.update(self._tasks[job], completed=int(fraction * weight), visible=fraction < 1)
        self._progress.update(self._all, completed=self.done, total=self.expected)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Lines(Meter):
    """A line of progress every few seconds."""

    def __init__(self, console: Console, every_s: float = LINE_EVERY_S) -> None:
        super().__init__()
        self._console = console
        self._every_s = every_s
        self._next = time.monotonic() + 1.0
        self._running: set[str] = set()

    def say(self, line: str) -> None:
        """Show a line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _show(self, job: str, fraction: float, weight: int) -> None:  # noqa: ARG002
        if fraction < 1:
            self._running.add(job)
        else:
            self._running.discard(job)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every_s
        percent = 100 * self.done / max(self.expected, 1)
        running = ", ".join(sorted(self._running))
        self.say(f"{self.done / 1e6:,.0f} of {self.expected / 1e6:,.0f} MB ({percent:.0f} %)  {running}")


def meter(console: Console) -> Meter:
    """Bars on a terminal, lines elsewhere."""
    return Bars(console) if console.is_terminal else Lines(console)
