"""How Faust is set up; a setting that is not here has Faust's default."""

import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
from aiokafka import codec

_ENDPOINT = "ssl.endpoint.identification.algorithm"
_KNOWN = {
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    _ENDPOINT,
}


def options(app: str, member: str, servers: str, client: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of ``faust.App``; ``member`` is the static member's name."""
    return {
        "id": app,
        "broker": [f"kafka://{server.strip()}" for server in servers.split(",")],
        "broker_credentials": credentials(client),
        "store": "memory://",
        # Faust makes it although nothing is kept there; the current folder may not be writable.
        "datadir": str(Path(tempfile.gettempdir()) / f"tocsin-faust-{os.getuid()}"),
        "processing_guarantee": "at_least_once",
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": member,
        "broker_session_timeout": 20.0,
        "broker_heartbeat_interval": 3.0,
        "broker_commit_interval": 1.0,
        "producer_acks": -1,
        "producer_request_timeout": 60.0,
        "stream_wait_empty": False,
        "stream_buffer_maxsize": 4096,
        "table_standby_replicas": 0,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "web_enabled": False,
        "logging_config": None,
    }


def missing_codecs() -> list[str]:
    """Return the compressions that cannot be read: Faust only logs it and reads nothing."""
    present = {
        "lz4": codec.has_lz4(),
        "snappy": codec.has_snappy(),
        "zstd": codec.has_zstd(),
        "gzip": codec.has_gzip(),
    }
    return [name for name, is_there in present.items() if not is_there]


def credentials(client: Mapping[str, str]) -> Any:
    """Return librdkafka's security settings as Faust's; raises ValueError for one it lacks."""
    unknown = sorted(set(client) - _KNOWN)
    if unknown:
        raise ValueError(f"detect cannot use kafka.client {', '.join(unknown)}: Faust has no such")
    protocol = client.get("security.protocol", "plaintext").lower()
    if protocol == "plaintext":
        return None
    context = _context(client) if protocol.endswith("ssl") else None
    if protocol == "ssl":
        return faust.SSLCredentials(context=context)
    mechanism = client.get("sasl.mechanisms", client.get("sasl.mechanism", "PLAIN"))
    return faust.SASLCredentials(
        username=client.get("sasl.username"),
        password=client.get("sasl.password"),
        ssl_context=context,
        mechanism=mechanism,
    )


def _context(client: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS context of these settings."""
    context = ssl.create_default_context(cafile=client.get("ssl.ca.location"))
    if client.get(_ENDPOINT) == "none":
        context.check_hostname = False
    if "ssl.certificate.location" in client:
        context.load_cert_chain(
            client["ssl.certificate.location"],
            client.get("ssl.key.location"),
            client.get("ssl.key.password"),
        )
    return context
