"""What the token endpoint's answer means."""

from __future__ import annotations

import math

from .._contract import DEFAULT_TOKEN_LIFETIME
from .._errors import AuthenticationError, NotSentError, RateLimitedError, ServiceUnavailableError
from .._tokens import Token, is_header_safe
from ._answers import Answer

MAX_TOKEN_LIFETIME = 86_400.0
"""Seconds; nobody promises more, so a longer lifetime is a mistake of the answer."""


def read_token(answer: Answer, wall_time: float) -> Token | NotSentError:
    """Return the token that an answer gives, or why there is none; no event was sent either way.

    Args:
        answer: The token endpoint's answer.
        wall_time: Unix time in seconds at which it came.
    """
    content, status = answer.content or {}, answer.status_code
    text = content.get("access_token")
    if status == 200 and isinstance(text, str) and is_header_safe(text):
        return Token(text, wall_time + token_lifetime(content.get("expires_in")))
    if not answer.is_over_quota and (status in {400, 401} or content.get("error") == "invalid_client"):
        return AuthenticationError(
            f"HTTP {status}: the token endpoint refused the client id and secret", status_code=status
        )
    kind = RateLimitedError if answer.is_over_quota else ServiceUnavailableError
    return kind(
        f"HTTP {status}: the token endpoint gave no token",
        status_code=status,
        retry_after=answer.retry_after,
        error_code=answer.error_code,
    )


def token_lifetime(expires_in: object) -> float:
    """Return the seconds a token lives; what cannot be a lifetime counts as the documented one."""
    try:
        seconds = float(expires_in) if isinstance(expires_in, int | float | str) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if isinstance(expires_in, bool) or not seconds > 0:
        return DEFAULT_TOKEN_LIFETIME
    return min(seconds, MAX_TOKEN_LIFETIME)
