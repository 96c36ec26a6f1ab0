"""The watchdog ends what does not come back."""

import threading

from pipeline.io.watchdog import Watchdog


def test_a_call_that_does_not_return_ends_the_process() -> None:
    """A stretch beyond the limit calls the end."""
    ended = threading.Event()
    watchdog = Watchdog(0.05, ended.set)

    with watchdog.busy():
        assert ended.wait(5)
    watchdog.close()


def test_what_returns_in_time_is_left_alone() -> None:
    """Short stretches, and the time between them, never call the end."""
    ended = threading.Event()
    watchdog = Watchdog(0.2, ended.set)

    for _ in range(10):
        with watchdog.busy():
            ended.wait(0.05)
    quiet = not ended.wait(0.5)
    watchdog.close()

    assert quiet
