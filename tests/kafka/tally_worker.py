"""A tally stage as a process: ``python -m tests.kafka.tally_worker '{"bootstrap": …}'``.

``plan`` has one letter a commit: ``.`` passes, ``b`` kills the process (SIGKILL) when the messages
are on the broker but not committed, ``f`` kills it right after the commit.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import msgspec

from pipeline.io.broker import Committed, Consumer
from pipeline.io.clock import SystemClock
from pipeline.io.kafka import KafkaBroker
from pipeline.io.kafka.producer import KafkaProducer, transaction_settings
from pipeline.io.log import configure
from pipeline.io.loop import LoopSettings, Worker
from pipeline.io.run import serve
from pipeline.model.stage import Source
from tests.toys import Tally, a_row


class Order(msgspec.Struct, frozen=True):
    """What the process is to do."""

    bootstrap: str
    name: str
    topic: str
    out: str
    state: str
    ordinal: int = 0
    plan: str = ""
    max_records: int = 50


class DeadlyProducer(KafkaProducer):
    """A producer that takes the process down at a planned commit."""

    plan: Iterator[str] = iter(())

    def commit(self, offsets: Mapping[Source, Committed], consumer: Consumer | None) -> None:
        """Commit, unless the plan says that the process dies before or after it."""
        letter = next(self.plan, ".")
        if letter == "b" and self._client is not None:
            self._client.flush(10)
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit(offsets, consumer)
        if letter == "f":
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyBroker(KafkaBroker):
    """A broker whose producers die as planned."""

    def producer(self, transactional_id: str) -> KafkaProducer:
        """Take over the identity."""
        return DeadlyProducer(
            {**self._shared, **transaction_settings(transactional_id)}, self._seal
        )


def main(order: Order) -> int:
    """Run the stage until a signal comes."""
    configure("info", terminal=False)
    DeadlyProducer.plan = iter(order.plan)

    def make(busy: Callable[[], AbstractContextManager[None]]) -> Worker:
        """Make the worker."""
        return Worker(
            a_row(order.name, order.topic, order.out, order.state),
            order.ordinal,
            lambda: Tally(order.out, order.state),
            DeadlyBroker(order.bootstrap, session_ms=6000),
            SystemClock(),
            LoopSettings(max_records=order.max_records, poll_s=0.1),
            busy,
        )

    return serve(order.name, make, "127.0.0.1", 0)


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Order)))
