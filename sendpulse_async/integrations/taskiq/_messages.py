"""An event as a message of RabbitMQ: the event alone is its body; what is said of it stands in its headers."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from ..._errors import OutcomeStatus
from ..._events import Event
from ..._records import event_of
from ._values import DeadLetter
from ._verdicts import Dead

_KEY, _GENERATION, _WAS_UNKNOWN = "sendpulse-key", "sendpulse-generation", "sendpulse-was-unknown"
_STATUS, _REASON = "sendpulse-status", "sendpulse-reason"
_AT = "sendpulse-at"
"""Unix time in milliseconds: the client has no more than single precision for a number with a point."""
_DEATHS = "x-death"
"""The header in which RabbitMQ itself says why it moved a message, the latest reason first."""
_LONGEST_REASON = 500
"""Characters of an error's text that are kept: a sender of the caller's own may say anything."""


class UnreadableError(Exception):
    """A message is no event of this library."""


def key_of(event: Event) -> str:
    """Return what makes an event the same one in a queue; an id may tell of a person, so the key does not show it."""
    if event.event_id is None:
        return secrets.token_hex(16)
    return hashlib.sha256(event.event_id.encode(errors="surrogatepass")).hexdigest()[:32]


@attrs.frozen
class Queued:
    """An event in a queue.

    Attributes:
        record: It, as text.
        key: See `key_of`.
        generation: How often it was replayed; the log knows each time as an event of its own.
        was_unknown: It may have been taken before it was replayed.
    """

    record: bytes = attrs.field(repr=False)
    key: str | None
    generation: int = 0
    was_unknown: bool = False

    @classmethod
    def of(cls, message: AbstractIncomingMessage) -> Self:
        """Return what a message says of itself, which need not be an event."""
        headers = message.headers
        key, generation = headers.get(_KEY), headers.get(_GENERATION)
        is_ours = isinstance(key, str) and isinstance(generation, int)
        return cls(
            record=message.body,
            key=key if isinstance(key, str) and is_ours else None,
            generation=generation if isinstance(generation, int) and is_ours else 0,
            was_unknown=bool(headers.get(_WAS_UNKNOWN)),
        )

    def event(self) -> Event:
        """Return the event.

        Raises:
            UnreadableError: It is none.
        """
        if self.key is None:
            raise UnreadableError
        try:
            return event_of(self.record.decode())
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise UnreadableError from None

    def message(self, dead: Dead | None = None, *, at: float = 0.0, delay: float | None = None) -> Message:
        """Return it as a message that outlives RabbitMQ's restart.

        Args:
            dead: Why it is given up.
            at: When, in Unix seconds.
            delay: Seconds after which it expires where it is put.
        """
        headers: dict[str, Any] = {}
        if self.key is not None:
            headers |= {_KEY: self.key, _GENERATION: self.generation, _WAS_UNKNOWN: self.was_unknown}
        if dead is not None:
            reason = dead.reason.encode(errors="replace").decode()[:_LONGEST_REASON]
            headers |= {_STATUS: dead.status.value, _REASON: reason, _AT: round(at * 1000)}
        return Message(
            self.record,
            headers=headers,
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            expiration=delay,
        )

    def again(self, letter: DeadLetter) -> Queued:
        """Return it as it is replayed.

        What RabbitMQ gave up keeps its generation: the log has the last word on it.
        """
        return attrs.evolve(
            self,
            generation=self.generation + (letter.status is not None),
            was_unknown=self.was_unknown or letter.status is OutcomeStatus.UNKNOWN,
        )


def letter_of(message: AbstractIncomingMessage) -> DeadLetter:
    """Return what a user is shown of a dead letter."""
    queued, headers = Queued.of(message), message.headers
    try:
        event = queued.event()
    except UnreadableError:
        event = None
    said, death = headers.get(_STATUS), _latest_death(headers)
    return DeadLetter(
        key=queued.key,
        event=event,
        event_name=None if event is None else event.event_name,
        status=next((status for status in OutcomeStatus if status.value == said), None),
        reason=str(headers.get(_REASON) or f"RabbitMQ gave it up: {death.get('reason', 'unknown')}"),
        at=_time_of(headers.get(_AT), death.get("time")),
        generation=queued.generation,
    )


def _latest_death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    deaths = headers.get(_DEATHS)
    latest = deaths[0] if isinstance(deaths, list) and deaths else None
    return latest if isinstance(latest, dict) else {}


def _time_of(ours: object, rabbitmqs: object) -> float | None:
    if isinstance(ours, int):
        return ours / 1000
    return rabbitmqs.timestamp() if isinstance(rabbitmqs, datetime) else None
