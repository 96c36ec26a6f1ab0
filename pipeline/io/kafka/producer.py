"""The transactional producer, and an idempotent one that answers each message.

After anything but a clean commit the client is destroyed and a new one takes the identity over:
librdkafka lacks KIP-890, so a delayed answer could hit the next transaction of the same client.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import confluent_kafka as ck

from pipeline.io.broker import Aborted, Committed, Consumer, Fenced
from pipeline.io.kafka.client import FENCED, error_of, insist
from pipeline.io.kafka.consumer import KafkaConsumer, offsets_of
from pipeline.io.seal import Seal
from pipeline.model.stage import Sent, Source

# The watchdog waits 12 s: a commit gives up before it.
COMMIT_S = 10.0
INIT_S = 60.0
SHARED: dict[str, Any] = {
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 5,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 65_536,
    "message.max.bytes": 3 * 2**20,  # the topics' own limits are lower and tell the truth
    "batch.size": 1_000_000,  # not above the smallest max.message.bytes
}


def transaction_settings(transactional_id: str) -> dict[str, Any]:
    """Return what a transactional producer needs beside the shared settings."""
    return {
        **SHARED,
        "transactional.id": transactional_id,
        # After a kill -9 readers stand still until the successor settles this, or it times out.
        "transaction.timeout.ms": 20_000,
    }


class KafkaProducer:
    """The ``Producer`` of io/broker.py on librdkafka."""

    def __init__(self, conf: dict[str, Any], seal: Seal) -> None:
        self._conf = conf
        self._seal = seal
        self._client: ck.Producer | None = None
        self._open = False
        self._take_over()

    def _take_over(self) -> ck.Producer:
        """Return the client, made anew if there is none: that settles what its holder left open."""
        if self._client is None:
            client = ck.Producer(self._conf)
            insist("taking the transactional id", INIT_S, client.init_transactions)
            self._client = client
        return self._client

    def begin(self) -> None:
        """Start a transaction."""
        self._take_over().begin_transaction()
        self._open = True

    def send(self, message: Sent) -> None:
        """Add a message to the transaction; waits while the local queue is full."""
        client = self._take_over()
        deadline = time.monotonic() + COMMIT_S
        message = self._seal.close(message)
        while True:
            try:
                produce(client, message)
            except BufferError as full:
                if time.monotonic() > deadline:
                    raise self._gone(f"no room in the queue for {COMMIT_S} s") from full
                client.poll(0.1)
            except ck.KafkaException as raised:
                raise self._failed(raised, f"writing to {message.topic}") from raised
            else:
                return

    def commit(self, offsets: Mapping[Source, Committed], consumer: Consumer | None) -> None:
        """Commit messages and the consumer's offsets together."""
        client = self._take_over()
        deadline = time.monotonic() + COMMIT_S
        if isinstance(consumer, KafkaConsumer) and offsets:
            wanted, member = offsets_of(offsets), consumer.group_metadata()
            self._insist(
                lambda left: client.send_offsets_to_transaction(wanted, member, left), deadline
            )
        self._insist(client.commit_transaction, deadline)
        self._open = False

    def _insist(self, call: Callable[[float], None], deadline: float) -> None:
        """Call until it works; an error that is not retriable ends the transaction."""
        while True:
            try:
                call(max(deadline - time.monotonic(), 0.1))
            except ck.KafkaException as raised:
                if not error_of(raised).retriable() or time.monotonic() > deadline:
                    raise self._failed(raised, "committing") from raised
            else:
                return

    def _failed(self, raised: ck.KafkaException, what: str) -> Fenced | Aborted:
        """Return what the loop is to be told, and drop the client."""
        error = error_of(raised)
        text = f"{what}: {error.name()}: {error.str()}"
        if error.code() in FENCED:
            return Fenced(text)
        return self._gone(text)

    def _gone(self, text: str) -> Aborted:
        """Drop the client unflushed; whether it had committed only the broker knows."""
        client, self._client = self._client, None
        self._open = False
        if client is not None:
            client.purge()
        return Aborted(text)

    def abort(self) -> None:
        """Leave nothing open."""
        if self._open:
            self._gone("given up")
        self._take_over()

    def close(self) -> None:
        """End; the successor or the transaction timeout settles what is open."""
        self._gone("closed")


def produce(client: ck.Producer, message: Sent, **more: Any) -> None:
    """Hand one message to librdkafka; raises BufferError while the queue is full."""
    client.produce(
        message.topic,
        message.value,
        message.key,
        -1 if message.partition is None else message.partition,
        headers=list(message.headers),
        **more,
    )


class KafkaPlainProducer:
    """The ``PlainProducer`` of io/broker.py on librdkafka; a thread of its own serves answers."""

    def __init__(self, conf: dict[str, Any], seal: Seal) -> None:
        self._seal = seal
        self._client = ck.Producer({**SHARED, "enable.idempotence": True, **conf})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="kafka-answers", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """Call what waits for answers until the end."""
        while not self._stop.is_set():
            self._client.poll(0.1)

    def send(self, message: Sent, done: Callable[[str | None], None]) -> None:
        """Queue a message; ``done`` gets None or the error once the broker has answered."""

        def answered(error: ck.KafkaError | None, _message: ck.Message) -> None:
            done(None if error is None else f"{error.name()}: {error.str()}")

        try:
            produce(self._client, self._seal.close(message), on_delivery=answered)
        except BufferError:
            done("the queue is full: the broker is away or too slow")
        except ck.KafkaException as raised:
            error = error_of(raised)
            done(f"{error.name()}: {error.str()}")

    def flush(self, timeout_s: float) -> int:
        """Wait for answers; return how many messages are still without one."""
        return self._client.flush(timeout_s)

    def close(self) -> None:
        """End, without waiting for answers."""
        self._stop.set()
        self._thread.join()
