"""The grouper without a broker does what the stages do."""

from collections.abc import Sequence

from pipeline.model.stage import Record, Sent
from pipeline.whatif import OfflineGrouper
from tests.build import AT, AT_MS
from tests.group.build import a_stage as a_group_stage
from tests.group.build import ids
from tests.process.build import a_stage, an_event, fed

Event = tuple[str, str, str]

TRACE = 'Traceback (most recent call last):\n  File "{0}.py", line {1}, in {2}\nE: {2}\n'
# Five fields in one slot become one group; stacks meet by their top frame.
EVENTS: list[Event] = [
    *(("", f"could not read field {name} of the order", "") for name in ("a", "b", "c", "d")),
    ("E", "first", TRACE.format("pay", 3, "charge")),
    ("", "could not read field eee of the order", ""),
    ("E", "second", TRACE.format("pay", 30, "charge")),
    ("F", "third", TRACE.format("pay", 3, "charge")),
    ("", "could not read field f of the order", ""),
    ("", "took 12 ms", ""),
    ("", "took 7 s", ""),
]


def staged(events: Sequence[Event]) -> list[str]:
    """Return the groups that the stages give, each event decided by the owner."""
    group, found = a_group_stage(), []
    for n, (error_type, message, stack) in enumerate(events):
        raised = {"type": error_type, "value": message, "stacktrace": stack}
        event = an_event(message=message, exception=raised if error_type else None)
        (sent,) = fed(a_stage(), event, offset=n)
        assert isinstance(sent, Sent)
        novel = Record(sent.topic, sent.partition or 0, n, AT_MS, sent.key, sent.value)
        found += ids(group.feed(novel, AT))
    return found


def test_it_groups_as_the_stages_do() -> None:
    """A live consumer sees the same ids, those of merged groups included."""
    grouper = OfflineGrouper(service="shop")

    assert [grouper.group(*event) for event in EVENTS] == staged(EVENTS)


def test_merges_are_followed() -> None:
    """After the fifth sibling the ids of all five lead to the oldest."""
    grouper = OfflineGrouper()
    found = [grouper.group(*event) for event in EVENTS if "field" in event[1]]

    assert len(set(found)) == 4
    assert {grouper.resolve(id_) for id_ in found} == {found[0]}


def test_the_type_parts_what_looks_alike() -> None:
    """Equal messages of two types are two groups."""
    grouper = OfflineGrouper()

    assert len({grouper.group(kind, "the disk is full now", "") for kind in "EF"}) == 2
