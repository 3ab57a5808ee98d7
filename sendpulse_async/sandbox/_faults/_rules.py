"""The rules that a fault's fields obey; each breach names its field."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from .._ledger import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute

MAX_SECONDS: Final = 1_000_000_000
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
_HEADERS_WANTED: Final = (
    "headers must be pairs of a header's name and its text; Content-Length and Transfer-Encoding are the sandbox's own"
)


def rule(holds: Callable[[Any], bool], wanted: str) -> Callable[[object, Attribute[Any], Any], None]:
    """Return an attrs validator; None passes where it is the field's default."""

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if not (holds(value) or (value is None and attribute.default is None)):
            raise ValueError(f"{attribute.name} must be {wanted}")

    return check


def is_whole(value: Any, at_least: int, at_most: float = math.inf) -> bool:
    """Tell whether this is an integer, no bool, within its limits."""
    return isinstance(value, int) and not isinstance(value, bool) and at_least <= value <= at_most


def is_seconds(value: Any) -> bool:
    """Tell whether this is a number, no bool, that is not negative and that clocks can hold."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= MAX_SECONDS


def is_body(value: Any) -> bool:
    """Tell whether this is text, bytes or an object that JSON can hold."""
    if isinstance(value, str | bytes):
        return True
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def to_headers(value: Any) -> tuple[tuple[str, str], ...]:
    """Return the headers as pairs.

    Raises:
        ValueError: They are no pairs of texts, or HTTP cannot carry them.
    """
    try:
        headers = tuple(dict(value).items()) if isinstance(value, dict) else tuple((name, text) for name, text in value)
    except (TypeError, ValueError):
        raise ValueError(_HEADERS_WANTED) from None
    if not all(_is_header(name, text) for name, text in headers):
        raise ValueError(_HEADERS_WANTED)
    return headers


def _is_header(name: Any, text: Any) -> bool:
    if not isinstance(name, str) or not isinstance(text, str) or name.lower() in _FRAMING:
        return False
    return _HEADER_NAME.fullmatch(name) is not None and _HEADER_VALUE.fullmatch(text) is not None


def is_query(_: object, attribute: Attribute[Any], value: Any) -> None:
    """Validate a query, and say what is wrong in it."""
    if value is None:
        return
    if not isinstance(value, str):
        raise ValueError(f"{attribute.name} must be a query as text")  # noqa: TRY004  the one error of a wrong field
    try:
        parse_query(value)
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {error}") from None
