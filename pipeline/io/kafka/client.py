"""What every librdkafka client shares: settings, kinds of errors, a limit on reports."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from pipeline.io import metrics
from pipeline.io.broker import Away, BrokerError, Fenced
from pipeline.io.log import logger

T = TypeVar("T")
_log = logger("kafka")

# These end the process: a successor holds the identity, and going on could only do harm.
FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001  librdkafka's local codes have this name
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.UNRELEASED_INSTANCE_ID,
    }
)
# The group has moved on: what this member has read since belongs to somebody else.
MOVED = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
    }
)
# Asking again helps although librdkafka does not call these retriable.
PASSING = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
        KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
    }
)


class Reports:
    """Counts errors that librdkafka reports and logs each code once in a while."""

    def __init__(self, every_s: float = 30.0, now: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._now = now
        self._next: dict[str, float] = {}

    def __call__(self, error: KafkaError) -> None:
        """Take one error; about twenty come in a second while a broker is away."""
        metrics.KAFKA_ERRORS.labels(error.name()).inc()
        if self._now() >= self._next.get(error.name(), float("-inf")):
            self._next[error.name()] = self._now() + self._every_s
            _log.warning("kafka reports an error", code=error.name(), error=error.str())


def settings(bootstrap: str, client: Mapping[str, str], reports: Reports) -> dict[str, Any]:
    """Return the settings that all clients share; ``client`` carries sasl and ssl."""
    return {
        "bootstrap.servers": bootstrap,
        "error_cb": reports,
        "log_level": 2,  # what matters comes by error_cb, counted and limited
        "reconnect.backoff.max.ms": 1000,
        "topic.metadata.refresh.interval.ms": 60_000,
        **client,
    }


def error_of(raised: KafkaException) -> KafkaError:
    """Return the error inside an exception."""
    error = raised.args[0]
    assert isinstance(error, KafkaError)
    return error


def translated(error: KafkaError, what: str) -> BrokerError:
    """Return what the loop understands: Fenced, Away, or a BrokerError that ends the process."""
    text = f"{what}: {error.name()}: {error.str()}"
    if error.code() in FENCED:
        return Fenced(text)
    if error.retriable() or error.code() in PASSING:
        return Away(text)
    return BrokerError(text)


def insist(what: str, deadline_s: float, ask: Callable[[float], T]) -> T:
    """Ask until it works or the deadline has passed; ``ask`` gets the seconds left.

    Raises Away after the deadline, Fenced or BrokerError for what does not pass.
    """
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            return ask(max(deadline - time.monotonic(), 0.1))
        except KafkaException as raised:
            problem = translated(error_of(raised), what)
            if not isinstance(problem, Away) or time.monotonic() >= deadline:
                raise problem from raised
            time.sleep(0.1)
