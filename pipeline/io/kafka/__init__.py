"""The stages' only door to confluent-kafka: ``KafkaBroker`` is the ``Broker`` of io/broker.py."""

from pipeline.io.kafka.broker import KafkaBroker

__all__ = ["KafkaBroker"]
