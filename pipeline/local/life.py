"""When a process that died starts again: pure, the clock comes in as an argument."""

from typing import Literal

State = Literal["starting", "running", "waiting", "failed", "stopped"]

PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0)
DEATHS = 5
WITHIN_S = 60.0


class Life:
    """One process' life: five deaths within a minute and it is left alone."""

    def __init__(self) -> None:
        self.state: State = "stopped"
        self.restarts = 0
        self._deaths: list[float] = []
        self._start_at = 0.0

    def started(self) -> None:
        """Take note of a start."""
        self.state = "starting"

    def ready(self) -> None:
        """Take note that it does its work."""
        if self.state == "starting":
            self.state = "running"

    def died(self, now: float) -> None:
        """Take note of a death; the pause grows with the deaths of the last minute."""
        self._deaths = [at for at in self._deaths if now - at < WITHIN_S] + [now]
        if len(self._deaths) >= DEATHS:
            self.state = "failed"
            return
        self.state = "waiting"
        self.restarts += 1
        self._start_at = now + PAUSES_S[len(self._deaths) - 1]

    def is_due(self, now: float) -> bool:
        """Whether it is to be started now."""
        return self.state == "waiting" and now >= self._start_at
