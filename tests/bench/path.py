"""How fast the whole path drains a backlog, and what each process costs per event.

    python -m tests.bench.path [--events 200000]

Preloads realistic events (about 2 KB, half with stacks, 500 groups) into ``events.raw``, starts the
real stack on them, and waits until every one is a row in ClickHouse. Beside it, in the same run and
on the same broker, a bare confluent-kafka loop consumes the events and produces them again.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.io.admin import Admin, read_topics
from pipeline.local.kafka import embedded_broker
from tests.bench.events import events
from tests.kafka.stack import Stack, wait_until

PARTITIONS = 4
SAMPLE_S = 0.5
BARE = "bare.copy"


class Cost(NamedTuple):
    """CPU seconds of one process over the drain, and its largest memory in MB.

    Memory is the proportional set size: a page that n processes share is an nth in each.
    """

    name: str
    cpu_s: float
    peak_mb: float


class Meter:
    """Samples CPU and memory of named processes while it runs."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._peak = dict.fromkeys(pids, 0.0)
        self._start = {name: _cpu(p) for name, p in self._processes.items()}
        self.peak_together_mb = 0.0
        self.peak_resident_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        """Look at every process now and then."""
        while not self._stop.wait(SAMPLE_S):
            found = {n: p.memory_full_info() for n, p in self._processes.items()}
            sizes = {name: memory.pss / 2**20 for name, memory in found.items()}
            resident = sum(memory.rss for memory in found.values()) / 2**20
            self.peak_resident_mb = max(self.peak_resident_mb, resident)
            self._peak = {name: max(self._peak[name], size) for name, size in sizes.items()}
            self.peak_together_mb = max(self.peak_together_mb, sum(sizes.values()))

    def close(self) -> list[Cost]:
        """Stop and return what each process cost."""
        self._stop.set()
        self._thread.join()
        return [
            Cost(name, _cpu(process) - self._start[name], self._peak[name])
            for name, process in self._processes.items()
        ]


def _cpu(process: psutil.Process) -> float:
    """Return the CPU seconds a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _preload(bootstrap: str, count: int) -> None:
    """Make the topics and fill ``events.raw``."""
    Admin(bootstrap, {}).create(read_topics(), many=PARTITIONS, replication=1, min_insync=1)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 20})
    for event_id, value in events(count):
        producer.produce("events.raw", value, key=event_id)
        producer.poll(0)
        if len(producer) > 50_000:
            producer.flush()
    producer.flush()


def _bare(bootstrap: str, count: int) -> tuple[float, float]:
    """Consume and produce every event again; return (events/s, CPU us per event)."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(BARE, PARTITIONS)])[BARE].result()
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "bare", "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition("events.raw", p, 0) for p in range(PARTITIONS)])
    producer = Producer(
        {"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 20, "compression.type": "lz4"}
    )
    process, began = psutil.Process(), time.monotonic()
    cpu, copied = _cpu(process), 0
    while copied < count:
        for message in consumer.consume(10_000, 0.5):
            producer.produce(BARE, message.value(), key=message.key())
            copied += 1
            producer.poll(0)
        producer.flush()
    took = time.monotonic() - began
    consumer.close()
    return count / took, (_cpu(process) - cpu) / count * 1e6


@contextmanager
def _running(stack: Stack, bootstrap: str) -> Iterator[dict[str, int]]:
    """Start the stack on a broker that is already there; yield the processes' ids."""
    stack.tocsin(
        *("up", "--detach", "--data", str(stack.data), "--bootstrap-servers", bootstrap),
        *("--clickhouse-port", "0", "--gateway-port", "0", "--api-port", "0"),
    )
    try:
        rows = stack.status()["processes"]
        yield {f"{row['stage']}-{row['instance']}": row["pid"] for row in rows}
    finally:
        stack.down()


def _broker_pid(bootstrap: str) -> int:
    """Return the process that listens on the broker's port."""
    port = int(bootstrap.rpartition(":")[2])
    return next(
        child.pid
        for child in psutil.Process().children(recursive=True)
        if any(c.laddr and c.laddr.port == port for c in child.net_connections("inet"))
    )


def _print(costs: list[Cost], count: int) -> None:
    """Print the table of processes."""
    print(f"{'process':14} {'CPU us/event':>12} {'peak MB':>8}")
    for cost in sorted(costs, key=lambda cost: -cost.cpu_s):
        print(f"{cost.name:14} {cost.cpu_s / count * 1e6:12.1f} {cost.peak_mb:8.0f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_broker(Path(folder) / "kafka") as bootstrap,
    ):
        _preload(bootstrap, count)
        bare_rate, bare_cpu = _bare(bootstrap, count)
        stack = Stack(Path(folder) / "data")
        began = time.monotonic()
        with _running(stack, bootstrap) as pids:
            meter = Meter({**pids, "kafka": _broker_pid(bootstrap)})
            query = "SELECT count() AS n FROM tocsin.events"
            wait_until(
                lambda: int(stack.sql(query)[0]["n"]) >= count, within_s=900, what="all rows"
            )
            took = time.monotonic() - began
            costs = meter.close()
            stored = int(stack.sql(query)[0]["n"])
            issues = int(stack.sql("SELECT count() AS n FROM tocsin.issues")[0]["n"])
    _print(costs, count)
    whole = sum(cost.cpu_s for cost in costs) / count * 1e6
    print(f"{'together':14} {whole:12.1f} {meter.peak_together_mb:8.0f}")
    print(f"resident sets, shared pages counted in each: {meter.peak_resident_mb:.0f} MB")
    print(f"{stored:,} rows of {count:,}, {issues} issues, {took:.1f} s from `up` to the last row")
    print(f"end to end {count / took:,.0f} events/s, start included")
    print(f"bare consume + produce {bare_rate:,.0f} events/s, {bare_cpu:.1f} us/event")
    process = next(cost for cost in costs if cost.name.startswith("process"))
    print(f"process / bare: {process.cpu_s / count * 1e6 / bare_cpu:.1f} x CPU")


if __name__ == "__main__":
    main()
