"""Every stage of the map on one broker: turned by hand, and killed at will."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from pipeline.config import Config
from pipeline.detect.logged import LoggedDetectStage
from pipeline.detect.settings import DetectSettings
from pipeline.detect.table import CHANGELOG
from pipeline.gateway.exchange import Answer, HttpRequest
from pipeline.gateway.settings import GatewaySettings
from pipeline.gateway.stage import GatewayStage
from pipeline.io.admin import Topic, read_topics
from pipeline.io.broker import Aborted, Broker, Committed
from pipeline.io.clock import ManualClock
from pipeline.io.deliver import ChannelWorker
from pipeline.io.loop import LoopSettings, Turn, Worker
from pipeline.io.memory import MemoryBroker, MemoryConsumer
from pipeline.io.memory_cluster import Fault
from pipeline.io.rulefile import load_channels
from pipeline.local.run import stage_maker
from pipeline.model.stage import Sent, Source
from pipeline.store.clickhouse import Client
from pipeline.store.sink import SinkWorker
from pipeline.topology import BY_NAME, Row

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
LOOPS = ("process", "group", "aggregate", "alert")
DETECT = Row(
    name="detect",
    engine="loop",
    reads=("windows",),
    writes=("metrics", "signals", CHANGELOG, "dead-letters"),
    recalls=(CHANGELOG,),
    own=(CHANGELOG,),
)
PATIENCE_S = 60.0

Blow = Literal["", "abort", "lost", "kill"]
Plan = Callable[[str, int], Blow]


class Killed(Exception):
    """The worker died at a commit that never came."""


class Runnable(Protocol):
    """What every worker is."""

    def turn(self) -> Turn:
        """Do one piece of work."""

    def close(self) -> None:
        """End."""


def no_plan(_worker: str, _n: int) -> Blow:
    """Let every commit pass."""
    return ""


class Blows:
    """Asks a plan what becomes of the next commit of a worker."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._commits: Counter[str] = Counter()
        self.dealt: Counter[str] = Counter()

    def __call__(self, worker: str) -> Fault:
        """Return the fault of the worker's next commit; raises Killed."""
        self._commits[worker] += 1
        found = self._plan(worker, self._commits[worker])
        if found:
            self.dealt[worker] += 1
        if found == "kill":
            raise Killed(f"{worker} at commit {self._commits[worker]}")
        return found


class FlowBroker(Broker, Protocol):
    """A broker whose commits follow a plan."""

    @property
    def blows(self) -> Blows:
        """What was dealt."""

    def make_topics(self, topics: list[Topic], many: int) -> None:
        """Make the topics, empty."""

    def write(self, message: Sent) -> tuple[int, int]:
        """Append one message; return its partition and offset."""

    def at_rest(self) -> bool:
        """Answer whether every consumer has seen all there is."""


MakeBroker = Callable[[Path, ManualClock, Plan], AbstractContextManager[FlowBroker]]


class PlannedMemory(MemoryBroker):
    """The broker in memory."""

    def __init__(self, clock: ManualClock, plan: Plan) -> None:
        super().__init__(clock, lambda identity, _n: self.blows(worker_of(identity)))
        self.blows = Blows(plan)

    def make_topics(self, topics: list[Topic], many: int) -> None:
        """Make the topics."""
        for topic in topics:
            self.create(topic.name, topic.count(many))

    def consumer(self, group: str, instance: str, topics: Collection[str]) -> MemoryConsumer:
        """Join a group; the sink has no transactions: its own commits follow the plan."""
        if group != "tocsin-sink":
            return super().consumer(group, instance, topics)
        member = SinkConsumer(self, group, topics)
        self.group(group).member = member
        return member

    def write(self, message: Sent) -> tuple[int, int]:
        """Append one message; return its partition and offset."""
        source = self.put(message)
        return source.partition, self.log(source).end - 1

    def at_rest(self) -> bool:
        """Answer that there is no delay."""
        return True


@contextmanager
def planned_memory(_folder: Path, clock: ManualClock, plan: Plan) -> Iterator[PlannedMemory]:
    """Give the broker in memory."""
    yield PlannedMemory(clock, plan)


def worker_of(identity: str) -> str:
    """Return the worker that a transactional id belongs to."""
    return identity.removeprefix("tocsin-").removesuffix("-0")


class SinkConsumer(MemoryConsumer):
    """A consumer whose commits fail as planned."""

    def __init__(self, broker: PlannedMemory, group: str, topics: Collection[str]) -> None:
        super().__init__(broker, group, topics)
        self._blows = broker.blows

    def commit(self, offsets: Mapping[Source, Committed]) -> None:
        """Commit, or not, or commit and lose the answer."""
        blow = self._blows("sink")
        if blow != "abort":
            super().commit(offsets)
        if blow:
            raise Aborted(f"planned {blow} of the sink")


class Flow:
    """The whole topology; ``settle`` turns it until nothing moves."""

    def __init__(
        self, config: Config, client: Client, clock: ManualClock, broker: FlowBroker
    ) -> None:
        self.clock = clock
        self.broker = broker
        broker.make_topics(read_topics(), config.kafka.partitions)
        self._gateway = GatewayStage(settings=GatewaySettings(keys={KEY: "default"}))
        self._makers = self._made_by(config, client)
        self._workers = {name: make() for name, make in self._makers.items()}
        self.turns: Counter[str] = Counter()

    @property
    def names(self) -> list[str]:
        """The workers, in the order of the map."""
        return list(self._makers)

    def publish(self, value: bytes, key: str) -> tuple[int, int]:
        """Write to events.raw as any producer would; return partition and offset."""
        return self.broker.write(Sent("events.raw", value, key.encode()))

    def post(self, body: bytes) -> Answer:
        """Send JSON records to the gateway, whose messages are written at once."""
        request = HttpRequest(
            method="POST",
            path="/ingest/json",
            headers=(("x-api-key", KEY), ("content-type", "application/x-ndjson")),
            body=body,
            seed=body[:16],
        )
        answer = self._gateway.handle(request, self.clock.now())
        for message in answer.messages:
            self.broker.write(message)
        return answer

    def settle(self, resting: Collection[str] = ()) -> None:
        """Turn all workers but those that rest, until a whole round was idle."""
        names = [name for name in self.names if name not in resting]
        end = time.monotonic() + PATIENCE_S
        while {self.turn(name) for name in names} != {"idle"} or not self.broker.at_rest():
            assert time.monotonic() < end, f"no rest: {self.turns}"

    def turn(self, name: str) -> str:
        """Turn one worker; one that dies of its plan is replaced."""
        self.turns[name] += 1
        try:
            return self._workers[name].turn().outcome
        except Killed:
            self.crash(name)
            return "killed"

    def crash(self, name: str) -> None:
        """Throw a worker away and make it anew; a static member's end is no farewell."""
        self._workers[name].close()
        self._workers[name] = self._makers[name]()

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    def close(self) -> None:
        """End everything."""
        for worker in self._workers.values():
            worker.close()

    def _made_by(self, config: Config, client: Client) -> dict[str, Callable[[], Runnable]]:
        """Return what makes each worker."""
        broker, clock = self.broker, self.clock
        detect = partial(
            LoggedDetectStage, settings=DetectSettings(window_s=config.aggregate.window_s)
        )
        stages = {name: (BY_NAME[name], stage_maker(name, config)) for name in LOOPS}
        stages["detect"] = (DETECT, detect)
        makers: dict[str, Callable[[], Runnable]] = {}
        for name in ("process", "group", "aggregate", "detect", "alert"):
            row, make = stages[name]
            # Small batches make many commits; aggregate reads its open windows again in one.
            most = 500 if name == "aggregate" else 15
            settings = LoopSettings(max_records=most, poll_s=0)
            makers[name] = partial(Worker, row, 0, make, broker, clock, settings)
        for name, channel in load_channels(config.notify).items():
            makers[f"notify-{name}"] = partial(ChannelWorker, name, channel, broker, 0, clock)
        reads = BY_NAME["sink"].reads
        makers["sink"] = partial(SinkWorker, reads, 0, client, broker, clock, config.sink)
        return makers
