"""A process that counts increments on Faust, hardened or stock; run by the contract tests.

Its arguments are one JSON object. What it sees it prints, one JSON object a line.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

import faust
import msgspec

from pipeline.detect.stage import Step
from pipeline.io.faust.options import options
from pipeline.io.faust.worker import TableWorker, Work
from pipeline.io.log import configure
from pipeline.model.stage import Sent

TABLE = "tally"


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a toy does; ``bad`` is the value it stumbles over, ``once`` only if this file is new.

    ``pause_s`` is how long each record takes; ``take`` is how many records stock takes at a time.
    """

    servers: str
    app: str
    topic: str
    out: str
    hardened: bool = True
    bad: str = ""
    once: str = ""
    large: bool = False
    instance: int = 0
    crash_after_s: float = 0.0
    pause_s: float = 0.0
    take: int = 0


class Tally:
    """Counts the values of each partition; a row per value, and one for the partition's number."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._rows: dict[bytes, list[int]] = {}

    def load(self, rows: Iterable[tuple[bytes, bytes]], partitions: Iterable[int]) -> None:
        """Take the rows back."""
        self._rows = {key: json.loads(value) for key, value in rows}
        tell(loaded=len(self._rows), partitions=sorted(partitions))

    def forgive(self, partition: int) -> None:
        """Accept a gap."""
        tell(forgiven=partition)

    def feed(self, partition: int, value: bytes | None) -> Step:
        """Count one value: its number, a blank, its name."""
        number, _, name = (value or b"").decode().partition(" ")
        tell(number=int(number), partition=partition)
        if self._spec.bad == name and is_new(self._spec.once):
            raise RuntimeError("stumbled, as planned")
        key, clock = f"{partition} {name}".encode(), f"{partition}".encode()
        stamp, count = self._rows.get(key, [0, 0])
        if self._rows.get(clock, [0])[0] >= int(number):
            return Step()
        if stamp < int(number):
            self._rows[key] = [int(number), count + 1]
        self._rows[clock] = [int(number)]
        writes: dict[bytes, bytes | None] = {
            key: json.dumps(self._rows[key]).encode(),
            clock: json.dumps(self._rows[clock]).encode(),
        }
        if self._spec.large and is_new(self._spec.once):
            writes[b"0 large"] = b"x" * 5000
        answer = f"{number} {name} {self._rows[key][1]}".encode()
        return Step([Sent(self._spec.out, answer, None, partition)], writes)


def tell(**facts: Any) -> None:
    """Print facts as one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def is_new(path: str) -> bool:
    """Answer whether this happens for the first time."""
    if not path:
        return True
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


class SlowWorker(TableWorker):
    """A worker whose broker takes its time."""

    pause_s = 0.0

    async def _send(self, messages: list[Sent]) -> None:
        """Send messages, slowly."""
        await asyncio.sleep(self.pause_s)
        await super()._send(messages)


async def hardened(spec: Spec, stop: asyncio.Event) -> None:
    """Run the worker that detect runs on."""
    worker = SlowWorker(
        Work(
            name="toy",
            app=spec.app,
            topic=spec.topic,
            table=TABLE,
            make_stage=lambda: Tally(spec),
            home=lambda key: int(key.split()[0]),
        ),
        servers=spec.servers,
        instance=spec.instance,
    )
    worker.pause_s = spec.pause_s
    if spec.crash_after_s:
        loop = asyncio.get_running_loop()
        crash = RuntimeError("crashed, as planned")
        loop.call_later(spec.crash_after_s, lambda: asyncio.ensure_future(worker.app.crash(crash)))
    await worker.run(stop)


async def stock(spec: Spec, stop: asyncio.Event) -> None:
    """Run the same on Faust as it comes, with a table that it keeps by itself."""
    app = faust.App(**options(spec.app, "toy-0", spec.servers, {}))
    table = app.Table(TABLE, key_type=bytes, value_type=bytes)
    topic = app.topic(spec.topic, key_type=bytes, value_type=bytes)

    async def count(value: bytes) -> None:
        """Count one value."""
        number, _, name = value.decode().partition(" ")
        tell(number=int(number))
        await asyncio.sleep(spec.pause_s)
        if spec.bad == name and is_new(spec.once):
            raise RuntimeError("stumbled, as planned")
        if spec.take:  # no event is current then, and a table refuses
            tell(done=int(number))
            return
        count = int(table.get(name.encode(), b"0")) + 1
        large = spec.large and is_new(spec.once)
        table[name.encode()] = b"x" * 5000 if large else str(count).encode()
        tell(done=int(number), count=count)

    async def work(stream: Any) -> None:
        """Count one value after the other, or so many at a time."""
        if spec.take:
            async for values in stream.take(spec.take, within=1.0):
                for value in values:
                    await count(value)
        else:
            async for value in stream:
                await count(value)

    app.agent(topic, name="work")(work)
    app.finalize()
    await app.start()
    await stop.wait()
    await app.stop()


async def run(spec: Spec) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await (hardened if spec.hardened else stock)(spec, stop)


def main() -> None:
    """Run what the argument says."""
    configure("info", terminal=False)
    asyncio.run(run(msgspec.json.decode(sys.argv[1], type=Spec)))


if __name__ == "__main__":
    main()
