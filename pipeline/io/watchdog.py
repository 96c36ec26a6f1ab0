"""Ends the process when a call into Kafka does not come back.

librdkafka has calls that block for up to 100 s whatever their timeout, while a lone broker is away.
The supervisor starts the process again; the transaction's fate is settled by its successor.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT = 70


def end_process() -> None:
    """Write every thread's stack to stderr and leave at once: nothing can be cleaned up."""
    sys.stderr.write("watchdog: a call into Kafka did not come back; leaving with 70\n")
    faulthandler.dump_traceback(all_threads=True)
    os._exit(EXIT)


class Watchdog:
    """Watches stretches of code: ``with watchdog.busy(): …`` may take ``limit_s``, not more."""

    def __init__(self, limit_s: float = 12.0, end: Callable[[], None] = end_process) -> None:
        self._limit_s = limit_s
        self._end = end
        self._since: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Mark a stretch that must end in time."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        """Look four times within the limit."""
        while not self._stop.wait(self._limit_s / 4):
            since = self._since
            if since is not None and time.monotonic() - since > self._limit_s:
                self._end()
