"""What a queue says of itself."""

from __future__ import annotations

import attrs

from ..._errors import OutcomeStatus
from ..._events import Event


@attrs.frozen
class QueueStats:
    """How many events are where. Those that a worker has in its hands are in none of the counts.

    Attributes:
        waiting: For a worker.
        delayed: Until they are tried again.
        dead: Dead letters, with the copies that a crash may have left of one.
        workers: Worker processes that take events, or are told to end and still have some in their hands.
    """

    waiting: int
    delayed: int
    dead: int
    workers: int


@attrs.frozen
class DeadLetter:
    """An event that was given up. Its repr holds nothing of the event but its name.

    Attributes:
        key: As `EventQueue.put` returned it; None: it was no event of this library.
        event: What was put; None: what lies there cannot be read.
        event_name: The name that it was put with, by the call or by itself.
        status: REJECTED, or UNKNOWN: it may have been taken. None: RabbitMQ itself gave it up, and what came of it the
            delivery log knows, which is asked when it is replayed.
        reason: Why, in the words of the error.
        at: Unix seconds; None: unknown.
        generation: How often it had been replayed.
    """

    key: str | None
    event: Event | None = attrs.field(repr=False)
    event_name: str | None
    status: OutcomeStatus | None
    reason: str
    at: float | None
    generation: int
