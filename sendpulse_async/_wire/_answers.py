"""What an answer, or the want of one, says about an event: the table of the delivery promises, as code."""

from __future__ import annotations

import json
import math
import re
import zlib
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from .._contract import DUPLICATE_MESSAGE, ERROR_EVENT_NOT_EXISTS, ERROR_TOO_MANY_REQUESTS
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
from .._http import RESPONSE_BODY_LIMIT, FailureKind, Response, TransportError

_TOO_MANY = str(ERROR_TOO_MANY_REQUESTS).encode()
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds. The longest window of a quota is a day, and one odd answer must not silence an account for years."""


@attrs.frozen
class Answer:
    """An answer, understood.

    Attributes:
        body: Decoded, at most 64 KiB.
        content: The body's JSON object, or None where it is none.
        is_body_obtained: The whole body came, and its compression, if any, was undone.
        retry_after: Seconds, a day at most, or None.
    """

    status_code: int
    body: bytes = attrs.field(repr=False)
    content: dict[str, Any] | None = attrs.field(repr=False)
    is_body_obtained: bool
    retry_after: float | None

    @property
    def error_code(self) -> int | None:
        """SendPulse's own number."""
        code = (self.content or {}).get("error_code")
        return code if isinstance(code, int) and not isinstance(code, bool) else None

    @property
    def message(self) -> str | None:
        """SendPulse's own words."""
        message = (self.content or {}).get("message")
        return message if isinstance(message, str) else None

    @property
    def is_over_quota(self) -> bool:
        """Whether the account is over its limit, whatever the status says."""
        return self.status_code == 429 or self.error_code == ERROR_TOO_MANY_REQUESTS

    @property
    def is_confirmed(self) -> bool:
        """Whether the body itself says that the event was taken."""
        return self.content is not None


def read_answer(response: Response, wall_time: float) -> Answer:
    """Understand a response.

    Args:
        response: As it came.
        wall_time: Unix time in seconds, for a `Retry-After` that is a date.
    """
    body, is_decoded = _decoded(response)
    is_obtained = is_decoded and response.is_body_complete
    return Answer(
        response.status_code,
        body,
        _json_object(body) if is_obtained else None,
        is_obtained,
        _retry_after(response, wall_time),
    )


def is_over_quota(response: Response) -> bool:
    """Tell whether everybody who shares the account has to pause; costs nothing on the usual answer."""
    if response.status_code == 429:
        return True
    may_say_so = _TOO_MANY in response.body or response.header(b"content-encoding")
    return bool(may_say_so) and read_answer(response, 0.0).is_over_quota


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


def _decoded(response: Response) -> tuple[bytes, bool]:
    """Return the body without its compression, and whether that worked: a server may ignore `identity`."""
    encodings = [e for e in ",".join(response.header(b"content-encoding")).lower().split(",") if e.strip()]
    names = [name.strip() for name in encodings if name.strip() != "identity"]
    if not names:
        return response.body, True
    if names not in (["gzip"], ["x-gzip"], ["deflate"]):
        return b"", False
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        body = unpack.decompress(response.body, RESPONSE_BODY_LIMIT)
    except zlib.error:
        return b"", False
    return body, unpack.eof


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = _decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, unless it gives one name two values: which of them counts is anybody's guess (RFC 8259)."""
    found = dict(pairs)
    if len(found) < len(pairs) and any(found[name] != value for name, value in pairs):
        raise ValueError("a name has two values")
    return found


def _integer(digits: str) -> float:
    """Return a JSON integer; Python refuses to read one of thousands of digits, which says nothing of the event."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


_LONGEST_INTEGER = 600
_decode = json.JSONDecoder(object_pairs_hook=_unambiguous, parse_int=_integer).decode


def _retry_after(response: Response, wall_time: float) -> float | None:
    """Return the longest wait that the answer asks for; what is no finite future time is ignored.

    A date is reckoned from the answer's own `Date`, where it has one: two machines' clocks may be hours apart.
    """
    own_times = [moment for value in response.header(b"date") if (moment := _moment(value)) is not None]
    now = max(own_times, default=wall_time)
    waits = [wait for value in response.header(b"retry-after") if (wait := _seconds(value, now)) is not None]
    return min(max(waits), LONGEST_RETRY_AFTER) if waits else None


def _seconds(value: str, now: float) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    moment = _moment(value)
    return moment - now if moment is not None and moment >= now else None


def _moment(value: str) -> float | None:
    """Return the Unix time of an HTTP date."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
