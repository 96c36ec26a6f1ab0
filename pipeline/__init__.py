"""Tocsin: a Kafka-native error tracking and monitoring pipeline."""

__version__ = "0.1.0"
