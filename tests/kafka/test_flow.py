"""The whole topology on a real broker: the suite of tests/flow, where a commit is a real one."""

import random
from pathlib import Path

import pytest

from pipeline.store.clickhouse import Client
from tests.flow.scenario import Came, run
from tests.flow.test_flow import (
    client,
    same,
    test_each_scene_is_one_group,
    test_every_event_is_one_row,
    test_poison_is_one_dead_letter_with_its_place,
    test_the_accounting_balances,
    test_the_incident_is_told_once_and_resolved_once,
    test_the_windows_add_up,
)
from tests.flow.topology import Blow
from tests.kafka.flow_broker import planned_kafka

__all__ = [
    "client",
    "test_each_scene_is_one_group",
    "test_every_event_is_one_row",
    "test_poison_is_one_dead_letter_with_its_place",
    "test_the_accounting_balances",
    "test_the_incident_is_told_once_and_resolved_once",
    "test_the_windows_add_up",
]


@pytest.fixture(scope="module")
def steady(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Came:
    """Give what comes of the incident when nothing goes wrong."""
    return run(client, tmp_path_factory.mktemp("steady"), broker=planned_kafka)


def test_a_crash_of_every_worker_in_every_step_changes_nothing(
    client: Client,
    steady: Came,
    tmp_path: Path,
) -> None:
    """R21 Workers that die again and again between two turns leave rows and notices equal."""
    came = run(client, tmp_path, crash="all", broker=planned_kafka)

    same(came, steady)
    assert came.notices == steady.notices


def test_blows_at_random_change_nothing(
    client: Client,
    steady: Came,
    tmp_path: Path,
) -> None:
    """R21 Aborts, lost answers and deaths of all workers at once still leave all rows equal."""
    rng = random.Random(7)
    passing: list[Blow] = [""] * 37
    blows: list[Blow] = ["abort", "lost", "kill", *passing]
    came = run(client, tmp_path, lambda _name, _n: rng.choice(blows), broker=planned_kafka)

    assert came.blows.total() > 10
    same(came, steady)
    assert {name: list(dict.fromkeys(got)) for name, got in came.notices.items()} == steady.notices
