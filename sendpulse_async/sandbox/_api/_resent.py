"""A request to be sent again: from the ledger, or from a line of an export."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import frozen

from ..._contract import NAMED_EVENT_PREFIX, RAW_EVENT_PREFIX
from .._wire import MAX_BODY, parse_json

if TYPE_CHECKING:
    from .._ledger import LedgerEntry

_PATH: Final = re.compile(rf"({RAW_EVENT_PREFIX}|/?{NAMED_EVENT_PREFIX})[!-~]*")


@frozen
class Resent:
    """What is sent again.

    Attributes:
        path: A path of the event doors.
        headers: Names in lower case, with values.
        body: The body as sent.
        was_authorized: Whether its authorisation was right, or none was needed.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    was_authorized: bool


def from_entry(entry: LedgerEntry) -> Resent:
    """Return a kept request as one to be sent again."""
    return Resent(entry.path, entry.headers, entry.body, entry.status != 401)


def from_line(line: bytes) -> Resent:
    """Return the request of a line that an export wrote.

    Raises:
        ValueError: It is none.
    """
    try:
        value = parse_json(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  the one error of a bad line
    fields = cast("dict[str, Any]", value)
    path, headers = fields.get("path"), fields.get("headers")
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        raise ValueError("path must be that of an event; export with view=requests")
    if not isinstance(headers, list) or not all(_is_header(pair) for pair in headers):
        raise ValueError("headers must be pairs of texts")
    pairs = tuple((name.lower(), text) for name, text in cast("list[tuple[str, str]]", headers))
    return Resent(path, pairs, _body(fields), fields.get("status") != 401)


def _body(fields: dict[str, Any]) -> bytes:
    text, encoded = fields.get("body"), fields.get("body_base64")
    try:
        if isinstance(text, str):
            body = text.encode()
        elif isinstance(encoded, str):
            body = b64decode(encoded, validate=True)
        else:
            raise ValueError("there is no text")  # noqa: TRY301, TRY004  told below
    except ValueError:
        raise ValueError("body must be text, or body_base64 its bytes in base64") from None
    if len(body) > MAX_BODY:
        raise ValueError("body is larger than 2 MiB")
    return body


def _is_header(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    return all(isinstance(text, str) and _is_latin(text) for text in pair)


def _is_latin(text: str) -> bool:
    return all(" " <= letter <= "\xff" or letter == "\t" for letter in text)
