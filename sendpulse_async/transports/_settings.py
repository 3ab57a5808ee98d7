"""What every transport can be told, checked when it is made."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import attrs
import httpx

from .._errors import ConfigurationError

OWN_CONNECTIONS = 100
"""At a time, where a transport opens them itself and nobody says how many."""

HEAD_LIMIT = 100 * 1024
"""Bytes of an answer before its body."""
INTERIM_LIMIT = 20
"""Answers with a status of 1xx before the answer; who sends more of them will send them for ever."""


def _seconds(instance: object, attribute: attrs.Attribute[float | None], value: object) -> None:  # noqa: ARG001
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9):
        name = f"{attribute.name}_timeout"
        raise ConfigurationError(f"{name} must be a number of seconds, more than 0 and less than 1e9, or None")


@attrs.frozen
class Timeouts:
    """Seconds, or None for no bound of its own.

    Args:
        connect: For a connection with its TLS handshake.
        read: For each single read and write.
    """

    connect: float | None = attrs.field(validator=_seconds)
    read: float | None = attrs.field(validator=_seconds)


def checked_limit(max_connections: int | None, default: int) -> int:
    """Return how many requests may be under way at a time.

    Raises:
        ConfigurationError: It is no positive integer.
    """
    if max_connections is None:
        return default
    if isinstance(max_connections, bool) or not isinstance(max_connections, int) or max_connections < 1:
        raise ConfigurationError("max_connections must be a whole number, at least 1")
    return max_connections


def checked_tls(ssl_context: ssl.SSLContext | None) -> Callable[[], ssl.SSLContext]:
    """Return what makes the TLS context: the given one, or one with certifi's authorities.

    Raises:
        ConfigurationError: What was given is none.
    """
    if ssl_context is None:
        return _default_tls
    if not isinstance(ssl_context, ssl.SSLContext):
        raise ConfigurationError("ssl_context must be an ssl.SSLContext")
    return lambda: ssl_context


def _default_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
