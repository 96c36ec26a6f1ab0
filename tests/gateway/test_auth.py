"""Who may send."""

import gzip

import pytest

from pipeline.gateway.auth import key_of_dsn, project_of
from pipeline.gateway.exchange import Answer, HttpRequest, Refused
from tests.build import AT
from tests.gateway.build import KEY, OTHER_KEY, a_request, a_stage, an_envelope, reply_json, values

SENTRY = f"Sentry sentry_key={KEY}, sentry_version=7, sentry_client=raven/6.10, sentry_secret=x"
DSN = f"https://{KEY}@errors.example.com/42"
EVENT = ("event", {"message": "boom"})


def envelope(*pairs: tuple[str, str], dsn: str | None = None, **more: str) -> Answer:
    """Return the answer to an envelope with these headers and nothing else to tell its key."""
    body = an_envelope(EVENT, dsn=dsn)
    query = tuple(more.items())
    request = HttpRequest(
        method="POST", path="/api/42/envelope/", query=query, headers=pairs, body=body, seed=b"s"
    )
    return a_stage().handle(request, AT)


WAYS: list[tuple[tuple[tuple[str, str], ...], str | None, dict[str, str]]] = [
    ((("x-sentry-auth", SENTRY),), None, {}),
    ((("x-sentry-auth", f"sentry sentry_key={KEY}"),), None, {}),
    ((("authorization", SENTRY),), None, {}),
    ((("authorization", f"Bearer {KEY}"),), None, {}),
    ((("authorization", f"bearer  {KEY} "),), None, {}),
    ((("x-api-key", KEY),), None, {}),
    ((), DSN, {}),
    ((), f"http://{KEY}:secret@127.0.0.1:8600/1", {}),
    ((), None, {"sentry_key": KEY, "sentry_version": "6"}),
    ((("x-api-key", KEY), ("authorization", SENTRY)), DSN, {"sentry_key": KEY}),
    ((("x-api-key", KEY), ("authorization", "Basic dTpw")), None, {}),
]


@pytest.mark.parametrize(("pairs", "dsn", "query"), WAYS)
def test_ways(pairs: tuple[tuple[str, str], ...], dsn: str | None, query: dict[str, str]) -> None:
    """Any one way of presenting the key is enough, and several that agree are."""
    answer = envelope(*pairs, dsn=dsn, **query)

    assert answer.reply.status == 200
    assert values(answer)[0]["project"] == "shop"


REFUSED: list[tuple[tuple[tuple[str, str], ...], str | None, dict[str, str], str]] = [
    ((), None, {}, "no ingestion key"),
    ((("authorization", "Basic dTpw"),), None, {}, "no ingestion key"),
    ((("x-api-key", "wrong"),), None, {}, "unknown ingestion key"),
    ((("x-api-key", "schlüssel"),), None, {}, "unknown ingestion key"),
    ((("x-api-key", ""),), None, {}, "unknown ingestion key"),
    ((("x-api-key", KEY),), None, {"sentry_key": OTHER_KEY}, "disagree"),
    ((("x-api-key", KEY),), DSN.replace(KEY, OTHER_KEY), {}, "disagree"),
    ((("x-api-key", KEY), ("x-api-key", OTHER_KEY)), None, {}, "disagree"),
    ((), "not a dsn", {}, "no ingestion key"),
]


@pytest.mark.parametrize(("pairs", "dsn", "query", "reason"), REFUSED)
def test_refused(
    pairs: tuple[tuple[str, str], ...], dsn: str | None, query: dict[str, str], reason: str
) -> None:
    """No key, a wrong key and keys that disagree are 403 with the reason, and leave nothing."""
    answer = envelope(*pairs, dsn=dsn, **query)

    assert answer.reply.status == 403
    assert reason in reply_json(answer)["detail"]
    assert answer.messages == []


@pytest.mark.parametrize("path", ["/ingest/json", "/api/42/store/", "/tunnel"])
def test_every_endpoint_asks(path: str) -> None:
    """No endpoint takes anything without a key."""
    body = an_envelope(EVENT) if path == "/tunnel" else b'{"message":"boom"}'
    answer = a_stage().handle(a_request(body, path=path, key=None), AT)

    assert answer.reply.status == 403
    assert answer.messages == []


def test_wrong_key_outside_is_seen_before_the_body() -> None:
    """A wrong key in a header is refused before the body is unpacked."""
    request = a_request(b"\x00", path="/api/1/envelope", key="wrong", content_encoding="gzip")

    assert a_stage().handle(request, AT).reply.status == 403


def test_tunnelled_key_is_seen_before_the_body() -> None:
    """A tunnelled envelope with a wrong key is refused before what follows is unpacked."""
    body = gzip.compress(an_envelope(EVENT, dsn=DSN.replace(KEY, "wrong")) + bytes(2**20))[:-9]
    request = a_request(body, path="/tunnel", key=None, content_encoding="gzip")

    assert a_stage().handle(request, AT).reply.status == 403


@pytest.mark.parametrize("dsn", [None, 17, "", "https://host/42", "nonsense@", {"key": KEY}])
def test_dsn_without_key(dsn: object) -> None:
    """What is no DSN presents no key."""
    assert set(key_of_dsn(dsn)) <= {""}


def test_no_keys_at_all() -> None:
    """A gateway without keys takes nothing."""
    with pytest.raises(Refused) as caught:
        project_of({}, [KEY])

    assert caught.value.status == 403
