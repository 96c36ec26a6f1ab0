"""Ports of this machine: which are taken, and free ones to hand out."""

import secrets
import socket

HOST = "127.0.0.1"
# Below the range from which the kernel takes ports for outgoing connections: a port handed out here
# is not lost to a client while its owner restarts.
_HANDED_OUT = range(20_000, 32_000)
_TRIES = 100


def is_open(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """Return a port that nobody listens on now."""
    for port in secrets.SystemRandom().sample(_HANDED_OUT, _TRIES):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"none of {_TRIES} ports tried on {HOST} is free")
