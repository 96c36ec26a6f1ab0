"""Requests for the gateway's tests, and the captured requests of real clients."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import orjson

from pipeline.gateway.exchange import Answer, HttpRequest
from pipeline.gateway.settings import GatewaySettings
from pipeline.gateway.stage import GatewayStage
from pipeline.model.stage import Sent
from tests.build import AT

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
OTHER_KEY = "0f" * 16
EVENT_ID = "9a024377723e483bbe567652f9ea22d3"
CAPTURES = Path(__file__).parents[1] / "contract" / "captures"


class Expected(msgspec.Struct, frozen=True):
    """What a captured request must become."""

    events: int
    items: dict[str, int] = {}
    event_id: str | None = None
    main: list[list[str | None]] = []
    discarded: list[dict[str, Any]] = []


class Capture(msgspec.Struct, frozen=True):
    """One captured request."""

    name: str
    path: str
    kind: str
    expected: Expected
    chunked: bool = False

    @property
    def body(self) -> bytes:
        """The body as it was sent."""
        return (CAPTURES / f"{self.name}.body").read_bytes()

    @property
    def encoding(self) -> str:
        """The encoding of the body."""
        return self.request(b"").header("content-encoding")

    @property
    def sent(self) -> dict[str, Any]:
        """Method, path with query, and headers."""
        found: dict[str, Any] = orjson.loads((CAPTURES / f"{self.name}.json").read_bytes())
        return found

    def request(self, body: bytes | None = None) -> HttpRequest:
        """Return the request as the shell hands it to the stage."""
        path, _, query = self.sent["path"].partition("?")
        return HttpRequest(
            method=self.sent["method"],
            path=path,
            query=tuple(parse_qsl(query)),
            headers=tuple((name.lower(), value) for name, value in self.sent["headers"]),
            body=self.body if body is None else body,
            seed=self.name.encode(),
        )


# The index holds a lone surrogate, as a client sent it: the standard library reads it.
ALL = msgspec.convert(json.loads((CAPTURES / "INDEX.json").read_bytes()), list[Capture])
ENVELOPES = [capture for capture in ALL if capture.kind == "sentry-envelope"]


def a_stage(**settings: Any) -> GatewayStage:
    """Return a stage that knows two keys."""
    keys = {KEY: "shop", OTHER_KEY: "other"}
    return GatewayStage(settings=GatewaySettings(keys=keys, **settings))


def a_request(
    body: bytes | str | dict[str, Any] | list[Any] = b"",
    *,
    path: str = "/ingest/json",
    method: str = "POST",
    key: str | None = KEY,
    seed: bytes = b"seed",
    client: str = "192.0.2.7",
    query: tuple[tuple[str, str], ...] = (),
    **headers: str,
) -> HttpRequest:
    """Return a request; a dict or list becomes JSON, keywords become headers."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = orjson.dumps(body)
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if key is not None:
        pairs.append(("authorization", f"Bearer {key}"))
    return HttpRequest(
        method=method,
        path=path,
        query=query,
        headers=tuple(pairs),
        body=body,
        client=client,
        seed=seed,
    )


def an_envelope(*items: tuple[str, Any], **header: Any) -> bytes:
    """Return an envelope of (type, payload) items, framed by their length."""
    lines = [orjson.dumps(header)]
    for kind, payload in items:
        body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        lines += [orjson.dumps({"type": kind, "length": len(body)}), body]
    return b"\n".join(lines)


def post_json(body: Any, **settings: Any) -> Answer:
    """Return the answer to a JSON request."""
    return a_stage(**settings).handle(a_request(body), AT)


def post_envelope(*items: tuple[str, Any], **header: Any) -> Answer:
    """Return the answer to an envelope."""
    body = an_envelope(*items, **header)
    return a_stage().handle(a_request(body, path="/api/42/envelope/"), AT)


def values(answer: Answer, topic: str = "events.raw") -> list[dict[str, Any]]:
    """Return the decoded values for a topic."""
    return [orjson.loads(message.value or b"") for message in sent(answer, topic)]


def sent(answer: Answer, topic: str = "events.raw") -> list[Sent]:
    """Return the messages for a topic."""
    return [message for message in answer.messages if message.topic == topic]


def reply_json(answer: Answer) -> Any:
    """Return the decoded body of the reply."""
    return orjson.loads(answer.reply.body)
