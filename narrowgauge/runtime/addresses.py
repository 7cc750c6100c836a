"""Addresses to listen on: what is wrong with one that cannot be bound, in words that say what to do."""

from __future__ import annotations

import errno
import socket

from narrowgauge.errors import FailedPrecondition, InvalidRequest, NarrowgaugeError

__all__ = ["bind_error", "split_address"]


def split_address(listen: str) -> tuple[str, int]:
    """Splits `host:port` or `[ipv6]:port`.

    Raises:
        InvalidRequest: `BAD_CONFIG`: it is not of that form.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidRequest(
            "BAD_CONFIG",
            f"{listen!r} is not an address to listen on; write host:port, for example 127.0.0.1:50051",
        )
    return host.strip("[]"), int(port)


def bind_error(listen: str) -> NarrowgaugeError | None:
    """Returns why an address cannot be bound now; None when it can be.

    Asking first gives the reason, which gRPC's own attempt to bind does not.
    """
    try:
        host, port = split_address(listen)
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except InvalidRequest as exc:
        return exc
    except socket.gaierror as exc:
        return InvalidRequest(
            "BAD_CONFIG", f"cannot listen on {listen}: the host is unknown ({exc.strerror})"
        )
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return FailedPrecondition(
                "PORT_IN_USE",
                f"cannot listen on {listen}: another process uses port {port}; stop it "
                f"(`ss -ltnp 'sport = :{port}'` names it) or choose another port, or 0 for a free one",
                metadata={"address": listen},
            )
        return FailedPrecondition(
            "CANNOT_LISTEN", f"cannot listen on {listen}: {exc.strerror}", metadata={"address": listen}
        )
    return None
