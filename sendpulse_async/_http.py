"""The one verb between an event and the network, and the values that it carries."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol, runtime_checkable

import attrs

from ._errors import DeliveryError
from ._masking import mask_url

RESPONSE_BODY_LIMIT = 64 * 1024
"""Bytes of an answer's body that are read; a connection with more to read is closed."""

Headers = tuple[tuple[bytes, bytes], ...]
AttemptEnded = Callable[[float, int | None, DeliveryError | None], None]
"""Is told of an attempt: its seconds, its HTTP status if an answer came, and its error unless it was accepted."""
Origin = tuple[str, str, int]


@attrs.frozen
class Target:
    """Where a request goes, taken apart once for each sender.

    Attributes:
        path: The path with its query, percent-encoded, as it stands in the request line.
    """

    scheme: str
    host: str
    port: int
    path: str = attrs.field(repr=False)

    @property
    def origin(self) -> Origin:
        """The part that two requests must share to share a connection."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header gives them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == {"http": 80, "https": 443}[self.scheme]
        return host if is_default else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL; a raw event's is a secret."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def __str__(self) -> str:
        return mask_url(self.url)


class Meter(Protocol):
    """What attempts wait for.

    Attributes:
        is_open: Whether anybody may begin at once, and nothing is counted.
    """

    @property
    def is_open(self) -> bool: ...

    async def wait(self, deadline: float = math.inf) -> None:
        """Return when one may begin."""
        ...


@attrs.define(eq=False)
class Progress:
    """How far an event got: written below, read where the outcome is decided.

    Attributes:
        attempts: Requests that were begun.
        place_at: When the first attempt's place under the rate limit was taken, if that was before the deadline
            began, in the quota's clock.
        also: A second meter that every further attempt waits for.
        is_handed_over: The last byte of the latest attempt left, or cannot be proven to have stayed.
        head: The latest attempt's answer, without its body or whole, once its head came: it may decide all the same.
        was_unknown: An earlier attempt ended without an answer that settles it.
        on_attempt: Told of each attempt that ended; None: nobody is.
    """

    attempts: int = 0
    place_at: float | None = None
    also: Meter | None = None
    is_handed_over: bool = False
    head: Response | None = None
    was_unknown: bool = False
    on_attempt: AttemptEnded | None = attrs.field(default=None, repr=False)
    _began: float | None = attrs.field(default=None, init=False)

    def begin_attempt(self, now: float) -> None:
        """Count an attempt of which no byte has left."""
        self.attempts += 1
        self.place_at = None
        self._began = now
        self._forget()

    def end_attempt(self, now: float, status_code: int | None, error: DeliveryError | None) -> None:
        """Tell what came of the attempt that is under way, if one is; the clock is that of its beginning."""
        began, self._began = self._began, None
        if began is not None and self.on_attempt is not None:
            self.on_attempt(now - began, status_code, error)

    def settle_attempt(self, *, is_unknown: bool) -> None:
        """Note that the latest attempt was judged, so that only what is still open remains."""
        self.was_unknown |= is_unknown
        self._forget()

    def _forget(self) -> None:
        self.is_handed_over = False
        self.head = None


@attrs.frozen(eq=False)
class Request:
    """One POST; nothing of it but its host is in its repr.

    Attributes:
        headers: All of them, `Host` and `Content-Length` included, in the order sent.
        deadline: Of the whole event, in the clock of the sender (`time.monotonic`); `inf`: none.
        before_first_byte: Awaited for each attempt once the connection stands, just before its first byte.
            If it raises, nothing was sent.
        progress: Shared by all attempts of one event.
    """

    target: Target
    headers: Headers = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    deadline: float = math.inf
    before_first_byte: Callable[[], Awaitable[None]] | None = attrs.field(default=None, repr=False)
    progress: Progress = attrs.field(factory=Progress)


@attrs.frozen(eq=False)
class Response:
    """One answer, read up to `RESPONSE_BODY_LIMIT`.

    Attributes:
        headers: As they came; their names in any case.
        is_body_complete: False where the body was cut, broke off or went over the limit.
    """

    status_code: int
    headers: Headers = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    is_body_complete: bool = True

    def header(self, name: bytes) -> list[str]:
        """Return every value of the header `name`, which is given in lower case."""
        size = len(name)  # compared first: this is asked several times for every answer
        return [
            value.decode("latin-1").strip() for key, value in self.headers if len(key) == size and key.lower() == name
        ]


class FailureKind(Enum):
    """Where an exchange broke."""

    CONNECT = "connect"
    """No connection was there: no byte can have left."""
    CERTIFICATE = "certificate"
    """The server is not who it should be: no byte of the request left, and the next event will fare the same."""
    EXCHANGE = "exchange"
    """On an open connection: `Progress.is_handed_over` tells whether the request may be complete."""


class TransportError(Exception):
    """An exchange ended without an answer.

    Its text is our own, never the server's bytes or a library's words: these may quote the request.
    """

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@runtime_checkable
class Transport(Protocol):
    """What carries a request: the network itself, or a layer above another transport."""

    async def send(self, request: Request) -> Response:
        """Make one exchange.

        Sets `request.progress.is_handed_over` no later than the last byte of the body can have left, and leaves it
        False only with proof that it did not. Sets `request.progress.head` before it reads the answer's body.
        Cancellation propagates unchanged.

        Raises:
            TransportError: No whole head of an answer came.
        """
        ...

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed when their exchange ends."""
        ...
