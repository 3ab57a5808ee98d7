"""Parameters of the test API, read strictly: each error names its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .._ledger import MAX_ENTRIES, QueryError, parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._ledger import Query

_DEFAULT_LIMIT: Final = 100
_MAX_SEQUENCE: Final = 10**15
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def read_query(params: Mapping[str, str]) -> Query:
    """Return the search of `q`; none matches everything.

    Raises:
        ValueError: It is wrong.
    """
    try:
        return parse_query(params.get("q", ""))
    except QueryError as error:
        raise ValueError(f"q: {error}") from None


def read_whole(params: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    """Return a whole number.

    Raises:
        ValueError: It is none from `least` to `most`.
    """
    text = params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:18]) <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}")
    return int(text[:18])


def read_limit(params: Mapping[str, str]) -> int:
    """Return `limit`, as `read_whole` does."""
    return read_whole(params, "limit", 1, MAX_ENTRIES, _DEFAULT_LIMIT)


def read_sequence(params: Mapping[str, str], name: str) -> int | None:
    """Return a place in the order of arrival, or None when there is none, as `read_whole` does."""
    return read_whole(params, name, 0, _MAX_SEQUENCE, 0) if name in params else None


def read_seconds(params: Mapping[str, str], name: str, most: float, default: float) -> float:
    """Return a number of seconds.

    Raises:
        ValueError: It is none from 0 to `most`.
    """
    text = params.get(name)
    if text is None:
        return default
    if _SECONDS.fullmatch(text) is None or float(text) > most:
        raise ValueError(f"{name} must be a number of seconds from 0 to {most:g}")
    return float(text)


def read_choice(params: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return one of these texts, the first by default.

    Raises:
        ValueError: It is another.
    """
    text = params.get(name, choices[0])
    if text not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    return text
