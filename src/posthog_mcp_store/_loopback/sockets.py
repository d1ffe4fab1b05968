"""Binding one port on both addresses that `localhost` may resolve to."""

import errno
import socket

from .._core.errors import ConfigurationError

ATTEMPTS = 10
"""How often to look for a free port: one that is free on 127.0.0.1 may be taken on ::1."""
NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def bind(port: int) -> list[socket.socket]:
    """Bind 127.0.0.1 and, if the machine has it, ::1; 0 means any port that is free on both.

    A browser may use either address, and another user's program must not get the other one.

    Raises:
        ConfigurationError: The port is taken or not permitted.
    """
    fault = None
    for _ in range(1 if port else ATTEMPTS):
        try:
            return _bind_both(port)
        except OSError as error:
            fault = error.strerror
    if port:
        raise ConfigurationError(
            f"could not bind port {port}: {fault}; stop the program that uses it, or omit port= to use a free one"
        )
    raise ConfigurationError(f"could not bind a free port: {fault}; pass port= to choose one")


def _bind_both(port: int) -> list[socket.socket]:
    ipv4 = socket.create_server(("127.0.0.1", port))
    try:
        return [ipv4, *_bind_ipv6(ipv4.getsockname()[1])]
    except OSError:
        ipv4.close()
        raise


def _bind_ipv6(port: int) -> list[socket.socket]:
    try:
        return [socket.create_server(("::1", port), family=socket.AF_INET6)] if socket.has_ipv6 else []
    except OSError as error:
        if error.errno in NO_SUCH_ADDRESS:
            return []
        raise
