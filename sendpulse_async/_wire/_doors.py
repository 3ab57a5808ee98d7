"""SendPulse's three doors: each turns what it is given into a request whose head was built once."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import attrs

from .._contract import TOKEN_PATH
from .._errors import InvalidEventError
from .._events import Event, payload_of
from .._http import Headers, Progress, Request, Target
from .._tokens import ClientCredentials
from .._version import __version__
from ._bodies import ENCODERS, BodyFormat, encode_json
from ._urls import named_event_path


def _head(target: Target) -> Headers:
    return (
        (b"Host", target.authority.encode()),
        (b"User-Agent", b"sendpulse-async/" + __version__.encode()),
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", b"identity"),
    )


def _headers(head: Headers, content_type: bytes, body: bytes) -> Headers:
    return (*head, (b"Content-Type", content_type), (b"Content-Length", str(len(body)).encode()))


@attrs.frozen
class Way:
    """What a request is given along beside its event: how long it may take, and where to note how far it got.

    Attributes:
        event_name: The call's own.
        deadline: See `Request.deadline`.
        progress: See `Request.progress`.
        before_first_byte: See `Request.before_first_byte`.
    """

    event_name: str | None = None
    deadline: float = math.inf
    progress: Progress = attrs.field(factory=Progress)
    before_first_byte: Callable[[], Awaitable[None]] | None = None


class RawDoor:
    """The event URL: it names the event by itself, and nothing else authorises."""

    def __init__(self, target: Target, body_format: BodyFormat) -> None:
        self.target = target
        self._head = _head(target)
        self._encode = ENCODERS[body_format]

    def request(self, event: Event, way: Way) -> Request:
        """Return the request for `event`.

        Raises:
            InvalidEventError: The event has a name of its own, or cannot stand in this encoding.
        """
        self._refuse_name(event, way.event_name)
        content_type, body = self._encode(payload_of(event))
        headers = _headers(self._head, content_type, body)
        return Request(self.target, headers, body, way.deadline, way.before_first_byte, way.progress)

    def address(self, event: Event, event_name: str | None) -> str:
        """Return the URL that `event` goes to: a secret.

        Raises:
            InvalidEventError: The event has a name of its own.
        """
        self._refuse_name(event, event_name)
        return self.target.url

    def name(self, event: Event | None, event_name: str | None) -> None:
        """Return None: the URL names the event."""

    def _refuse_name(self, event: Event, event_name: str | None) -> None:
        if event_name is not None or event.event_name is not None:
            raise InvalidEventError(["event_name: a raw event URL names its event already; give no event name"])


class NamedDoor:
    """The authorised endpoint: the event's name is a part of the path."""

    def __init__(self, base: Target, event_name: str | None) -> None:
        self.target = base
        self._head = _head(base)
        self._default_name = event_name
        if event_name is not None:
            named_event_path(event_name)  # a wrong name is known when the sender is made

    def request(self, event: Event, way: Way) -> Request:
        """Return the request for `event`, without authorisation.

        Raises:
            InvalidEventError: No name is given anywhere, or one that cannot be a path segment.
        """
        target = self._named(event, way.event_name)
        content_type, body = encode_json(payload_of(event))
        headers = _headers(self._head, content_type, body)
        return Request(target, headers, body, way.deadline, way.before_first_byte, way.progress)

    def address(self, event: Event, event_name: str | None) -> str:
        """Return the URL that `event` goes to.

        Raises:
            InvalidEventError: As for `request`.
        """
        return self._named(event, event_name).url

    def name(self, event: Event | None, event_name: str | None) -> str | None:
        """Return the name that `event` goes by; None: nobody gave one that can be sent."""
        name = self._given_name(event, event_name)
        with suppress(InvalidEventError):
            if name is not None:
                named_event_path(name)
                return name
        return None

    def _given_name(self, event: Event | None, event_name: str | None) -> str | None:
        names = event_name, None if event is None else event.event_name, self._default_name
        return next((name for name in names if name is not None), None)

    def _named(self, event: Event, event_name: str | None) -> Target:
        name = self._given_name(event, event_name)
        if name is None:
            raise InvalidEventError(["event_name: none was given by the call, the event or the sender"])
        return attrs.evolve(self.target, path=self.target.path + named_event_path(name))


class TokenDoor:
    """The token endpoint: it gives a token for client credentials."""

    def __init__(self, base: Target) -> None:
        self._target = attrs.evolve(base, path=base.path + TOKEN_PATH)
        self._head = _head(base)

    def request(self, credentials: ClientCredentials) -> Request:
        """Return the request for a new token."""
        grant: Mapping[str, Any] = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        content_type, body = encode_json(grant)
        return Request(self._target, _headers(self._head, content_type, body), body)
