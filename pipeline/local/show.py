"""What ``tocsin up`` shows in the foreground: a progress bar, messages, a live table."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from pipeline.local.up import Machine

STEP_S = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asks for the end."""


def ignore_signals() -> None:
    """Let nothing interrupt the end."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise Stopped in the main thread at SIGINT, SIGTERM or when the terminal closes, once."""

    def asked(_number: int, _frame: FrameType | None) -> None:
        """Take the first signal."""
        ignore_signals()
        raise Stopped

    for number in STOP_SIGNALS:
        signal.signal(number, asked)
    yield


class Screen:
    """The terminal; without one, plain lines. ``file`` is standard output unless it is given."""

    def __init__(self, file: IO[str] | None = None) -> None:
        self._console = Console(file=file)
        self._bar: Progress | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal as it is: what is live ends here."""
        if self._bar is not None:
            self._bar.stop()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def tell(self, sentence: str) -> None:
        """Print one line above whatever is live."""
        self._console.print(f"tocsin: {sentence}", highlight=False, soft_wrap=True)

    def progress(self, done: int, total: int) -> None:
        """Show how far the first use has come with fetching."""
        if self._bar is None:
            self.tell(f"fetching Kafka's jars, {total / 1e6:.0f} MB, once")
            self._bar = Progress(
                TextColumn("Kafka"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=self._console,
            )
            self._bar.start()
            self._bar.add_task("jars", total=total)
        self._bar.update(self._bar.task_ids[0], completed=done)
        if done >= total:
            self._bar.stop()

    def draw(self, picture: RenderableType) -> None:
        """Draw in place where there is a terminal, then wait a moment."""
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, refresh_per_second=2)
                self._live.start()
            self._live.update(picture)
        time.sleep(STEP_S)


def table(machine: Machine) -> Table:
    """Return the live table of processes."""
    found = Table(title="tocsin up", caption="Ctrl-C ends everything")
    for name in ("stage", "state", "pid", "restarts", "memory"):
        found.add_column(name)
    for child in machine.children:
        found.add_row(
            child.spec.name,
            child.life.state,
            str(child.pid or "-"),
            str(child.life.restarts),
            f"{child.memory_bytes() / 2**20:.0f} MB",
        )
    return found
