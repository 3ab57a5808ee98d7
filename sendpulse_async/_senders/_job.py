"""One event on its way through a sender."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from .._errors import DeliveryError, FailureScope, InvalidEventError, UnknownDeliveryError
from .._events import Event
from .._hooks import BulkRun, Watch
from .._http import Meter, Progress
from .._outcomes import Outcome
from ..typed._declaration import read_declared


@attrs.define(eq=False)
class Job:
    """One event on its way.

    Attributes:
        index: See `Outcome.index`.
        given: The event as it was given.
        event_name: The call's own.
        deadline: Seconds for all of it.
        place_at: See `Progress.place_at`.
        also: See `Progress.also`.
        earlier_attempts: Requests made for it before it was put back.
        was_unknown: An earlier run, or so it seems, may have had it taken; see `Progress.was_unknown`.
        is_settled: An earlier run settled it: it has no outcome again.
        is_old: Its outcome is what an earlier run left.
        before_first_byte: See `Request.before_first_byte`.
        event: What was given, checked.
        outcome: What came of it, known before anybody is told, a cancelled one's too.
        is_told: Everybody was, or is being, told.
        run: The bulk run that it is a part of.
        is_offered: Its sender counts it.
        watch: Tells the sender's hooks of it, if any.
    """

    index: int
    given: Any = attrs.field(repr=False)
    event_name: str | None = None
    deadline: float = math.inf
    place_at: float | None = None
    also: Meter | None = None
    earlier_attempts: int = 0
    was_unknown: bool = False
    is_settled: bool = False
    is_old: bool = False
    before_first_byte: Callable[[], Awaitable[None]] | None = None
    event: Event | None = attrs.field(default=None, repr=False)
    outcome: Outcome | None = None
    is_told: bool = False
    run: BulkRun | None = None
    is_offered: bool = False
    watch: Watch | None = None


def read_event(given: Any) -> Event:
    """Return what was given as an event.

    Raises:
        InvalidEventError: It is none.
    """
    try:
        if isinstance(given, Event):
            return given
        if type(given) is not dict and (event := read_declared(given)) is not None:
            return event
        return Event.from_mapping(given)
    except InvalidEventError:
        raise
    except Exception as fault:  # noqa: BLE001 - a mapping of the caller's own may raise anything when it is read
        raise InvalidEventError([f"event: reading it raised {type(fault).__name__}"]) from None


def progress_of(job: Job) -> Progress:
    """Return where to note how far it gets."""
    on_attempt = None if job.watch is None else job.watch.attempt
    return Progress(place_at=job.place_at, also=job.also, was_unknown=job.was_unknown, on_attempt=on_attempt)


def still_unknown(last: DeliveryError | InvalidEventError) -> UnknownDeliveryError:
    """Return what comes of an event that an earlier attempt may have had taken: only an acceptance settles that."""
    text = f"an earlier attempt may have been taken; then: {last}"
    if isinstance(last, InvalidEventError):
        error = UnknownDeliveryError(text, scope=FailureScope.EVENT)
    else:
        error = UnknownDeliveryError(text, scope=last.scope, status_code=last.status_code)
    error.__cause__ = last
    return error
