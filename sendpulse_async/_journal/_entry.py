"""What is known of one event: the entry of a journal, or of a log that many processes share."""

from __future__ import annotations

import time
from enum import Enum
from typing import Self

import attrs

from .._errors import (
    DeliveryError,
    DuplicateEventError,
    FailureScope,
    NotSentError,
    OutcomeStatus,
    UnknownDeliveryError,
)
from .._outcomes import Outcome, attempts_of

_LONGEST_REASON = 500


class EntryState(Enum):
    """What is known of one event."""

    INTENT = "intent"
    """Its first byte may have left, and no outcome followed: the run was broken off."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """It will not be taken as it is."""
    REFUSED = "refused"
    """Rejected for what is not its own fault: the account, the URL, the event's name."""
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done or told."""
        return self in {EntryState.ACCEPTED, EntryState.REJECTED}

    @property
    def is_doubtful(self) -> bool:
        """Whether sending it again may double it."""
        return self in {EntryState.INTENT, EntryState.UNKNOWN}


@attrs.frozen
class Entry:
    """What is kept of one event: no payload, no address.

    Attributes:
        position: Its place in the input, from 0.
        state: What came of it.
        attempts: Requests that were begun for it in the run that settled it.
        status_code: The HTTP status that decided, or None.
        reason: The error's text.
        at: Unix time in seconds.
        holder: Which claim of which run it comes from, where several processes share the log.
    """

    position: int
    state: EntryState
    attempts: int = 0
    status_code: int | None = None
    reason: str = ""
    at: float = attrs.field(factory=time.time)
    holder: str = ""

    @classmethod
    def of(cls, position: int, outcome: Outcome) -> Self:
        """Return how an outcome is kept."""
        told, reason = outcome.receipt or outcome.error, "" if outcome.error is None else str(outcome.error)
        known = attempts_of(outcome), getattr(told, "status_code", None)
        return cls(position, _state_of(outcome), *known, reason[:_LONGEST_REASON])


def _state_of(outcome: Outcome) -> EntryState:
    """Return how an outcome is kept: a rejection of all events is nobody's own."""
    error = outcome.error
    if outcome.status is OutcomeStatus.REJECTED:
        is_own = not isinstance(error, DeliveryError) or error.scope is FailureScope.EVENT
        return EntryState.REJECTED if is_own else EntryState.REFUSED
    return EntryState(outcome.status.value)


class RepeatedEventError(Exception):
    """An event of this id came before in this run, which makes an outcome of it."""

    def outcome_error(self) -> DuplicateEventError:
        """Return what the outcome says."""
        return DuplicateEventError("event_id: an earlier event of this run has the same one")


class OtherEventError(Exception):
    """The log knows another event under this identity; the text is for the caller's `JournalError`."""


class ClaimedError(Exception):
    """Another process claimed the event after it was looked up."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry)
        self.entry = entry

    def outcome_error(self) -> DeliveryError:
        """Return what the outcome says, of an event that this process did not send."""
        state = self.entry.state
        if state.is_settled:
            return DuplicateEventError("another process settled it meanwhile")
        if not state.is_doubtful:
            return NotSentError("another process had it meanwhile, and did not send it", scope=FailureScope.EVENT)
        return UnknownDeliveryError(
            "another process claimed it meanwhile, and may have sent it", scope=FailureScope.EVENT
        )
