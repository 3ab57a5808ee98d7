"""What makes an event the same one in another run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs

from .._errors import InvalidEventError
from .._events import Event

INVALID, VALID = b"!", b"="
"""What a digest begins with: an event that was wrong by itself was never sent, so another one may take its place."""


@attrs.frozen
class Identity:
    """What makes an event the same one in another run.

    Attributes:
        key: The event's own id, or its key in a queue, with where it goes; or else its position.
        position: Its place in the input, from 0.
        digest: Of what it is and where it goes; for an event with an id, of the key alone.
        has_id: The event has an id of its own.
    """

    key: bytes
    position: int
    digest: bytes = attrs.field(repr=False)
    has_id: bool = False

    @property
    def repeated(self) -> Identity:
        """What stands for this one as the repetition of an earlier one."""
        return attrs.evolve(self, key=self.key + self.position.to_bytes(8, "big"), has_id=False)


def identify(event: Event, position: int, address: str) -> Identity:
    """Return the identity of an event that goes to `address`."""
    if event.event_id is not None:
        digest = _digest(VALID, address, event.event_id)
        return Identity(b"i" + digest, position, digest, has_id=True)
    return Identity(_place(position), position, _digest(VALID, address, event.to_payload()))


def identify_message(key: str, generation: int, address: str) -> Identity:
    """Return the identity of an event that a queue carries: under its key, and anew each time that it is replayed."""
    digest = _digest(VALID, address, key, generation)
    return Identity(b"m" + digest, 0, digest)


def identify_invalid(error: InvalidEventError, position: int) -> Identity:
    """Return the identity of what is no event, which is known by its problems alone."""
    return Identity(_place(position), position, _digest(INVALID, *error.problems))


def _place(position: int) -> bytes:
    return b"p" + position.to_bytes(8, "big")


def _digest(mark: bytes, *parts: Any) -> bytes:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return mark + hashlib.sha256(text.encode()).digest()[:20]
