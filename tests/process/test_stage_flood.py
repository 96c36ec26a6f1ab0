"""Floods: few rows, exact weights and counts, through crashes and while partitions move."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.process.build import an_event
from tests.process.world import PARTITIONS, World, seconds

MINUTE_MS = 60_000
FLOOD = 100_000


def equal(n: int, **fields: Any) -> dict[str, Any]:
    """Return the n-th of equal events, each with an id of its own."""
    return an_event(event_id=f"{n:032x}", **fields)


def flooded(events: int, batch: int, **options: Any) -> World:
    """Return a world that took equal events in a minute, by turns on each partition."""
    world = World(**options)
    for n in range(events):
        world.publish(equal(n), n * MINUTE_MS // events, n % PARTITIONS)
    for _ in range(0, events // PARTITIONS + 1, batch):
        world.work(0, batch)
    world.drain()
    return world


def balanced(world: World, events: int) -> None:
    """Check that every event is accounted for, and that every count is that of the events."""
    outcomes = world.outcomes

    assert outcomes["accepted"] == events
    assert events == len(world.rows) + sum(
        outcomes[name] for name in ("sampled", "filtered", "duplicate", "dead_lettered")
    )
    assert world.errors == sum(world.by_group.values()) == events - outcomes["duplicate"]
    assert len({row.event_id for row in world.rows}) == len(world.rows)


def test_a_flood_is_few_rows_with_the_weight_of_all() -> None:
    """N8 100,000 equal events in a minute: some rows, weights and counts exact."""
    world = flooded(FLOOD, 5000, flood_per_minute=200)
    whole = [row for row in world.rows if row.sample_weight == 1]

    assert sum(row.sample_weight for row in world.rows) == FLOOD
    assert len(world.rows) == 200 + 2 * 9
    assert len(whole) == 200
    assert sorted(row.event_id for row in whole) == [f"{n:032x}" for n in range(200)]
    assert f"{FLOOD - 1:032x}" in {row.event_id for row in world.rows}
    balanced(world, FLOOD)


def test_rows_between_first_and_newest_come_ever_more_seldom() -> None:
    """N8 Behind the whole ones a row stands at each doubling of the number."""
    world = flooded(20_000, 700, flood_per_minute=20)
    sampled = [row.sample_weight for row in world.rows if row.raw_partition == 1][10:]

    assert sampled == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 4880]


@pytest.mark.parametrize("batch", [1, 7, 500, 100_000])
def test_the_rows_do_not_depend_on_where_batches_end(batch: int) -> None:
    """R21 Any cut into batches gives the same rows, weights included."""
    world = flooded(600, batch, flood_per_minute=16)
    expected = flooded(600, 64, flood_per_minute=16)

    def told(world: World) -> list[tuple[str, float]]:
        """Return what is stored of each event."""
        return sorted((row.event_id, row.sample_weight) for row in world.rows)

    assert told(world) == told(expected)


def test_ordinary_traffic_is_stored_whole() -> None:
    """N8 20,000 events of three dozen groups within a minute are 20,000 rows by default."""
    world = World()
    for n in range(20_000):
        event = equal(n, service=f"s{n % 3}", exception={"type": f"E{n % 36}", "value": "x"})
        world.publish({**event, "message": None}, n * 3, n % PARTITIONS)
    for _ in range(20):
        world.work(0, 500)
    world.drain()

    assert len(world.rows) == 20_000
    assert {row.sample_weight for row in world.rows} == {1.0}


def test_a_flood_that_goes_on_is_sampled_from_its_next_event() -> None:
    """N8 A minute after a flooded one begins with the first event and doublings, not anew."""
    world = World(flood_per_minute=200)
    for n in range(1000):
        world.publish(equal(n), n * MINUTE_MS // 500)
    world.drain()
    second = [row.sample_weight for row in world.rows if seconds(row.received_at) >= 60]

    assert second == [1, 1, 2, 4, 8, 16, 32, 64, 128, 244]
    balanced(world, 1000)


def test_a_calm_minute_ends_a_flood() -> None:
    """N8 After a minute without a flood events are stored as they are again."""
    world = World(flood_per_minute=20)
    for n in range(100):
        world.publish(equal(n), n)
    for n in range(100, 108):
        world.publish(equal(n), 3 * MINUTE_MS + n)
    world.drain()

    assert [row.sample_weight for row in world.rows][-8:] == [1] * 8


def test_environment_and_level_are_counted_apart() -> None:
    """N8 Weights add up by environment and level, too, as the rollups sum them."""
    world = World(flood_per_minute=8)
    expected: Counter[tuple[str, str, str]] = Counter()
    for n in range(300):
        environment, level = ("a", "b|c", "d")[n % 3], ("error", "fatal")[n % 2]
        world.publish(equal(n, environment=environment, level=level), n, n % PARTITIONS)
        expected["boom", environment, level] += 1
    world.work(0, 40)
    world.move(0, 1)
    world.drain()

    assert world.weights() == expected


def test_the_weight_of_a_client_is_kept() -> None:
    """2.19 An event that stands for four others at its client stands for four here."""
    world = World(flood_per_minute=8)
    for n in range(100):
        world.publish(equal(n, sample_weight=4), n)
    world.drain()

    assert sum(row.sample_weight for row in world.rows) == 400


def test_a_flood_of_what_needs_its_owner_is_sampled_as_well() -> None:
    """N8 Events that travel to the owner count there, and have no row of their own."""
    world = World(flood_per_minute=8)
    for n in range(400):
        world.publish(equal(n), n)
    world.work(0, 400)  # all in one batch: nobody knows the group yet
    world.drain()

    assert len(world.rows) == 4 + 6 + 1
    assert sum(row.sample_weight for row in world.rows) == 400
    assert {row.group_id for row in world.rows} == {next(iter(world.by_group))}
    balanced(world, 400)


def test_what_waits_is_stored_when_silence_falls() -> None:
    """N8 The newest event is stored soon after its minute, though nothing else comes."""
    world = World(flood_per_minute=2)
    for n in range(7):
        world.publish(equal(n), n)
    world.work(0, 100)
    waiting = sum(row.sample_weight for row in world.rows)
    world.drain()
    after = sum(row.sample_weight for row in world.rows)
    world.drain()

    assert (waiting, after) == (4, 7)
    assert len(world.rows) == 4


def test_a_restart_after_the_silence_stores_nothing_twice() -> None:
    """N8 What was stored because nothing came is not stored again by the next owner."""
    world = World(flood_per_minute=2)
    for n in range(7):
        world.publish(equal(n), n)
    world.drain()
    world.move(0, 1)
    world.drain()
    world.publish(equal(7), 2 * MINUTE_MS)
    world.drain()

    assert sum(row.sample_weight for row in world.rows) == 8
    balanced(world, 8)


def test_the_state_goes_when_the_flood_is_over() -> None:
    """N8 Records of floods are deleted, so that the state does not grow."""
    world = World(flood_per_minute=64)
    for n in range(200):
        world.publish(equal(n), n)
    world.work(0, 200)
    during = len(world.state())
    for minute in (1, 2, 3):
        world.publish(equal(200 + minute), minute * MINUTE_MS)
    world.drain()

    assert (during, len(world.state())) == (1, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 60), st.integers(0, 1)),
        st.tuples(st.just("crash"), st.integers(1, 60), st.integers(0, 1)),
        st.tuples(st.just("move"), st.integers(0, PARTITIONS - 1), st.integers(0, 1)),
    ),
    max_size=40,
)


def played(draw: list[int], steps: list[tuple[str, int, int]], **options: Any) -> World:
    """Return a world that took drawn events, crashed and moved on the way."""
    world = World(**options)
    at_ms = 0
    for n, number in enumerate(draw):
        at_ms += (number % 7) * 400
        again = max(n - number % 5, 0) if number % 11 == 0 else n
        kind = number % 3
        event = equal(again, message=f"boom {'abc'[kind]}", environment="pq"[number % 2])
        world.publish(event, at_ms, again % PARTITIONS)
    for step, size, worker in steps:
        if step == "move":
            world.move(size, worker)
        else:
            world.work(worker, size, crash=step == "crash")
    world.drain()
    return world


@settings(max_examples=60, deadline=None)
@given(draw=st.lists(st.integers(0, 1000), min_size=1, max_size=400), steps=STEPS)
def test_no_crash_loses_or_doubles_weight(
    draw: list[int], steps: list[tuple[str, int, int]]
) -> None:
    """N8 R21 Weights, counts, rows and the balance are those of a run without crash or move."""
    world = played(draw, steps, flood_per_minute=8)
    calm = played(draw, [], flood_per_minute=8)

    balanced(world, len(draw))
    assert world.weights() == calm.weights()
    assert sum(world.weights().values()) == world.errors == calm.errors
    assert {(r.event_id, r.sample_weight) for r in world.rows} == {
        (r.event_id, r.sample_weight) for r in calm.rows
    }


@settings(max_examples=60, deadline=None)
@given(draw=st.lists(st.integers(0, 1000), min_size=1, max_size=400), steps=STEPS)
def test_quotas_decide_the_same_after_a_crash(
    draw: list[int], steps: list[tuple[str, int, int]]
) -> None:
    """N8 R21 Which rows a quota refuses is a matter of the events alone."""
    options = {"quota_per_minute": 30, "quota_burst": 12, "flood_per_minute": 60}
    world, calm = played(draw, steps, **options), played(draw, [], **options)

    balanced(world, len(draw))
    assert world.outcomes == calm.outcomes
    assert {row.event_id for row in world.rows} == {row.event_id for row in calm.rows}
