"""How a worker runs: until it is stopped, with a longer pause after each turn that failed."""

import threading

from pipeline.io.loop import Outcome, Turn
from pipeline.io.run import run


class Script:
    """A worker that does what is written, then stops the run."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self._outcomes = outcomes
        self.stop = Pauses()

    def turn(self) -> Turn:
        """Do the next line."""
        outcome = self._outcomes.pop(0)
        if not self._outcomes:
            self.stop.set()
        return Turn(outcome)

    def alive(self) -> bool:
        """Live."""
        return True

    def ready(self) -> bool:
        """Be ready."""
        return True

    def turn_age_s(self) -> float:
        """Have just turned."""
        return 0.0

    def close(self) -> None:
        """End."""


class Pauses(threading.Event):
    """An event that notes how long it was to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note the time."""
        self.waited.append(timeout or 0.0)
        return self.is_set()


def test_pauses_double_until_something_works() -> None:
    """After turns that could do nothing the pause doubles to 5 s; a good turn resets it."""
    script = Script([*["away"] * 8, "committed", "busy", "aborted", "idle", "idle"])  # type: ignore[list-item]

    run(script, script.stop)

    assert script.stop.waited == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.1, 0.2]
