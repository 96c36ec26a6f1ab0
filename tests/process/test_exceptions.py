"""What was raised: every shape of an exception, chains, synthetic ones, threads."""

from typing import Any

import pytest

from tests.process.build import an_event, novel, the_key

TRACE = """Traceback (most recent call last):
  File "/srv/pay.py", line 3, in charge
    x
ValueError: no"""


def frames(*functions: str) -> dict[str, Any]:
    """Return a stack of Sentry's frames, the oldest call first."""
    return {"frames": [{"function": name, "filename": f"{name}.py"} for name in functions]}


@pytest.mark.parametrize(
    "exception",
    [
        {"type": "ValueError", "value": "no", "stacktrace": TRACE},
        {"type": "ValueError", "value": "no", "stacktrace": {"text": TRACE, "language": "php"}},
        {
            "values": [
                {"type": "KeyError"},
                {"type": "ValueError", "value": "no", "stacktrace": TRACE},
            ]
        },
        [{"type": "ValueError", "value": "no", "stacktrace": TRACE}],
        [
            {
                "exc_type": "ValueError",
                "exc_value": "no",
                "frames": [{"filename": "/srv/pay.py", "lineno": 3, "name": "charge"}],
            },
            {"exc_type": "KeyError", "exc_value": "cause", "frames": []},
        ],
        TRACE,
        TRACE.split("\n"),
        [TRACE],
        {"name": "ValueError", "message": "no", "stack": TRACE},
        {"kind": "ValueError", "message": "no", "stack_trace": TRACE.split("\n")},
        {"stacktrace": TRACE},
        {"message": "no", "stack": TRACE},
        [{"type": "KeyError"}, None, {}, {"type": "ValueError", "value": "no", "stack": TRACE}],
    ],
)
def test_exceptions(exception: Any) -> None:
    """An exception is an object, values, a list or a text; the raised one counts."""
    found = novel(an_event(message=None, exception=exception))

    assert (found.row.error_type, found.row.message) == ("ValueError", "no")
    assert found.key.parts == ("charge@pay.py",)
    assert found.row.culprit == "charge in srv/pay.py"


def test_synthetic_exceptions_are_grouped_by_message() -> None:
    """A message that an SDK captured with a stack has no type and is grouped by its words."""
    frames = [{"function": "f", "filename": "a.js"}]
    value = {"type": "Error", "mechanism": {"synthetic": True}, "stacktrace": {"frames": frames}}
    key = the_key(an_event(message="disk full", exception={"values": [value]}))

    assert (key.error_type, key.kind, key.parts) == ("", "message", ("disk", "full"))


def test_an_exception_in_one_line() -> None:
    """A text without frames is split where its first word is a type."""
    for text, said in (
        ("ValueError: no: way", ("ValueError", "no: way")),
        ("java.io.IOException: gone", ("java.io.IOException", "gone")),
        ("charge: failed", ("", "charge: failed")),
        ("it failed", ("", "it failed")),
        ("Charge failed: no", ("", "Charge failed: no")),
    ):
        row = novel(an_event(message=None, exception=text)).row

        assert (row.error_type, row.message) == said


def test_the_raised_one_is_the_last() -> None:
    """The last of a chain decides, whatever stands before it; more than 50 lose the oldest."""
    chain = [{"type": f"E{n}", "value": str(n)} for n in range(60)]
    found = novel(an_event(message=None, exception={"values": chain}))

    assert found.row.error_type == "E59"
    assert found.row.stack.count("Caused by") == 49
    assert found.row.stack.strip().startswith("Caused by: E58: 58")


def test_causes_inside_causes() -> None:
    """Causes nested in each other become one chain, the nearest first."""
    error: dict[str, Any] = {"name": "Root", "message": "0"}
    for n in range(1, 90):
        error = {"name": f"E{n}", "message": str(n), "cause": error}
    row = novel(an_event(message=None, exception=error)).row

    assert row.error_type == "E89"
    assert row.stack.strip().startswith("Caused by: E88: 88\nCaused by: E87: 87")


def test_synthetic_without_a_message() -> None:
    """A synthetic exception without a message is grouped by its own words."""
    value = {"type": "Error", "value": "a 1", "mechanism": {"synthetic": True}, "stack": TRACE}
    found = novel(an_event(message=None, exception={"values": [value]}))

    assert (found.row.error_type, found.row.message) == ("", "a 1")
    assert (found.key.kind, found.key.parts) == ("message", ("a", "*"))


THREADS = [
    {"id": 1, "stacktrace": frames("main", "wait")},
    {"id": 2, "stacktrace": frames("main", "crash"), "crashed": True},
    {"id": 3, "stacktrace": frames("main", "now"), "current": True},
    {"id": 4, "crashed": True},
]


@pytest.mark.parametrize(
    ("exception", "threads", "shown"),
    [
        (None, THREADS, "crash"),
        (None, {"values": THREADS}, "crash"),
        (None, THREADS[:1], "wait"),
        (None, [*THREADS[:1], THREADS[2]], "now"),
        ({"type": "E", "thread_id": 1}, THREADS, "wait"),
        ({"type": "E", "thread_id": 9}, THREADS, "crash"),
        ({"type": "E", "thread_id": 4}, THREADS, "crash"),
        ({"type": "E"}, THREADS, "crash"),
        ({"type": "E"}, THREADS[:1], ""),
        ({"type": "E", "stacktrace": frames("own")}, THREADS, "own"),
        (None, [None, 7, {"stacktrace": None}], ""),
        (None, 7, ""),
    ],
)
def test_threads(exception: Any, threads: Any, shown: str) -> None:
    """The thread of the exception tells the stack, else the one that crashed or is current."""
    row = novel(an_event(exception=exception, threads=threads)).row

    assert row.culprit == (f"{shown} in {shown}.py" if shown else "")


def test_a_java_type_has_its_package() -> None:
    """Java's module is part of the type; another language's is not."""
    for platform, type_ in (("java", "com.acme.E"), ("python", "E")):
        value = {"type": "E", "module": "com.acme", "value": "x"}

        assert the_key(an_event(platform=platform, exception=value)).error_type == type_


def test_words_of_a_stack_are_the_message_only_without_one() -> None:
    """A stack without a type does not displace what was logged."""
    stack = "main.charge\n\t/srv/pay.go:31\nmain.main\n\t/srv/main.go:9"

    assert novel(an_event(stacktrace=stack)).row.message == "boom"
    assert novel(an_event(message="charge failed\n" + TRACE)).row.message == "no"
