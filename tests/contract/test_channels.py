"""What every channel has to do, for each of the registry."""

import base64
import hashlib
import hmac
import pkgutil
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import pipeline.notify.channels
from pipeline.model.notification import Notification
from pipeline.notify.channel import Channel
from pipeline.notify.channels import CHANNELS, AnyChannel, ChannelFile
from pipeline.notify.exchange import HttpRequest, Mail, Reply
from pipeline.notify.outcome import Outcome
from tests.build import AT
from tests.notify.build import (
    SECRET,
    SETTINGS,
    a_channel,
    a_line,
    a_notification,
    a_resolve,
    success_of,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "notifications"
NAMES = sorted(SETTINGS)
HTTP = [name for name in NAMES if name != "email"]

STATUSES = {
    200: Outcome.SENT, 201: Outcome.SENT, 202: Outcome.SENT, 204: Outcome.SENT,
    301: Outcome.BROKEN, 302: Outcome.BROKEN, 307: Outcome.BROKEN,
    400: Outcome.REFUSED, 401: Outcome.BROKEN, 403: Outcome.BROKEN, 404: Outcome.BROKEN,
    408: Outcome.RETRY, 410: Outcome.BROKEN, 413: Outcome.REFUSED, 422: Outcome.REFUSED,
    425: Outcome.RETRY, 429: Outcome.RETRY,
    500: Outcome.RETRY, 502: Outcome.RETRY, 503: Outcome.RETRY, 504: Outcome.RETRY,
}  # fmt: skip
# What a channel takes for success is narrower than 2xx where its API says so.
DIFFERENT = {
    ("pagerduty", 200): Outcome.RETRY,
    ("pagerduty", 201): Outcome.RETRY,
    ("pagerduty", 204): Outcome.RETRY,
}


def text_of(request: HttpRequest | Mail) -> str:
    """Return everything that a request says."""
    if isinstance(request, Mail):
        return request.subject + request.text + request.html
    return request.body.decode()


def test_every_module_is_registered() -> None:
    """A file in the folder is a channel of the registry, and of the union."""
    modules = {m.name for m in pkgutil.iter_modules(pipeline.notify.channels.__path__)}

    assert modules == {c.__module__.rpartition(".")[2] for c in CHANNELS} == set(SETTINGS)
    assert set(get_args(get_args(AnyChannel)[0])) == set(CHANNELS)


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_one_meaning(name: str, status: int) -> None:
    """4.9 Each channel x each HTTP status: one table."""
    expected = DIFFERENT.get((name, status), STATUSES[status])

    assert a_channel(name).outcome(Reply(status=status, body=b"ok")) == expected


@pytest.mark.parametrize("name", NAMES)
def test_success_is_success(name: str) -> None:
    """A channel knows its own success, and takes silence for none."""
    channel = a_channel(name)

    assert channel.outcome(success_of(channel)) is Outcome.SENT
    assert channel.outcome(Reply()) is Outcome.RETRY


def test_slack_says_ok() -> None:
    """4.11 A 200 with another body has failed: it was not Slack that answered."""
    assert a_channel("slack").outcome(Reply(status=200, body=b"<html>")) is Outcome.RETRY


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("note", [a_notification(), a_resolve()], ids=["firing", "resolved"])
def test_rendered_notices(name: str, note: Notification) -> None:
    """4.8 What each channel sends is what the golden file holds."""
    request = a_channel(name).request(msgspec.structs.replace(note, channel=name), AT)
    shown = _shown(request)
    golden = GOLDEN / f"{name}-{note.status}.json"

    assert orjson.loads(golden.read_bytes()) == shown


def _shown(request: HttpRequest | Mail) -> dict[str, Any]:
    """Return a request as the golden files hold it."""
    if isinstance(request, Mail):
        shown: dict[str, Any] = orjson.loads(msgspec.json.encode(request))
        return shown
    body = orjson.loads(request.body)
    return {"url": request.url, "headers": dict(request.headers), "body": body}


@pytest.mark.parametrize("name", NAMES)
def test_a_notice_says_what_it_is_about(name: str) -> None:
    """4.8 Rule, severity, value, threshold, window's counts, service, environment, top issue."""
    text = text_of(a_channel(name).request(a_notification(), AT))
    facts = ["High Error Rate", "0.312", "0.05", "94", "301", "shop", "production"]
    facts += ["PaymentError: card declined", "tocsin.example.org/issues"]

    assert [fact for fact in facts if fact not in text] == []


HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(list("<>&|\r\n\0*_`@")),
    max_size=400,
)


@pytest.mark.parametrize("name", NAMES)
@given(title=HOSTILE, explanation=HOSTILE, many=st.integers(1, 40))
def test_no_text_breaks_a_request(name: str, title: str, explanation: str, many: int) -> None:
    """Whatever an error says, the request stays within the limits and readable."""
    line = a_line(title=title, explanation=explanation, rule=title[:50] or "x")
    note = a_notification(alerts=[line] * many, service=title, environment=explanation)
    request = a_channel(name).request(note, AT)
    if isinstance(request, Mail):
        assert "\n" not in request.subject
        assert "\r" not in request.subject
        assert len(request.subject) <= 200
    else:
        orjson.loads(request.body)
        assert len(request.body) < 512 * 1024


@given(HOSTILE)
def test_slack_calls_nobody(title: str) -> None:
    """4.11 No title makes a mention, a link or a channel call in Slack."""
    note = a_notification(alerts=[a_line(title=f"<!channel> <https://x|y> {title}")])
    body = orjson.loads(text_of(a_channel("slack").request(note, AT)))
    texts = [body["text"], *(str(value) for value in body["attachments"][0].values())]

    assert all("<" not in text and ">" not in text for text in texts)


@pytest.mark.parametrize(
    ("severity", "status", "colour"),
    [
        ("critical", "firing", "danger"),
        ("warning", "firing", "warning"),
        ("info", "firing", "good"),
        ("odd", "firing", "danger"),
        ("critical", "resolved", "good"),
    ],
)
def test_slack_colours(severity: str, status: str, colour: str) -> None:
    """4.11 The colour tells the severity; an unknown one is danger, a resolve good."""
    note = a_notification(severity=severity, status=status)
    body = orjson.loads(text_of(a_channel("slack").request(note, AT)))
    fields = {f["title"]: f["value"] for f in body["attachments"][0]["fields"]}

    assert body["attachments"][0]["color"] == colour
    assert fields["Severity"] == severity.upper()


@pytest.mark.parametrize("text", ["x" * 10_000, "<" * 2_000, "&" * 2_900])
def test_slack_limits(text: str) -> None:
    """4.11 A long text is cut to what Slack takes."""
    note = a_notification(alerts=[a_line(explanation=text)])
    body = orjson.loads(text_of(a_channel("slack").request(note, AT)))

    shown = body["attachments"][0]["text"]

    assert len(shown) <= 3000
    assert re.fullmatch(r"([^&<>]|&(amp|lt|gt);)*", shown)


def test_pagerduty_is_one_incident() -> None:
    """4.12 Trigger and resolve share the dedup_key of the episode."""
    channel = a_channel("pagerduty")
    trigger, again, resolve = (
        orjson.loads(text_of(channel.request(note, AT)))
        for note in (a_notification(1), a_notification(3, reason="repeat"), a_resolve(2))
    )

    assert [e["event_action"] for e in (trigger, again, resolve)] == [
        "trigger",
        "trigger",
        "resolve",
    ]
    assert trigger["dedup_key"] == again["dedup_key"] == resolve["dedup_key"]
    assert len(trigger["payload"]["summary"]) <= 1024


def test_the_webhook_is_signed() -> None:
    """4.14 The signature is Standard Webhooks'; two secrets give two while one is replaced."""
    newer = "whsec_" + base64.b64encode(b"n" * 32).decode()
    request = a_channel("webhook", secrets=[newer, SECRET]).request(a_notification(), AT)
    assert isinstance(request, HttpRequest)
    name, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signed = f"{name}.{at}.".encode() + request.body
    expected = [
        "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in (b"n" * 32, base64.b64decode(SECRET.removeprefix("whsec_")))
    ]

    assert request.headers["webhook-signature"].split(" ") == expected
    assert (name, at) == (a_notification().notification_id, str(int(AT.timestamp())))


def test_the_webhook_example_of_the_standard() -> None:
    """4.14 The published example of Standard Webhooks is signed the same."""
    from pipeline.notify.channels.webhook import signature

    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_shown(name: str) -> None:
    """Neither settings nor requests show a secret when they are printed."""
    channel: Channel = a_channel(name)
    request = channel.request(a_notification(), AT)
    shown = f"{channel!r} {channel} {request!r} {channel.target}"

    assert [s for s in ("services/T/B/secret", "r" * 32, SECRET) if s in shown] == []


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("slack", {"nope": 1}),
        ("webhook", {"url": "ftp://example.org"}),
        ("webhook", {"secrets": ["whsec_c2hvcnQ="]}),
        ("webhook", {"secrets": ["no-prefix"]}),
        ("email", {"to": []}),
        ("email", {"to": ["a@b\r\nBcc: c@d"]}),
        ("email", {"security": "maybe"}),
        ("pagerduty", {"timeout_s": 0}),
    ],
)
def test_bad_settings_are_refused(name: str, changes: dict[str, Any]) -> None:
    """4.1 Settings with which nothing could be delivered are refused at load."""
    with pytest.raises(ValidationError):
        a_channel(name, **changes)


def test_an_unknown_type_is_refused() -> None:
    """A channel of a type that there is none of is refused."""
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        ChannelFile.model_validate({"channels": {"x": {"type": "pigeon"}}})
