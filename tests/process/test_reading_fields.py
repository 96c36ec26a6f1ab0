"""Reading the fields of an event: levels, times, messages, context, and numbers beyond reason."""

from typing import Any

import msgspec
import orjson
import pytest

from tests.build import AT, AT_MS
from tests.process.build import a_stage, an_event, fed, novel, ticked


@pytest.mark.parametrize(
    "given_",
    [
        {"message": {"message": "boom", "formatted": "boom"}},
        {"message": None, "logentry": {"formatted": "boom"}},
        {"message": None, "logentry": "boom"},
        {"message": None, "msg": "boom"},
        {"message": None, "event": "boom"},
        {"message": None, "body": "boom"},
        {"message": '{"message": "boom"}'},
        {"message": None, "log": '{"msg": "boom", "level": 50}'},
        {"message": None, "log": '{"msg": "boom", "level": 50}\n'},
        *(
            {"message": None, name: "boom"}
            for name in ("text", "short_message", "@message", "full_message")
        ),
        *({"message": None, name: "boom"} for name in ("err", "error", "stack", "exc_info")),
        {"message": None, "error": {"message": "boom"}},
        {"message": None, "error.message": "boom"},
        {"message": None, "event": "boom", "log": {"level": "error"}},
    ],
)
def test_messages(given_: dict[str, Any]) -> None:
    """A message is found under the names that the contract and loggers give it."""
    assert novel(an_event(**given_)).row.message == "boom"


def test_the_template_of_a_message_is_what_is_grouped() -> None:
    """The parameters' text is shown, the template decides."""
    one = novel(an_event(message=None, logentry={"message": "hi %s", "formatted": "hi Ann"}))
    other = novel(an_event(message=None, logentry={"message": "hi %s", "formatted": "hi Bob"}))

    assert one.row.message == "hi Ann"
    assert one.row.fingerprint == other.row.fingerprint


@pytest.mark.parametrize(
    ("level", "name"),
    [
        *(("WARN", "warning"), ("Critical", "fatal"), ("log", "info"), ("trace", "debug")),
        *((60, "fatal"), (50, "error"), (40, "warning"), (30, "info"), (10, "debug")),
        *(("ERROR2", "error"), ("WARN3", "warning"), (40.0, "warning"), (-1, "debug")),
        *((3, "error"), (4, "warning"), (None, "error"), ("strange", "error"), ("", "error")),
    ],
)
def test_levels(level: Any, name: str) -> None:
    """2.15 Names in any case and loggers' numbers become one of five levels."""
    assert novel(an_event(level=level)).row.level == name


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T12:00:00Z",
        "2026-11-24T13:00:00+01:00",
        "2026-11-24 12:00:00",
        "2026-11-24 12:00:00,000",
        AT_MS / 1000,
        AT_MS,
        AT_MS * 1000,
        str(AT_MS // 1000),
        str(AT_MS * 1_000_000),
        "2026-11-24T12:00:00.000000001Z",
        "2026-11-24 12:00:00 UTC",
        "2026/11/24 12:00:00",
        "Tue Nov 24 2026 13:00:00 GMT+0100 (Central European Standard Time)",
        "Tue, 24 Nov 2026 12:00:00 GMT",
        "Tue Nov 24 12:00:00 2026",
        "24/Nov/2026:12:00:00 +0000",
    ],
)
def test_times(time: Any) -> None:
    """RFC 3339, its cousins, and seconds to nanoseconds since the epoch are one time."""
    assert novel(an_event(timestamp=time), timestamp_ms=AT_MS + 7).row.ts == AT


@pytest.mark.parametrize(
    "time", ["yesterday", "", None, [], -5, "9" * 500, 1e308, True, "nan", "1e400"]
)
def test_a_time_that_is_none_is_the_brokers(time: Any) -> None:
    """An event with an unreadable time counts at the broker's time."""
    assert novel(an_event(timestamp=time)).row.ts == AT


def test_hand_written_context() -> None:
    """2.15 ``context`` holds what stands at the top elsewhere; unknown fields are kept."""
    row = novel(
        an_event(
            context={
                "user": {"id": "u1"},
                "request": {"method": "GET", "url": "http://x/y"},
                "environment": "staging",
                "release": "1.2",
                "tags": {"a": "b"},
            },
            colour="red",
        )
    ).row

    assert (row.user_id, row.http_method, row.url) == ("u1", "GET", "http://x/y")
    assert (row.environment, row.release, row.tags) == ("staging", "1.2", {"a": "b"})
    assert orjson.loads(row.contexts)["colour"] == "red"


HUGE = (1e308, -1e308, 1e20, 2**63, 1e12, -1)


@pytest.mark.parametrize("huge", HUGE)
@pytest.mark.parametrize(
    "fields",
    [
        *(
            {"kind": "request", "status": 200, "duration_ms": 1} | {name: ...}
            for name in ("sample_weight", "status", "duration_ms", "timestamp")
        ),
        *({"kind": "session", "started": 1, name: ...} for name in ("started", "crashed")),
        *(
            {"kind": "resource", "host": "a", "cpu_percent": 1, name: ...}
            for name in ("cpu_percent", "memory_percent", "disk_free_percent", "memory_rss")
        ),
        *({"message": "x", name: ...} for name in ("sample_weight", "timestamp", "level")),
        {"message": "x", "contexts": {"response": {"status_code": ...}}},
    ],
)
def test_no_number_stops_a_worker(fields: dict[str, Any], huge: float) -> None:
    """R8 Whatever number one event claims, the sums of its batch can be written."""
    stage = a_stage()
    raw = orjson.dumps({"service": "shop", **fields}, default=lambda _: huge)
    said = fed(stage, raw)

    assert said in ([], ["wrong_type"], ["no_content"]) or "message" in fields
    for row in (row for frame in ticked(stage)[0] for row in frame.rows):
        numbers = [value for value in msgspec.structs.astuple(row) if isinstance(value, int)]
        assert all(0 <= value < 2**63 for value in numbers)


def test_a_weight_is_at_least_one() -> None:
    """2.19 The weight of a sampled event is kept between one and a million."""
    weights = {1: 1, 20: 20, 0: 1, -3: 1, 1e9: 1e6, "7": 1, None: 1}

    found = {given: novel(an_event(sample_weight=given)).row.sample_weight for given in weights}
    assert found == weights
