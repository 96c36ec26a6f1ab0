"""A process that counts increments on Faust, hardened or stock; run by the contract tests.

Its arguments are one JSON object. What it sees it prints, one JSON object a line.
"""

import asyncio
import json
import os
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
    """What a toy does; ``bad`` is the value it stumbles over, ``once`` only if this file is new."""

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


async def hardened(spec: Spec) -> None:
    """Run the worker that detect runs on."""
    worker = TableWorker(
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
    if spec.crash_after_s:
        loop = asyncio.get_running_loop()
        crash = RuntimeError("crashed, as planned")
        loop.call_later(spec.crash_after_s, lambda: asyncio.ensure_future(worker.app.crash(crash)))
    await worker.run(asyncio.Event())


async def stock(spec: Spec) -> None:
    """Run the same on Faust as it comes, with a table that it keeps by itself."""
    app = faust.App(**options(spec.app, "toy-0", spec.servers, {}))
    table = app.Table(TABLE, key_type=bytes, value_type=bytes)
    topic = app.topic(spec.topic, key_type=bytes, value_type=bytes)

    async def work(stream: Any) -> None:
        """Count one value after the other."""
        async for value in stream:
            number, _, name = value.decode().partition(" ")
            tell(number=int(number))
            if spec.bad == name and is_new(spec.once):
                raise RuntimeError("stumbled, as planned")
            table[name.encode()] = b"x" * 5000 if spec.large and is_new(spec.once) else value

    app.agent(topic, name="work")(work)
    app.finalize()
    await app.start()
    await asyncio.Event().wait()


def main() -> None:
    """Run what the argument says."""
    configure("info", terminal=False)
    spec = msgspec.json.decode(sys.argv[1], type=Spec)
    asyncio.run(hardened(spec) if spec.hardened else stock(spec))


if __name__ == "__main__":
    main()
