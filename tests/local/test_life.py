"""When a process starts again, as values."""

import pytest

from pipeline.local.life import PAUSES_S, Life


def a_life(*deaths: float) -> Life:
    """Return a life that died at these times and was started after each."""
    life = Life()
    life.started()
    for at in deaths:
        life.died(at)
        if life.state == "waiting":
            life.started()
    return life


def test_it_runs_once_it_is_ready() -> None:
    """Starting, then running."""
    life = a_life()
    before = life.state

    life.ready()

    assert (before, life.state) == ("starting", "running")


@pytest.mark.parametrize("earlier", range(4))
def test_the_pause_grows_with_the_deaths(earlier: int) -> None:
    """Each death of the last minute makes the next pause longer."""
    life = a_life(*[float(at) for at in range(earlier)])
    life.died(10.0)

    assert not life.is_due(10.0 + PAUSES_S[earlier] - 0.01)
    assert life.is_due(10.0 + PAUSES_S[earlier])


def test_five_deaths_within_a_minute_are_the_end() -> None:
    """The fifth death marks it failed, and it is never due again."""
    life = a_life(0, 1, 2, 3, 59.9)

    assert life.state == "failed"
    assert not life.is_due(1e9)


def test_deaths_are_forgotten_after_a_minute() -> None:
    """Five deaths in more than a minute only cost a restart each."""
    life = a_life(0, 20, 40, 60, 80, 100, 120)

    assert (life.state, life.restarts) == ("starting", 7)
