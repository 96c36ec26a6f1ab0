"""The live stream's hub: one producer of records, many viewers that may be slow.

Each record is framed as bytes once. The newest are kept in a ring, so that a viewer that comes back
with ``Last-Event-ID`` misses none of them; a slow viewer loses its own oldest and is told how many.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

RING = 500
QUEUE = 100
KEEPALIVE_S = 15.0
RETRY = b"retry: 2000\n\n"
KEEPALIVE = b": keep-alive\n\n"


def frame(event: str, event_id: str, data: bytes) -> bytes:
    """Return one server-sent event; ``data`` is JSON on a single line."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (event.encode(), event_id.encode(), data)


class _Viewer:
    """One open stream: a bounded queue and how many it lost."""

    def __init__(self) -> None:
        self.queue: deque[bytes] = deque(maxlen=QUEUE)
        self.arrived = asyncio.Event()
        self.dropped = 0

    def put(self, chunk: bytes) -> None:
        """Add a chunk; the oldest goes if the viewer does not keep up."""
        self.dropped += len(self.queue) == QUEUE
        self.queue.append(chunk)
        self.arrived.set()


class Hub:
    """Takes framed events on the event loop's thread and hands them to every viewer."""

    def __init__(self) -> None:
        self._ring: deque[tuple[str, bytes]] = deque(maxlen=RING)
        self._viewers: set[_Viewer] = set()
        self._closed = False

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return len(self._viewers)

    def publish(self, event: str, event_id: str, data: bytes) -> None:
        """Send one event to all viewers."""
        chunk = frame(event, event_id, data)
        self._ring.append((event_id, chunk))
        for viewer in self._viewers:
            viewer.put(chunk)

    def close(self) -> None:
        """End every stream, so that the server can stop at once."""
        self._closed = True
        for viewer in self._viewers:
            viewer.arrived.set()

    def _missed(self, last_id: str) -> list[bytes]:
        """Return what came after this id; a ``gap`` if the ring does not hold it."""
        ids = [event_id for event_id, _ in self._ring]
        if last_id not in ids:
            return [frame("gap", last_id, b"{}")]
        return [chunk for _, chunk in list(self._ring)[ids.index(last_id) + 1 :]]

    async def stream(self, last_id: str | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of one viewer's stream until the hub closes or the viewer goes."""
        viewer = _Viewer()
        missed = self._missed(last_id) if last_id else []
        self._viewers.add(viewer)
        try:
            yield RETRY
            for chunk in missed:
                yield chunk
            while not self._closed:
                if viewer.dropped:
                    yield b'event: dropped\ndata: {"dropped":%d}\n\n' % viewer.dropped
                    viewer.dropped = 0
                while viewer.queue:
                    yield viewer.queue.popleft()
                viewer.arrived.clear()
                try:
                    await asyncio.wait_for(viewer.arrived.wait(), KEEPALIVE_S)
                except TimeoutError:
                    yield KEEPALIVE
        finally:
            self._viewers.discard(viewer)
