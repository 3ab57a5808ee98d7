"""What every shared store keeps of a token: its bare text under the account's digits, and for how long."""

from __future__ import annotations

import re
import time

from .._errors import ConfigurationError
from .._tokens import Token, is_header_safe

LONGEST = 16 * 1024
"""Bytes of what may be a token."""
KEPT_SECONDS = 3600.0
"""For a token that does not say when it expires; the official clients keep each of theirs for so long."""

_ACCOUNT = re.compile(r"[0-9a-f]{32}", re.ASCII)
# pysendpulse reads its file as bytes and so sends, and may have kept, the Python literal of these bytes.
_DISGUISE = re.compile(r"b'([^'\\]*)'|b\"([^\"\\]*)\"")


def checked(account: str) -> str:
    """Return the account, which is a part of a path, or of a line of memcached's protocol."""
    if not _ACCOUNT.fullmatch(account):
        raise ConfigurationError("account must be 32 lower-case hex digits")
    return account


def bare(content: bytes) -> str | None:
    """Return the token in what a store holds, without pysendpulse's disguise."""
    if len(content) > LONGEST:
        return None
    text = content.decode("ascii", errors="replace").strip()
    if disguised := _DISGUISE.fullmatch(text):
        text = disguised[1] or disguised[2] or ""
    return text if is_header_safe(text) else None


def seconds_left(token: Token) -> float:
    """Return how long the token is to be kept; 0 or less if it has expired."""
    return KEPT_SECONDS if token.expires_at is None else token.expires_at - time.time()
