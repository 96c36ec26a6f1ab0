"""Hostile input: linear time and bounded depth; ``tests.bench.process`` tells the milliseconds."""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import pytest

from pipeline.process import stacks
from pipeline.process.normalise import template, tokens
from pipeline.scrub.gate import plan_of
from pipeline.scrub.walk import Scrubber, scrub
from tests.process.build import a_stage, an_event, fed

# Pieces that made backtracking matchers of others stand still, and what our own patterns look for.
PIECES = (
    *("at a(", "at ", " ", "at a (", "(", ")", "a", "a.", "a:", ":", "::", "/", "a/", "../", "\\"),
    *('File "', '", line ', 'File "a", line 1, in f\n', "\n", "\t", "| ", "goroutine ", ".go:1\n"),
    *("a@", "@", "a@a.", "://", "a://b@", "eyJ", "eyJa.", "-----BEGIN ", "<a", "e+", "Caused by:"),
    *("password=", "token:", "key: ", "pass\\", '"', '\\"', "'", "{", "[", "<", "<num>", "[ip]"),
    *("4", "4 ", "4-", "4111 ", "1.", "1.1.1.1.", "1:", "a1:", "DE89", "DE89 ", "A1A1 ", "0x", "0"),
    *("/home/", "/home/a", "Bearer ", "basic ", "ghp_", "xoxb-", "SG.", "?a/", "a?/", "%", "$$"),
    *("lambda$", "$$Lambda$", "é", "٣", "2024-05-01T", "10:11:12", "1,234", "$", "_$$_", "-"),
    "-----BEGIN PRIVATE KEY-----",
)
BYTES = 8192


def cpu_of(work: Callable[[], Any]) -> float:
    """Return the least CPU seconds of three tries."""
    found = []
    for _ in range(3):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def fed_afresh(raw: bytes) -> None:
    """Feed a fresh stage."""
    fed(a_stage(), raw)


def pumped(piece: str, size: int = BYTES) -> str:
    """Return a piece repeated up to a size."""
    return (piece * (size // len(piece) + 1))[:size]


@pytest.fixture(scope="module")
def unit() -> float:
    """Return how much slower than the reference this machine does a fixed piece of work."""
    text = "alpha beta gamma delta " * 400
    work = re.compile(r"\w+")

    def measured() -> None:
        """Do the work."""
        for _ in range(25):
            work.sub("x", text)
            json.loads(json.dumps({"a": text.split()}))

    return max(cpu_of(measured) / 0.06, 1.0)


@pytest.mark.parametrize("piece", PIECES)
def test_no_event_of_8_kb_is_slow(piece: str, unit: float) -> None:
    """S1 8 KB of any hostile piece, as message and as stack, cost milliseconds, not seconds."""
    text = pumped(piece)
    for event in (an_event(message=text), an_event(stacktrace=f"E: x\n{text}")):
        raw = orjson.dumps(event)

        assert cpu_of(partial(fed_afresh, raw)) < 0.02 * unit  # four times what the worst costs


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear(piece: str) -> None:
    """S1 Twice the length costs about twice the time, for parsers, masks and rules alike."""
    short, long = pumped(piece, 32_768), pumped(piece, 65_536)
    for work in (stacks.parse, tokens, template, scrub, gated):
        once, twice = cpu_of(partial(work, short)), cpu_of(partial(work, long))

        assert twice < 2.8 * once + 0.002, work.__name__


def gated(text: str) -> Any:
    """Scrub as process does."""
    event = {"message": text}
    return Scrubber(plan_of(orjson.dumps(event))).event(event)


@pytest.mark.parametrize("depth", [150, 900, 10_000, 100_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded(depth: int, pair: tuple[str, str]) -> None:
    """Deep nesting is cut or refused, and never a recursion error."""
    opened, closed = pair
    raw = b'{"service":"shop","message":"x","extra":%b1%b}'
    raw %= (opened.encode() * depth, closed.encode() * depth)
    (said,) = fed(a_stage(), raw)

    assert not isinstance(said, str) or said == "not_json"


def test_many_of_everything() -> None:
    """Thousands of exceptions, frames, tags and values cost no more than reading them."""
    frame = {"function": "f", "filename": "a.py"}
    event = an_event(
        exception={"values": [{"type": "E", "stacktrace": {"frames": [frame] * 300}}] * 60},
        tags={f"k{n}": n for n in range(5000)},
        extra={"x": list(range(20_000))},
        fingerprint=["{{ default }}", *map(str, range(5000))],
    )

    assert len(fed(a_stage(), event)) == 1


def test_a_mebibyte_of_message_is_cut_first() -> None:
    """The longest event that is read costs little: texts are cut before they are looked at."""
    event = an_event(message="at a(" * 200_000)

    assert cpu_of(lambda: fed(a_stage(), event)) < 0.25
