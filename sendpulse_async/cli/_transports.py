"""Chooses what carries many events: the faster transport where it is installed."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from .. import ConfigurationError, HttpxTransport

if TYPE_CHECKING:
    from ..transports.direct import DirectTransport


class TransportName(Enum):
    """The transports that the library has."""

    DIRECT = "direct"
    """The faster one; `sendpulse-async[fast]`."""
    HTTPX = "httpx"


def open_transport(name: TransportName | None, max_connections: int) -> HttpxTransport | DirectTransport:
    """Return the transport of this name, or the best that is installed.

    Raises:
        ConfigurationError: It is not installed.
    """
    if name is not TransportName.HTTPX:
        try:
            from ..transports.direct import DirectTransport  # noqa: PLC0415 - an extra, which may be missing
        except ModuleNotFoundError as missing:
            if missing.name != "httptools":
                raise
            if name is TransportName.DIRECT:
                raise ConfigurationError(
                    "--transport direct is not installed: pip install 'sendpulse-async[fast]', or use --transport httpx"
                ) from None
        else:
            return DirectTransport(max_connections=max_connections)
    return HttpxTransport(max_connections=max_connections)
