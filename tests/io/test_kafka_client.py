"""How errors of librdkafka are told apart, and how often they are reported."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipeline.io import metrics
from pipeline.io.broker import Away, BrokerError, Committed, Fenced, Start, start_of
from pipeline.io.kafka.client import Reports, insist, translated


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KafkaError(KafkaError._TIMED_OUT), Away),
        (KafkaError(KafkaError.NOT_COORDINATOR), Away),
        (KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT), Away),
        (KafkaError(KafkaError.UNKNOWN, retriable=True), Away),
        (KafkaError(KafkaError._FENCED), Fenced),
        (KafkaError(KafkaError.FENCED_INSTANCE_ID), Fenced),
        (KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), BrokerError),
    ],
)
def test_errors_have_kinds(error: KafkaError, kind: type[BrokerError]) -> None:
    """What passes is Away, a successor is Fenced, all else ends the process."""
    found = translated(error, "doing it")

    assert type(found) is kind
    assert "doing it" in str(found)


def test_insist_asks_again_until_it_works() -> None:
    """A passing error is asked again."""
    answers = [KafkaException(KafkaError(KafkaError.NOT_COORDINATOR)), "fine"]

    def ask(_left: float) -> str:
        """Fail once."""
        answer = answers.pop(0)
        if isinstance(answer, KafkaException):
            raise answer
        return str(answer)

    assert insist("asking", 5.0, ask) == "fine"


def test_insist_gives_up_at_its_deadline() -> None:
    """After the deadline the broker is Away."""

    def ask(_left: float) -> str:
        """Fail always."""
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    with pytest.raises(Away, match="asking"):
        insist("asking", 0.0, ask)


def test_reports_are_counted_always_and_logged_seldom() -> None:
    """Of twenty errors a second one line is logged, and all are counted."""
    now = [0.0]
    reports = Reports(30.0, lambda: now[0])
    error = KafkaError(KafkaError._RESOLVE)
    before = metrics.exposition().count(b'code="_RESOLVE"')

    for _ in range(20):
        reports(error)

    assert before == 0
    assert b'tocsin_kafka_errors_total{code="_RESOLVE"} 20.0' in metrics.exposition()


@pytest.mark.parametrize(
    ("committed", "start"),
    [
        (Committed(None), Start(3)),
        (Committed(5, "m"), Start(5, None, "m")),
        (Committed(3), Start(3)),
        (Committed(9), Start(9)),
        (Committed(1, "m"), Start(3, (1, 3), "m")),
        (Committed(12), Start(3, (12, 12))),
    ],
)
def test_where_to_start(committed: Committed, start: Start) -> None:
    """Between the low watermark 3 and the end 9 the committed offset counts, else the low one."""
    assert start_of(committed, 3, 9) == start
