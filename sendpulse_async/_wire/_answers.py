"""What an answer says, read as it came: no word yet about what that means for an event."""

from __future__ import annotations

import json
import math
import zlib
from functools import lru_cache
from typing import Any

import attrs

from .._contract import ERROR_TOO_MANY_REQUESTS
from .._http import RESPONSE_BODY_LIMIT, Response
from ._retry_after import retry_after

_TOO_MANY = str(ERROR_TOO_MANY_REQUESTS).encode()


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
        retry_after(response, wall_time),
    )


def is_over_quota(response: Response) -> bool:
    """Tell whether everybody who shares the account has to pause; costs nothing on the usual answer."""
    if response.status_code == 429:
        return True
    may_say_so = _TOO_MANY in response.body or response.header(b"content-encoding")
    return bool(may_say_so) and read_answer(response, 0.0).is_over_quota


def _decoded(response: Response) -> tuple[bytes, bool]:
    """Return the body without its compression, and whether that worked: a server may ignore `identity`."""
    encodings = ",".join(response.header(b"content-encoding")).lower().split(",")
    names = [name for encoding in encodings if (name := encoding.strip()) not in {"", "identity"}]
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
    return _usual(body) if len(body) <= _SHORT else _read_object(body)


def _read_object(body: bytes) -> dict[str, Any] | None:
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


_SHORT = 32
"""Bytes of a body such as `{"result": true}`: millions of answers are one of a few, which need not be read again."""
_usual = lru_cache(16)(_read_object)
_LONGEST_INTEGER = 600
_decode = json.JSONDecoder(object_pairs_hook=_unambiguous, parse_int=_integer).decode
