"""The error tree, and the four outcomes that an event can have.

    SendPulseError
    ├─ ConfigurationError (also ValueError)
    ├─ InvalidEventError (also ValueError)
    ├─ DeliveryError
    │   ├─ NotSentError
    │   │   ├─ RateLimitedError
    │   │   ├─ ServiceUnavailableError
    │   │   └─ AuthenticationError
    │   ├─ UnknownDeliveryError
    │   └─ RejectedError
    │       ├─ PermissionDeniedError
    │       ├─ EventNotFoundError
    │       └─ DuplicateEventError
    ├─ StoppedError
    ├─ BulkError (defined beside the report that it carries)
    └─ JournalError

No text here holds a secret, an address or a payload: errors end up in logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar


class OutcomeStatus(Enum):
    """What came of an event: every event ends in exactly one of these."""

    ACCEPTED = "accepted"
    """SendPulse took it."""
    REJECTED = "rejected"
    """SendPulse, or the validation before any I/O, will not take it; repeating it is pointless."""
    NOT_SENT = "not_sent"
    """Proof that SendPulse did not take it; sending it again cannot double it."""
    UNKNOWN = "unknown"
    """The whole request left and no answer settled it; sending it again may double it."""


class FailureScope(Enum):
    """How far a failure reaches beyond the event that met it; a bulk run acts on it."""

    EVENT = "event"
    """This event only."""
    ENDPOINT = "endpoint"
    """Likely every event of this name or URL: several in a row stop a bulk run."""
    ACCOUNT = "account"
    """Every event of this sender: a bulk run stops at once."""
    SERVICE = "service"
    """Likely every event for a while: several in a row open a bulk run's breaker."""


class SendPulseError(Exception):
    """The root of every error that this library raises on purpose."""


class ConfigurationError(SendPulseError, ValueError):
    """A URL, a credential or a setting is wrong; the text names it and says what to do."""


class InvalidEventError(SendPulseError, ValueError):
    """An event cannot be sent as it is, found before any I/O.

    Attributes:
        problems: All problems, each beginning with the path of its field.
    """

    def __init__(self, problems: Sequence[str] = ()) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "; ".join(self.problems)


class DeliveryError(SendPulseError):
    """An event was not accepted.

    Attributes:
        status: The event's outcome.
        scope: How far the failure reaches beyond this event.
        attempts: Requests that were begun for this event.
        elapsed: Seconds from the call to its end, waiting included.
        status_code: The HTTP status that decided, or None without an answer.
    """

    status: ClassVar[OutcomeStatus]
    usual_scope: ClassVar[FailureScope] = FailureScope.SERVICE

    def __init__(self, message: str = "", *, scope: FailureScope | None = None, status_code: int | None = None) -> None:
        super().__init__(message)
        self.scope: FailureScope = scope or self.usual_scope
        self.status_code = status_code
        self.attempts = 0
        self.elapsed: float = 0.0


class NotSentError(DeliveryError):
    """The event was surely not taken: sending it again cannot double it."""

    status = OutcomeStatus.NOT_SENT


class _PassingRefusalError(NotSentError):
    """SendPulse refused for a reason that passes.

    Attributes:
        retry_after: Seconds that SendPulse, or this sender's own limit, asks to wait; None: not said.
        error_code: SendPulse's own number, or None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        scope: FailureScope | None = None,
        status_code: int | None = None,
        retry_after: float | None = None,
        error_code: int | None = None,
    ) -> None:
        super().__init__(message, scope=scope, status_code=status_code)
        self.retry_after = retry_after
        self.error_code = error_code


class RateLimitedError(_PassingRefusalError):
    """The quota is used up, after all repeats that fitted into the deadline."""


class ServiceUnavailableError(_PassingRefusalError):
    """SendPulse is passingly unable to take events, after all repeats."""


class AuthenticationError(NotSentError):
    """The credentials were refused, or a fresh token (an API key: at once) by the event endpoint."""

    usual_scope = FailureScope.ACCOUNT


class UnknownDeliveryError(DeliveryError):
    """The event may or may not have been taken: sending it again may double it."""

    status = OutcomeStatus.UNKNOWN


class RejectedError(DeliveryError):
    """SendPulse refused this event; repeating the same thing is pointless.

    Attributes:
        error_code: SendPulse's own number, or None.
        message: SendPulse's own words, or None; they are not in the error's text, since they may quote the event.
        body: The answer's body, at most 64 KiB.
    """

    status = OutcomeStatus.REJECTED
    usual_scope = FailureScope.EVENT

    def __init__(
        self,
        text: str = "",
        *,
        scope: FailureScope | None = None,
        status_code: int | None = None,
        error_code: int | None = None,
        message: str | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(text, scope=scope, status_code=status_code)
        self.error_code = error_code
        self.message = message
        self.body = body


class PermissionDeniedError(RejectedError):
    """The account, its plan or its list of addresses does not permit this, or the URL has moved."""

    usual_scope = FailureScope.ACCOUNT


class EventNotFoundError(RejectedError):
    """SendPulse knows no event of this name or URL."""

    usual_scope = FailureScope.ENDPOINT


class DuplicateEventError(RejectedError):
    """SendPulse has this event already."""


class StoppedError(SendPulseError):
    """A bulk run was ended by its breaker or by `max_failures`."""


class JournalError(SendPulseError):
    """A journal, an outbox, a delivery log or a queue cannot be used, or belongs to another input; see its text."""
