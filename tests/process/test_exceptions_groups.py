"""Exception groups: one whose members are all alike is one of them, any other is itself."""

from typing import Any

import pytest

from tests.process.build import an_event, novel, the_key


def member(
    type_: str,
    own: int,
    group: int | None = None,
    *functions: str,
    value: str = "x",
    **mechanism: Any,
) -> dict[str, Any]:
    """Return one of Sentry's values as an SDK marks it."""
    of = {} if group is None else {"parent_id": group}
    frames = [{"function": name, "filename": f"{name}.py"} for name in functions]
    return {
        "type": type_,
        "value": value,
        "mechanism": {"exception_id": own, **of, **mechanism},
        "stacktrace": {"frames": frames},
    }


def grouped_as(*parts: dict[str, Any]) -> str:
    """Return the type that a group of these members groups as."""
    whole = member("ExceptionGroup", 0, is_exception_group=True)
    return the_key(an_event(message=None, exception={"values": [*parts, whole]})).error_type


def test_a_group_of_equals_is_one_of_them() -> None:
    """A group whose members are all alike groups as one of them; with unlike ones as itself."""
    one, same, other = (member(type_, n, 0) for n, type_ in enumerate(("K", "K", "E"), 1))

    assert grouped_as(one, same) == "K"
    assert grouped_as(one) == "K"
    assert grouped_as(one, same, other) == "ExceptionGroup"
    assert grouped_as() == "ExceptionGroup"


def test_members_are_alike_by_what_they_are_grouped_by() -> None:
    """Frames decide where there are some, the words of the message where there are none."""
    framed = [
        member("E", n, 0, "main", "f", value=f"{word} gone") for n, word in ((1, "a"), (2, "b"))
    ]
    bare = [member("E", n, 0, value=f"user {n} is gone") for n in (1, 2)]

    assert grouped_as(*framed) == "E"
    assert grouped_as(*framed, member("E", 3, 0, "main", "g")) == "ExceptionGroup"
    assert grouped_as(*bare) == "E"
    assert grouped_as(bare[0], member("E", 3, 0, value="user 3 is back")) == "ExceptionGroup"


def test_groups_inside_groups() -> None:
    """A member that is a group of equals counts as one of them itself."""
    inner = [
        member("K", 4, 2),
        member("K", 3, 2),
        member("ExceptionGroup", 2, 0, is_exception_group=True),
    ]

    assert grouped_as(*inner, member("K", 1, 0)) == "K"
    assert grouped_as(*inner, member("E", 1, 0)) == "ExceptionGroup"


@pytest.mark.parametrize("source", ["__cause__", "__context__", "cause"])
def test_the_cause_of_a_group_is_no_member(source: str) -> None:
    """What caused a group does not make its members unlike."""
    cause = member("OSError", 3, 0, source=source)

    assert grouped_as(cause, member("K", 2, 0, source="exceptions[0]")) == "K"


def test_nobody_caught_the_group() -> None:
    """Whether it was handled is told of the group, whatever its members say."""
    parts = [member("K", 1, 0, handled=True)]
    whole = member("ExceptionGroup", 0, is_exception_group=True, handled=False)
    row = novel(an_event(exception={"values": [*parts, whole]})).row

    assert (row.error_type, row.handled) == ("K", False)
    assert "Member of ExceptionGroup: x" in row.stack


def test_hostile_ids_of_members() -> None:
    """R8 Equal, missing and circular ids end in some exception, and soon."""
    for own, group in ((0, 0), (None, None), ([], {}), ("a", True), (-1, -1), (1, 2)):
        mechanism: Any = {"exception_id": own, "parent_id": group, "is_exception_group": True}
        values = [{"type": "E", "mechanism": mechanism}] * 50

        assert the_key(an_event(exception={"values": values})).error_type == "E"


@pytest.mark.parametrize(
    "error",
    [
        {"name": "AggregateError", "errors": [{"name": "E", "message": "x"}] * 2},
        {"type": "AggregateError", "aggregateErrors": [{"type": "E", "message": "x"}] * 2},
        [
            {
                "exc_type": "ExceptionGroup",
                "exceptions": [[{"exc_type": "E", "exc_value": "x"}, {"exc_type": "Cause"}]] * 2,
            },
            {"exc_type": "KeyError"},
        ],
    ],
)
def test_groups_as_loggers_nest_them(error: Any) -> None:
    """Members inside their group, as JavaScript, pino and structlog write them."""
    assert the_key(an_event(message=None, exception=error)).error_type == "E"
