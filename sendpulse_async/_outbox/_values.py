"""What an outbox says of itself, and what its shelves hold."""

from __future__ import annotations

import attrs

from .._errors import OutcomeStatus
from .._events import Event
from .._records import event_of


@attrs.frozen
class OutboxStats:
    """The counts of an outbox since its file was made: `put == accepted + dead + pending`, always.

    Attributes:
        put: Events that were put.
        accepted: SendPulse took them.
        rejected: Dead letters that will not be taken as they are.
        unknown: Dead letters that may have been taken.
        pending: Still to be delivered.
    """

    put: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    pending: int = 0

    @property
    def dead(self) -> int:
        """Events that were given up; those that were put back into the line do not count."""
        return self.rejected + self.unknown


@attrs.frozen
class Drained:
    """What an outbox did while it was open.

    Attributes:
        delivered: Events that SendPulse took.
        pending: What is left for the next time.
        dead: Events that became dead letters.
    """

    delivered: int = 0
    pending: int = 0
    dead: int = 0


@attrs.frozen
class DeadLetter:
    """An event that was given up. Its repr holds nothing of the event but its name.

    Attributes:
        number: As `Outbox.put` returned it.
        event: What was put, as an `Event`.
        event_name: The name that it was put with, by the call or by itself.
        status: REJECTED, or UNKNOWN: it may have been taken.
        reason: Why, in the words of the error.
        at: Unix seconds.
    """

    number: int
    event: Event = attrs.field(repr=False)
    event_name: str | None
    status: OutcomeStatus
    reason: str
    at: float


# What stands on a shelf


@attrs.frozen
class Entry:
    """A pending event.

    Attributes:
        number: Its own for ever.
        record: It, as text.
        place: In the line; it changes when the event is moved.
    """

    number: int
    record: str = attrs.field(repr=False)
    place: int


@attrs.frozen
class Grave:
    """Why and when an event was given up; see `DeadLetter`."""

    status: OutcomeStatus
    reason: str
    at: float


@attrs.frozen
class Burial:
    """An event that was given up."""

    number: int
    record: str = attrs.field(repr=False)
    grave: Grave


def letter_of(burial: Burial) -> DeadLetter:
    """Return what a user is shown of a burial."""
    event, grave = event_of(burial.record), burial.grave
    return DeadLetter(burial.number, event, event.event_name, grave.status, grave.reason, grave.at)
