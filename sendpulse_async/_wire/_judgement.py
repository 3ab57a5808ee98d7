"""What an answer, or the want of one, means for an event: the table of the delivery promises, as code."""

from __future__ import annotations

from .._contract import DUPLICATE_MESSAGE, ERROR_EVENT_NOT_EXISTS
from .._errors import (
    AuthenticationError,
    DeliveryError,
    DuplicateEventError,
    EventNotFoundError,
    FailureScope,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    ServiceUnavailableError,
    UnknownDeliveryError,
)
from .._http import FailureKind, TransportError
from ._answers import Answer


def judge(answer: Answer, *, is_handed_over: bool = True) -> DeliveryError | None:
    """Say what an answer to an event means: None for accepted, else the error that tells.

    Args:
        answer: The answer.
        is_handed_over: Whether the last byte of the request left. With proof that it did not, no answer can
            leave doubt.
    """
    error = _judge_status(answer)
    if not is_handed_over and (error is None or isinstance(error, UnknownDeliveryError)):
        scope = None if error is None else error.scope
        text = f"{_seen(answer)} before the request was complete"
        return NotSentError(text, scope=scope, status_code=answer.status_code)
    return error


def judge_failure(failure: TransportError, *, is_handed_over: bool) -> DeliveryError:
    """Say what an exchange without an answer means for an event."""
    match failure.kind:
        case FailureKind.CERTIFICATE:
            return NotSentError(f"not sent: {failure}", scope=FailureScope.ACCOUNT)
        case FailureKind.CONNECT:
            return NotSentError(f"not sent, no connection: {failure}")
        case FailureKind.EXCHANGE:
            if is_handed_over:
                return UnknownDeliveryError(f"sent, but no answer came: {failure}")
            return NotSentError(f"not wholly sent: {failure}")


def _judge_status(answer: Answer) -> DeliveryError | None:  # noqa: C901, PLR0911 - the table, row by row
    status = answer.status_code
    if answer.is_over_quota:
        return _passing(RateLimitedError, answer)
    if answer.error_code == ERROR_EVENT_NOT_EXISTS and status < 500:
        return _rejected(EventNotFoundError, answer)
    if 200 <= status < 300:
        return _judge_success(answer)
    match status:
        case 401:
            return AuthenticationError(f"{_seen(answer)}: the authorisation was refused", status_code=status)
        case 402 | 403 | 307 | 308:
            return _rejected(PermissionDeniedError, answer)
        case 404 | 405:
            return _rejected(EventNotFoundError, answer)
        case 408 | 421 | 425:
            return _passing(ServiceUnavailableError, answer)
        case 503 if answer.retry_after is not None or _has_envelope(answer):
            return _passing(ServiceUnavailableError, answer)
    if 400 <= status < 500:
        return _rejected(RejectedError, answer)
    # A redirect is never followed: the event may have been taken before it. It concerns every event of this URL.
    return _unknown(answer, FailureScope.ACCOUNT if 300 <= status < 400 else FailureScope.SERVICE)


def _judge_success(answer: Answer) -> DeliveryError | None:
    if not answer.is_body_obtained or (answer.status_code in {201, 202, 204} and not answer.body):
        return None
    values = [(answer.content or {}).get(key) for key in ("result", "success")]
    results = [value for value in values if isinstance(value, bool)]
    if False in results:
        is_duplicate = answer.message in {DUPLICATE_MESSAGE, "Duplicate data"}
        return _rejected(DuplicateEventError if is_duplicate else RejectedError, answer)
    return None if True in results else _unknown(answer, FailureScope.SERVICE)


def _seen(answer: Answer) -> str:
    code = "" if answer.error_code is None else f", error_code {answer.error_code}"
    return f"HTTP {answer.status_code}{code}"


def _passing(
    kind: type[RateLimitedError | ServiceUnavailableError], answer: Answer
) -> RateLimitedError | ServiceUnavailableError:
    what = "the quota is used up" if kind is RateLimitedError else "passingly unavailable"
    return kind(
        f"{_seen(answer)}: {what}",
        status_code=answer.status_code,
        retry_after=answer.retry_after,
        error_code=answer.error_code,
    )


_REJECTIONS: dict[type[RejectedError], str] = {
    RejectedError: "the event was refused",
    DuplicateEventError: "SendPulse has this event already",
    EventNotFoundError: "SendPulse knows no such event; check its name or URL",
    PermissionDeniedError: "not permitted; check the account's plan, its list of addresses, and the URL",
}


def _rejected(kind: type[RejectedError], answer: Answer) -> RejectedError:
    return kind(
        f"{_seen(answer)}: {_REJECTIONS[kind]}",
        status_code=answer.status_code,
        error_code=answer.error_code,
        message=answer.message,
        body=answer.body,
    )


def _unknown(answer: Answer, scope: FailureScope) -> UnknownDeliveryError:
    return UnknownDeliveryError(
        f"{_seen(answer)}: whether the event was taken is unknown", scope=scope, status_code=answer.status_code
    )


def _has_envelope(answer: Answer) -> bool:
    """Tell SendPulse's own refusal from a proxy's, which may have passed the event on: `message` alone says nothing."""
    return answer.error_code is not None or (answer.content or {}).get("success") is False
