"""The live stream end to end: from a source, over a real socket, to a viewer; and a clean end."""

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from queue import Empty, Queue
from typing import NamedTuple

import httpx
import pytest
import uvicorn

from pipeline.api.app import create_app
from pipeline.api.hub import RING, Hub, frame
from pipeline.api.server import Follower, Server, live
from pipeline.io.broker import Away
from pipeline.local.ports import free_port
from pipeline.model.stage import Record
from pipeline.store.clickhouse import Client
from pipeline.store.settings import ClickHouseSettings
from tests.build import a_record

STOP_S = 1.0
PATIENCE_S = 10.0


class QueueSource:
    """A source in memory; an exception in it is raised."""

    def __init__(self) -> None:
        self.queue: Queue[Record | Away] = Queue()
        self.closed = False

    def poll(self, timeout_s: float) -> list[Record]:
        """Return the next record, if one comes."""
        try:
            found = self.queue.get(timeout=timeout_s)
        except Empty:
            return []
        if isinstance(found, Away):
            raise found
        return [found]

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class Serving(NamedTuple):
    """A server that serves: where, from what, and how it is stopped."""

    url: str
    source: QueueSource
    hub: Hub
    server: Server


def serving(play: Callable[[Serving], Awaitable[None]]) -> float:
    """Serve on a real socket while ``play`` runs; return how long the end took."""

    async def run() -> float:
        """Serve, play, stop as a signal does."""
        hub, source = Hub(), QueueSource()
        store = Client(ClickHouseSettings(url=f"http://127.0.0.1:{free_port()}"))
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(store, hub), log_config=None, lifespan="off")
        server = Server(config, hub)
        follower = Follower(source, hub, asyncio.get_running_loop())
        task = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            await _until(lambda: server.started)
            await play(Serving(url, source, hub, server))
        finally:
            began = time.monotonic()
            assert signal.getsignal(signal.SIGTERM) == server.handle_exit
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(task, PATIENCE_S)
            took = time.monotonic() - began
            await asyncio.to_thread(follower.close)
        assert source.closed
        return took

    return asyncio.run(run())


async def _until(done: Callable[[], bool]) -> None:
    """Let the loop turn until it is done."""
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110  what it waits for is no event of this loop's
            await asyncio.sleep(0.01)


async def _read(response: httpx.Response, size: int) -> bytes:
    """Return what a stream brings until it is so long."""
    found = b""
    async with asyncio.timeout(PATIENCE_S):
        async for chunk in response.aiter_raw():
            found += chunk
            if len(found) >= size:
                break
    return found


def _event(offset: int, value: bytes = b'{"n":1}') -> Record:
    """Return a grouped event."""
    return a_record(value, topic="events.grouped", partition=2, offset=offset)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (_event(7), ("occurrence", "events.grouped:2:7", b'{"n":1}')),
        (a_record(b"{}", topic="alerts", offset=3), ("alert", "alerts:0:3", b"{}")),
        (a_record(None, topic="alerts", offset=4), None),
        (_event(8, b'{\n "n": 1\n}\n'), ("occurrence", "events.grouped:2:8", b'{"n":1}')),
        (_event(9, b'{\r"n": 1}'), ("occurrence", "events.grouped:2:9", b'{"n":1}')),
        (_event(10, b"{\nbroken"), None),
        (_event(11, b"id: x\n\ndata: y"), None),
        (_event(12, b"\xff\n"), None),
    ],
)
def test_a_record_becomes_one_line(record: Record, expected: tuple[str, str, bytes] | None) -> None:
    """8.11 Whatever bytes a record holds, they cannot break the framing or end the follower."""
    assert live(record) == expected


@pytest.mark.parametrize("path", ["/api/v1/stream", "/api/errors/stream"])
def test_a_record_reaches_a_viewer(path: str) -> None:
    """8.11 An event is shown less than 2 s after it was read, on both paths."""
    frames = b"retry: 2000\n\n" + frame("occurrence", "events.grouped:2:7", b'{"n":1}')

    async def play(serving: Serving) -> None:
        """Open a stream, then let a record arrive."""
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S) as http,
            http.stream("GET", serving.url + path) as response,
        ):
            assert response.headers["content-type"].startswith("text/event-stream")
            assert response.headers["cache-control"] == "no-cache"
            await _until(lambda: serving.hub.viewers == 1)
            began = time.monotonic()
            serving.source.queue.put(_event(7))
            assert await _read(response, len(frames)) == frames
            assert time.monotonic() - began < 2

    serving(play)


def test_a_broken_record_and_a_broker_that_is_away_end_nothing() -> None:
    """8.11 The follower goes on behind a record it cannot show and after an outage."""
    frames = b"retry: 2000\n\n" + frame("occurrence", "events.grouped:2:9", b'{"n":1}')

    async def play(serving: Serving) -> None:
        """Let bad things arrive before a good one."""
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S) as http,
            http.stream("GET", f"{serving.url}/api/v1/stream") as response,
        ):
            await _until(lambda: serving.hub.viewers == 1)
            for each in (Away("no broker"), _event(8, b"{\nbroken"), _event(9)):
                serving.source.queue.put(each)
            assert await _read(response, len(frames)) == frames

    serving(play)


def test_a_viewer_that_comes_back_gets_what_it_missed() -> None:
    """8.11 ``Last-Event-ID`` goes through HTTP to the ring."""
    missed = b"".join(frame("occurrence", f"events.grouped:2:{n}", b'{"n":1}') for n in (1, 2))

    async def play(serving: Serving) -> None:
        """Publish before anybody looks, then come back."""
        for n in range(3):
            serving.hub.publish("occurrence", f"events.grouped:2:{n}", b'{"n":1}')
        headers = {"Last-Event-ID": "events.grouped:2:0"}
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S) as http,
            http.stream("GET", f"{serving.url}/api/v1/stream", headers=headers) as response,
        ):
            frames = b"retry: 2000\n\n" + missed
            assert await _read(response, len(frames)) == frames

    serving(play)


def test_a_viewer_that_goes_is_forgotten() -> None:
    """8.11 A closed connection leaves no viewer behind."""

    async def play(serving: Serving) -> None:
        """Come and go."""
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S) as http,
            http.stream("GET", f"{serving.url}/api/v1/stream"),
        ):
            await _until(lambda: serving.hub.viewers == 1)
        serving.hub.publish("alert", "alerts:0:1", b"{}")
        await _until(lambda: serving.hub.viewers == 0)

    serving(play)


@pytest.mark.parametrize("records", [0, RING])
def test_the_server_ends_at_once_with_open_streams(records: int) -> None:
    """8.11 Two open streams, full or idle, do not hold up the end of the server."""
    ended: list[bytes] = []

    async def watch(url: str) -> None:
        """Read a stream to its end."""
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S) as http,
            http.stream("GET", f"{url}/api/v1/stream") as response,
        ):
            ended.append(b"".join([chunk async for chunk in response.aiter_raw()]))

    viewers: list[asyncio.Task[None]] = []

    async def play(serving: Serving) -> None:
        """Leave two streams open."""
        viewers.extend(asyncio.create_task(watch(serving.url)) for _ in range(2))
        await _until(lambda: serving.hub.viewers == 2)
        for n in range(records):
            serving.hub.publish("alert", f"alerts:0:{n}", b"{}")

    assert serving(play) < STOP_S
