"""Turns a host into the addresses that may be connected to."""

import socket

from pipeline.notify.address import is_public


class Denied(Exception):
    """The address is one that requests may not go to."""


def addresses_of(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the host's addresses; raises Denied if any is private, OSError if there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [address for address in addresses if not is_public(address)]
    if private and not allow_private:
        raise Denied(
            f"{host} is {private[0]}, which is no public address; if that is meant, set"
            " allow_private: true for the channel"
        )
    return addresses
