"""What every contender is given: where to send, what, and how many at a time."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import attrs

PATH = "/events/id/0123456789abcdef0123456789abcdef/7043663"
PAYLOAD = {"email": "someone@example.com", "phone": "+15550100", "product_id": 123, "product_name": "A thing"}

Note = Callable[[float], object]
"""Takes the seconds of one event, from its start to its answer."""
Bulk = Callable[[int, Note], Awaitable[None]]
"""Sends so many events and notes the time of each."""


@attrs.frozen
class Place:
    """Where one contender sends.

    Args:
        origin: Of the server.
        authority: File with the certificate that the server's is signed by; None: plain HTTP.
        in_flight: Events at a time.
    """

    origin: str
    authority: str | None
    in_flight: int

    @property
    def url(self) -> str:
        return self.origin + PATH

    def context(self) -> ssl.SSLContext | None:
        """Return a context that trusts the benchmark's authority alone, or None for plain HTTP."""
        return ssl.create_default_context(cafile=self.authority) if self.authority else None
