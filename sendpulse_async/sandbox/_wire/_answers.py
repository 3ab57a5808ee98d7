"""What SendPulse answers, word for word where its words are known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from starlette.responses import Response  # pip install 'sendpulse-async[sandbox]'

from ..._contract import (
    DUPLICATE_MESSAGE,
    ERROR_BADLY_FORMED,
    ERROR_EVENT_NOT_EXISTS,
    ERROR_FORBIDDEN,
    ERROR_NO_DATA,
    ERROR_TOO_MANY_REQUESTS,
    ERROR_UNAUTHORIZED,
    ERROR_VALIDATION,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_TYPE: Final = "application/json"
HTML_TYPE: Final = "text/html"


@frozen(kw_only=True)
class Answer:
    """A whole answer, as data; its content type is added unless its headers have one."""

    status: int
    body: bytes = b""
    media_type: str | None = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    error_code: int | None = None

    def to_response(self) -> Response:
        """Return the answer as Starlette sends it."""
        response = Response(self.body, self.status)
        names = {name.lower() for name, _ in self.headers}
        for name, value in self.headers:
            response.headers.append(name, value)
        if self.media_type is not None and "content-type" not in names:
            response.headers["content-type"] = self.media_type
        return response


def json_answer(status: int, value: Mapping[str, Any]) -> Answer:
    """Return an answer whose body is this JSON object."""
    return Answer(status=status, body=json.dumps(dict(value)).encode(), error_code=code_of(value))


def code_of(value: Mapping[str, Any]) -> int | None:
    """Return the error code that this answer gives, or None."""
    code = value.get("error_code")
    return code if isinstance(code, int) else None


def refusal(status: int, code: int, message: str) -> Answer:
    """Return a refusal in SendPulse's usual envelope."""
    return json_answer(status, {"message": message, "error_code": code})


ACCEPTED: Final = json_answer(200, {"result": True})
DUPLICATE: Final = json_answer(200, {"result": False, "message": DUPLICATE_MESSAGE})
NO_DATA: Final = refusal(400, ERROR_NO_DATA, "No data")
EVENT_NOT_EXISTS: Final = refusal(400, ERROR_EVENT_NOT_EXISTS, "Event not exists")
BADLY_FORMED: Final = refusal(400, ERROR_BADLY_FORMED, "Badly formed incoming data")
UNAUTHORIZED: Final = refusal(401, ERROR_UNAUTHORIZED, "Unauthorized!")
FORBIDDEN: Final = refusal(403, ERROR_FORBIDDEN, "Unauthorized action.")
TOO_LARGE: Final = refusal(413, 413, "The sandbox takes bodies of up to 2 MiB")
CONTACT_NOT_TEXT: Final = refusal(422, ERROR_VALIDATION, "email and phone must be strings")
OVER_LIMIT: Final = refusal(429, ERROR_TOO_MANY_REQUESTS, "More than 10 requests per second")
# SendPulse's words for this are not known.
OVER_MINUTE: Final = refusal(429, 429, "The sandbox's limit of requests per minute is reached")
INVALID_CLIENT: Final = json_answer(
    401,
    {
        "error": "invalid_client",
        "error_description": "Client authentication failed",
        "message": "Client authentication failed",
    },
)

_USUAL: Final = {answer.status: answer for answer in (ACCEPTED, BADLY_FORMED, UNAUTHORIZED, FORBIDDEN, OVER_LIMIT)}
_BODILESS: Final = frozenset({204, 304})


def usual_answer(status: int) -> Answer:
    """Return what SendPulse, or a proxy before it, would likely say with this status."""
    if status in _USUAL:
        return _USUAL[status]
    if status in _BODILESS or 300 <= status < 400:
        return Answer(status=status, media_type=None)
    if status < 300:
        return Answer(status=status, body=ACCEPTED.body)
    if status < 500:
        return refusal(status, status, f"The sandbox was told to answer {status}")
    page = f"<!doctype html><title>{status}</title><h1>The sandbox was told to answer {status}</h1>\n"
    return Answer(status=status, body=page.encode(), media_type=HTML_TYPE)


def takes_body(status: int) -> bool:
    """Tell whether an answer with this status may have a body at all."""
    return status not in _BODILESS
