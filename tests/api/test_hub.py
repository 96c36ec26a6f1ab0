"""The live stream's hub."""

import asyncio
from collections.abc import AsyncIterator

from pipeline.api.hub import QUEUE, RETRY, RING, Hub, frame


async def _take(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
    """Return the next chunks of a stream."""
    return [await anext(stream) for _ in range(count)]


def test_every_viewer_sees_every_event() -> None:
    """8.11 Two viewers get the same bytes in the same order."""

    async def run() -> list[list[bytes]]:
        """Play it on one event loop."""
        hub = Hub()
        first, second = hub.stream(), hub.stream()
        await _take(first, 1)
        await _take(second, 1)
        hub.publish("occurrence", "events.grouped:0:7", b'{"n":1}')
        hub.publish("alert", "alerts:0:2", b'{"n":2}')

        return [await _take(first, 2), await _take(second, 2)]

    expected = [
        frame("occurrence", "events.grouped:0:7", b'{"n":1}'),
        frame("alert", "alerts:0:2", b'{"n":2}'),
    ]

    assert asyncio.run(run()) == [expected, expected]


def test_a_viewer_that_comes_back_misses_nothing() -> None:
    """8.11 Last-Event-ID replays what the ring holds after it."""

    async def run() -> list[bytes]:
        """Play it on one event loop."""
        hub = Hub()
        for number in range(5):
            hub.publish("occurrence", f"events.grouped:0:{number}", b"{}")

        return await _take(hub.stream("events.grouped:0:2"), 3)

    frames = [frame("occurrence", f"events.grouped:0:{n}", b"{}") for n in (3, 4)]

    assert asyncio.run(run()) == [RETRY, *frames]


def test_an_id_that_fell_out_of_the_ring_is_a_gap() -> None:
    """8.11 A viewer that was away too long is told to load its list anew."""

    async def run() -> list[bytes]:
        """Play it on one event loop."""
        hub = Hub()
        for number in range(RING + 1):
            hub.publish("occurrence", f"events.grouped:0:{number}", b"{}")

        return await _take(hub.stream("events.grouped:0:0"), 2)

    assert asyncio.run(run())[1].startswith(b"event: gap\n")


def test_a_slow_viewer_loses_its_own_oldest_and_is_told() -> None:
    """8.11 A slow viewer slows nobody: its queue is bounded and the loss is counted."""

    async def run() -> list[bytes]:
        """Play it on one event loop."""
        hub = Hub()
        slow = hub.stream()
        await _take(slow, 1)
        for number in range(QUEUE + 3):
            hub.publish("occurrence", f"events.grouped:0:{number}", b"{}")

        return await _take(slow, 2)

    told, first = asyncio.run(run())

    assert told == b'event: dropped\ndata: {"dropped":3}\n\n'
    assert first == frame("occurrence", "events.grouped:0:3", b"{}")


def test_closing_ends_every_stream() -> None:
    """8.11 The server can stop with open streams."""

    async def run() -> tuple[list[bytes], int]:
        """Play it on one event loop."""
        hub = Hub()
        stream = hub.stream()
        await _take(stream, 1)
        hub.close()

        return [chunk async for chunk in stream], hub.viewers

    assert asyncio.run(run()) == ([], 0)
