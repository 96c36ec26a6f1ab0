"""No secret leaves the stage, and what was taken out parts no groups and no users."""

import orjson
import pytest

from pipeline.frames.users import user_hash
from tests.build import AT
from tests.process.build import (
    a_stage,
    an_event,
    decided,
    fed,
    novel,
)
from tests.scrub.corpus import CANARY


@pytest.mark.parametrize("known", [False, True])
def test_no_secret_leaves_the_stage(known: bool) -> None:  # noqa: FBT001  both ways out
    """2.20 A canary in any position is in no message that leaves: no row, key, title, frame."""
    text = f"login password={CANARY} failed"
    frame = {"function": "f", "filename": "a.py", "vars": {"token": CANARY}}
    event = an_event(
        message=text,
        exception={
            "values": [
                {"type": "OSError", "value": text},
                {"type": "E", "value": text, "stacktrace": {"frames": [frame]}},
            ]
        },
        user={"id": f"{CANARY}@example.org", "token": CANARY},
        request={"headers": {"Cookie": CANARY}, "url": f"https://u:{CANARY}@x.io/"},
        tags={"password": CANARY},
        breadcrumbs=[{"data": {"secret": CANARY}}],
        extra={"a": orjson.dumps({"api_key": CANARY}).decode()},
        fingerprint=["{{ default }}", f"pwd={CANARY}"],
        transaction=f"token={CANARY}",
    )
    stage = a_stage()
    if known:
        for record in decided(novel(event)):
            stage.recall(record)
    said = fed(stage, event)
    frames = list(stage.tick(AT, ()))

    assert len(said) == 1
    assert all(CANARY not in repr(message) for message in (*said, *frames))


def test_users_are_told_apart_without_their_addresses() -> None:
    """A user id that is a mail address is counted by its hash, and stored as the hash."""
    found = novel(an_event(user={"id": "joan@example.org"}))

    assert found.user_hash == user_hash("joan@example.org")
    assert found.row.user_id == f"hash:{user_hash('joan@example.org'):016x}"


def test_scrubbing_does_not_part_groups() -> None:
    """An address that was scrubbed and one that was not are one group."""
    one = novel(an_event(message="mail to bob@x.io from 203.0.113.9 bounced"))
    other = novel(an_event(message="mail to a.b@c.d from 127.0.0.1 bounced"))

    assert one.row.message == "mail to [email] from [ip] bounced"
    assert one.row.fingerprint == other.row.fingerprint
