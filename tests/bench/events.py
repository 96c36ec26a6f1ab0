"""Realistic events for benchmarks and for ledgers: about 2 KB, half with stacks, 500 groups."""

import random
import uuid
from collections.abc import Iterator
from typing import Any

import orjson

SERVICES = tuple(f"service-{n:02d}" for n in range(20))
VERBS = (
    "read",
    "write",
    "charge",
    "reserve",
    "render",
    "index",
    "publish",
    "resize",
    "merge",
    "fetch",
)
NOUNS = ("cart", "invoice", "profile", "thumbnail", "route", "ledger", "session", "offer", "parcel")
TYPES = ("ValueError", "KeyError", "TimeoutError", "ConnectionError", "PermissionError")
PLACES = ("primary store", "replica store", "edge cache", "payment gateway", "search index")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari"


def _words(group: int) -> tuple[str, str, str]:
    """Return the constant words of a group's message."""
    owner = f"{'abcdefghijklmnopqrstuvwxyz'[group % 26]}{'xyz'[group % 3]}"
    return VERBS[group % 10], NOUNS[(group // 10) % 9], f"{PLACES[group % 5]} of service{owner}"


def _stack(group: int, draw: random.Random) -> str:
    """Return a Python stack of ten frames whose functions name the group."""
    verb, noun, _ = _words(group)
    folder = f"/srv/app/releases/{draw.randrange(9)}/shop"
    lines = ["Traceback (most recent call last):"]
    for depth in range(10):
        name = f"{verb}_{noun}_{group}_{depth}"
        lines += (
            f'  File "{folder}/{noun}{depth}.py", line {draw.randrange(900)}, in {name}',
            f"    return {name}(item, retry=True)",
        )
    return "\n".join(lines)


def event(number: int, seed: int, *, at: str | None = None) -> dict[str, Any]:
    """Return event ``number`` of a seeded sequence; equal arguments, equal event."""
    draw = random.Random(seed * 1_000_003 + number)
    group = int(draw.paretovariate(0.6)) % 500 if draw.random() < 0.5 else draw.randrange(500)
    verb, noun, place = _words(group)
    type_ = TYPES[group % 5]
    item, waited = draw.randrange(10**6), draw.randrange(9000)
    message = f"could not {verb} {noun} {item} in {place} after {waited} ms"
    exception = {"type": type_, "value": message}
    if group % 2:
        exception["stacktrace"] = f"{_stack(group, draw)}\n{type_}: {message}"
    body: dict[str, Any] = {
        "event_id": uuid.UUID(int=draw.getrandbits(128), version=4).hex,
        "service": SERVICES[group % 20],
        "environment": "production" if group % 3 else "staging",
        "level": "error",
        "release": f"2026.{draw.randrange(12)}.{draw.randrange(30)}",
        "exception": exception,
        "user": {"id": f"u-{draw.randrange(5000)}"},
        "tags": {
            "region": f"eu-{draw.randrange(4)}",
            "customer_tier": "gold",
            "shard": str(group % 7),
        },
        "request": {
            "method": "POST",
            "url": f"https://shop.example.com/{noun}/{draw.randrange(10**6)}?page=2",
            "headers": {"User-Agent": AGENT, "Accept": "application/json", "X-Trace": "on"},
        },
        "contexts": {
            "runtime": {"name": "CPython", "version": "3.11.7"},
            "os": {"name": "Linux", "version": "6.1.0"},
            "trace": {
                "trace_id": f"{draw.getrandbits(128):032x}",
                "span_id": f"{draw.getrandbits(64):016x}",
            },
        },
        "breadcrumbs": {
            "values": [
                {"category": "query", "message": f"SELECT {noun} WHERE id = ?", "level": "info"}
                for _ in range(5 if group % 2 else 9)
            ]
        },
    }
    if at is not None:
        body["timestamp"] = at
    return body


def events(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Yield (event id, JSON) of the first ``count`` events."""
    for number in range(count):
        body = event(number, seed)
        yield body["event_id"], orjson.dumps(body)


def size(count: int = 2000) -> float:
    """Return the mean size in bytes."""
    return sum(len(value) for _, value in events(count)) / count
