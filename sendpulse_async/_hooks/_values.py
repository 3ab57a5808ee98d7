"""What hooks are told of. Of an event, of a secret and of a URL's path none of it shows anything.

An `error` is the one that the caller gets: its `message` and `body`, where it has them, are SendPulse's own words.
"""

from __future__ import annotations

import attrs

from .._errors import DeliveryError, OutcomeStatus


@attrs.frozen(eq=False)
class BulkRun:
    """A run of `send_many` or `stream_many`, from its beginning to its report.

    Attributes:
        max_in_flight: Events on their way at a time.
    """

    max_in_flight: int


@attrs.frozen(eq=False)
class Sending:
    """One event on its way, the same object for all that is told of it; of the event itself it holds the name alone.

    Attributes:
        index: As in the event's `Outcome`.
        event_name: The name it goes by; None where its URL names it.
        scheme: `https`, or `http` to this machine.
        host: Where it goes.
        port: Likewise.
        run: The bulk run that it is a part of, or None.
    """

    index: int
    event_name: str | None
    scheme: str
    host: str
    port: int
    run: BulkRun | None = None


@attrs.frozen
class Attempt:
    """One request for an event, once it is known what came of it.

    Attributes:
        number: From 1; the event's requests, whatever they were made for.
        status: What it alone says of the event.
        status_code: The HTTP status, or None where none came.
        elapsed: Seconds from its first step on the network, waits for the rate limit not included.
        error: What it met; None: it was accepted.
    """

    number: int
    status: OutcomeStatus
    status_code: int | None
    elapsed: float
    error: DeliveryError | None = None


@attrs.frozen
class Pause:
    """SendPulse said that the quota is used up, so nobody who shares the sender's `Quota` begins a request.

    Attributes:
        seconds: From now on.
    """

    seconds: float


@attrs.frozen
class TokenRequest:
    """One request for a token, once it is known what came of it. A token itself is told to nobody.

    Attributes:
        elapsed: Seconds.
        error: Why there is none; None: there is one.
    """

    elapsed: float
    error: DeliveryError | None = None
