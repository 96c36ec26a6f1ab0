"""What is cut first when an event is too big."""

from typing import Any

import orjson

from pipeline.gateway.limits import fit
from tests.build import AT
from tests.gateway.build import (
    a_request,
    a_stage,
    post_envelope,
    post_json,
    reply_json,
    sent,
    values,
)

LIMIT = 20_000
ORDER = ["frames.vars", "frames.context", "modules", "breadcrumbs", "frames", "extra", "texts"]


def a_big_event(size: int) -> dict[str, Any]:
    """Return an event in which everything that may be cut takes about ``size`` bytes."""
    frame = {
        "function": "charge",
        "filename": "pay.py",
        "vars": {"cart": "v" * (size // 60)},
        "pre_context": ["p" * (size // 120)],
        "post_context": ["p" * (size // 120)],
    }
    return {
        "message": "m" * size,
        "exception": {"values": [{"type": "E", "stacktrace": {"frames": [dict(frame)] * 60}}]},
        "modules": {"numpy": "1" * size},
        "breadcrumbs": {"values": [{"message": "b" * (size // 100)}] * 100},
        "extra": {"blob": "x" * size},
        "source": {"format": "sentry"},
    }


def copied(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event that shares nothing with this one."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(event))
    return found


def test_order() -> None:
    """Cuts come in the fixed order, no more than needed, and the event says which."""
    counts = []
    for limit in range(150_000, 20_000, -500):
        event = copied(a_big_event(LIMIT))
        body = fit(event, limit)
        dropped = event["source"].get("dropped", [])

        assert len(body) <= limit
        assert dropped == ORDER[: len(dropped)]
        counts.append(len(dropped))
    assert sorted(set(counts)) == list(range(len(ORDER) + 1))
    assert counts == sorted(counts)


def test_small_events_stay() -> None:
    """An event within the limit is not touched."""
    event = a_big_event(100)

    assert orjson.loads(fit(copied(event), 10**6)) == event


def test_what_is_kept() -> None:
    """The last 20 breadcrumbs and 25 frames at each end remain."""
    frames = [{"function": f"f{n}"} for n in range(300)]
    crumbs = [{"message": f"c{n}"} for n in range(300)]
    event: dict[str, Any] = {
        "stacktrace": {"frames": frames},
        "breadcrumbs": crumbs,
        "source": {},
    }
    fit(event, 2500)
    kept = [frame["function"] for frame in event["stacktrace"]["frames"]]

    assert kept == [f"f{n}" for n in (*range(25), *range(275, 300))]
    assert [crumb["message"] for crumb in event["breadcrumbs"]] == [
        f"c{n}" for n in range(280, 300)
    ]


def test_trimmed_event_arrives() -> None:
    """A Sentry event of several MiB is accepted after trimming, under its own id."""
    event = {**a_big_event(2**21), "event_id": "ab" * 16}
    answer = post_envelope(("event", event))

    assert answer.reply.status == 200
    assert [message.key for message in sent(answer)] == [b"ab" * 16]
    assert len(sent(answer)[0].value or b"") <= 2**20
    assert values(answer)[0]["source"]["dropped"] == ORDER


def test_too_big_in_the_end() -> None:
    """An event that cannot be cut enough is 413 and kept, cut, as a dead letter."""
    answer = post_envelope(
        ("event", {"message": "m", "tags": {f"k{n}": "v" for n in range(10**5)}})
    )

    assert answer.reply.status == 413
    assert sent(answer) == []
    assert len(sent(answer, "dead-letters")[0].value or b"") == 2**20


def test_one_too_big_of_three() -> None:
    """A JSON record that is too big costs its neighbours nothing."""
    big = {"message": "m", "tags": {f"k{n}": "v" for n in range(10**5)}}
    answer = post_json([{"message": "a"}, big, {"message": "b"}])

    assert answer.reply.status == 200
    assert reply_json(answer)["accepted"] == 2
    assert reply_json(answer)["errors"][0]["index"] == 1


def test_deep_nesting_arrives() -> None:
    """An event nested deeper than JSON can be written is mended, not refused."""
    deep = b'{"message":"boom","extra":' + b"[" * 600 + b"]" * 600 + b"}"
    answer = a_stage().handle(a_request(deep), AT)

    assert answer.reply.status == 200
    assert values(answer)[0]["message"] == "boom"
