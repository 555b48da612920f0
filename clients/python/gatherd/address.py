"""Where the daemon is, written as the command line has it."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing is not imported: a worker starts without
if TYPE_CHECKING:
    from typing import Optional


class Address:
    """Of TCP a host and a port, else the path of a Unix socket; either behind TLS."""

    __slots__ = ("host", "port", "path", "tls")

    def __init__(self, host: str, port: int, path: Optional[str], tls: bool):
        self.host = host
        self.port = port
        self.path = path
        self.tls = tls

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"unix:{self.path}" if self.path is not None else f"{host}:{self.port}"
        return f"tls:{place}" if self.tls else place


def default_address() -> str:
    return os.environ.get("GATHERD_CONNECT") or "127.0.0.1:7117"


def parse_address(text: str) -> Address:
    tls = text.startswith("tls:")
    place = text[4:] if tls else text
    if place.startswith("unix:") and len(place) > 5:
        return Address("localhost", 0, place[5:], tls)
    host, colon, port = place.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"not an address: {text!r}; it is HOST:PORT, unix:/PATH or either behind tls:")
    return Address(host, int(port), None, tls)


def read_token(path: Optional[str]) -> Optional[str]:
    """The first line of a file of a token."""
    if not path:
        return None
    with open(path, encoding="utf-8") as file:
        token = file.readline().rstrip("\r\n")
    if not token:
        raise ValueError(f"{path} holds no token")
    return token
