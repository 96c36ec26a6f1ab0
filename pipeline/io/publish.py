"""Sends the records of a finished run, and waits until the broker has them all."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import msgspec

from pipeline.io.broker import Away, Broker
from pipeline.model.analysis import TOPIC, AnalysisRecord
from pipeline.model.stage import Sent

BATCH = 1000
TIMEOUT_S = 30.0


def publish(broker: Broker, records: Iterable[AnalysisRecord]) -> int:
    """Return how many records the broker has taken; raises Away if it did not take one."""
    refused: Counter[str] = Counter()
    sent = 0
    producer = broker.plain_producer()

    def done(error: str | None) -> None:
        if error:
            refused[error] += 1

    try:
        encode = msgspec.json.Encoder().encode
        rest = iter(records)
        while batch := tuple(islice(rest, BATCH)):
            for record in batch:
                producer.send(Sent(TOPIC, encode(record), record.service.encode()), done)
            left = producer.flush(TIMEOUT_S)
            if left or refused:
                error = next(iter(refused), f"no answer within {TIMEOUT_S:.0f} s")
                raise Away(f"{left + refused.total()} of {len(batch)} records not taken: {error}")
            sent += len(batch)
    finally:
        producer.close()
    return sent
