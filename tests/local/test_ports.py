"""Ports of this machine."""

import socket

from pipeline.local.ports import HOST, free_port, is_open


def test_a_port_is_open_while_somebody_listens() -> None:
    """Open with a listener, closed without."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        during = is_open(port)

    assert (during, is_open(port)) == (True, False)


def test_free_ports_lie_below_what_the_kernel_gives_clients() -> None:
    """A port handed out can be listened on and is none that an outgoing connection may take."""
    port = free_port()

    with socket.socket() as listener:
        listener.bind((HOST, port))
        listener.listen()

    assert 20_000 <= port < 32_000
