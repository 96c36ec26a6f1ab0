"""Repeats: an id counts once within the horizon, also after a restart; refused ones may return."""

from typing import Any

import pytest

from tests.build import AT_MS, a_record
from tests.process.build import (
    a_stage,
    an_event,
    fed,
    outcomes,
)

ID = "9a024377723e483bbe567652f9ea22d3"


def test_a_repeat_counts_once() -> None:
    """5.5 The same event_id within the horizon gives one row and the outcome ``duplicate``."""
    stage = a_stage()
    said = fed(stage, an_event(event_id=ID), an_event(event_id=ID.upper()), an_event())

    assert len(said) == 2
    assert outcomes(stage) == {"accepted": 3, "duplicate": 1}


def test_ids_are_per_project() -> None:
    """Two projects may use the same id."""
    stage = a_stage()

    said = fed(stage, *(an_event(event_id=ID, project=project) for project in "aba"))

    assert len(said) == 2


@pytest.mark.parametrize(("after_s", "counted"), [(600, 1), (601, 2), (7200, 2)])
def test_the_horizon_is_the_brokers_time(after_s: int, counted: int) -> None:
    """R15 A repeat counts again beyond the horizon, by the broker's clock."""
    stage = a_stage()
    said = fed(stage, an_event(event_id=ID))
    said += fed(stage, an_event(event_id=ID), offset=1, timestamp_ms=AT_MS + after_s * 1000)

    assert len(said) == counted


def test_the_horizon_has_a_size() -> None:
    """Of very many ids the oldest are forgotten."""
    stage = a_stage(dedupe_ids=1000)
    for n in range(3000):
        fed(stage, an_event(event_id=f"{n:032x}"), offset=n)

    assert stage._repeats.remembered() <= 1063
    assert fed(stage, an_event(event_id=f"{2999:032x}"), offset=3000) == []
    assert len(fed(stage, an_event(event_id=f"{1:032x}"), offset=3001)) == 1


@pytest.mark.parametrize(
    "event",
    [
        an_event(event_id=ID),
        an_event(event_id=ID, message=None, exception={"type": "E", "value": "x"}),
        an_event(event_id=ID, message=None, exception={"values": [{"type": "E"}]}),
        an_event(event_id=ID, message='{"message": "inner"}'),
        an_event(event_id=ID, message=None, logentry={"message": "x"}),
        an_event(event_id=ID, kind="request", status=200, duration_ms=3, message=None),
        an_event(event_id=ID, kind="request", status=200, duration_ms=0, message=None),
        an_event(event_id=ID, kind="session", started=1, message=None),
        an_event(event_id=ID, kind="resource", host="a", cpu_percent=1, message=None),
        an_event(event_id=ID, service=None, project="shop"),
        an_event(event_id=ID, project=17),
    ],
)
def test_a_restart_remembers_what_was_counted(event: dict[str, Any]) -> None:
    """The ids of records below the committed offset are known again after a restart."""
    stage = a_stage()
    stage.recall(a_record(event))

    assert fed(stage, event, offset=1) == []
    assert outcomes(stage)["duplicate"] == 1


@pytest.mark.parametrize(
    "refused",
    [
        {"event_id": ID, "service": "shop"},
        {"event_id": ID, "message": "whose?"},
        {"event_id": ID, "service": "shop", "kind": "party", "message": "x"},
        {"event_id": ID, "service": "shop", "kind": "request", "status": 1},
        {"event_id": ID, "service": "shop", "exception": 17},
        {"event_id": ID, "service": "shop", "exception": {"values": [{}]}},
        {"event_id": ID, "service": "shop", "kind": "resource"},
        {"event_id": ID, "service": "shop", "environment": [], "message": "x"},
    ],
)
def test_a_refused_id_may_come_again(refused: dict[str, Any]) -> None:
    """R13 A corrected event under the id of a refused one counts, also after a restart."""
    stage, restarted = a_stage(), a_stage()
    assert isinstance(fed(stage, refused)[0], str)
    restarted.recall(a_record(refused))

    assert len(fed(stage, an_event(event_id=ID), offset=1)) == 1
    assert len(fed(restarted, an_event(event_id=ID), offset=1)) == 1
