"""Channels on their threads: who hangs delays nobody, and all end in time."""

import threading
import time
from typing import Any

import pytest

from pipeline.io.broker import Fenced
from pipeline.io.clock import SystemClock
from pipeline.io.deliverers import Deliverers, make_deliverers
from pipeline.io.memory import MemoryBroker
from pipeline.notify.channels import AnyChannel
from pipeline.notify.settings import NotifySettings
from tests.io.servers import Answer, HttpServer
from tests.io.topics import a_broker, outcomes, put
from tests.notify.build import a_channel, a_notification


def wait_for(what: Any, seconds: float = 10.0) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def running(broker: MemoryBroker, channels: dict[str, AnyChannel]) -> Deliverers:
    """Return the workers of these channels, on their threads."""
    return make_deliverers(NotifySettings(), channels, broker, 0, SystemClock())


def test_a_hanging_channel_delays_no_other() -> None:
    """4.9 While one channel hangs the other delivers; the end comes within five seconds."""
    with HttpServer([Answer(hang=True)]) as hanging, HttpServer() as server:
        broker = a_broker()
        deliverers = running(
            broker,
            {
                "webhook": a_channel("webhook", url=hanging.url, allow_private=True),
                "other": a_channel("webhook", url=server.url, allow_private=True),
            },
        )
        put(broker, a_notification())
        wait_for(lambda: hanging.got)
        put(broker, a_notification(channel="other"))
        wait_for(lambda: outcomes(broker) == ["sent"])
        began = time.monotonic()
        deliverers.close()
        took = time.monotonic() - began

    assert took < 5
    assert len(server.got) == 1


def test_a_successor_ends_the_process() -> None:
    """What ends one channel's thread comes out of the process's turn."""
    broker = a_broker()
    deliverers = running(broker, {"webhook": a_channel("webhook")})
    wait_for(deliverers.ready)
    broker.consumer("tocsin-notify-webhook", "notify-webhook-0", ("notifications",))
    with pytest.raises(Fenced):
        wait_for(lambda: deliverers.turn().outcome != "idle")
    deliverers.close()
