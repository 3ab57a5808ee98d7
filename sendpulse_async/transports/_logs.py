"""Keeps a raw event URL, which is a secret, out of the logs of the libraries below.

httpx logs each request's URL at INFO; httpcore logs an answer's headers at DEBUG, and a redirect quotes the URL.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

from .._masking import MASK

_LOGGERS = tuple(
    name
    for library in ("", "2")
    for name in (
        f"httpx{library}",
        f"httpcore{library}.connection",
        f"httpcore{library}.http11",
        f"httpcore{library}.http2",
        f"httpcore{library}.proxy",
    )
)
_secret: ContextVar[str] = ContextVar("sendpulse_async_secret", default="")


class _SecretFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if secret := _secret.get():
            message = record.getMessage()
            if secret in message:
                record.msg, record.args = message.replace(secret, f"/{MASK}"), ()
        return True


_filter = _SecretFilter()


def install_filter() -> None:
    """Make the libraries' loggers mask what `hidden` names; doing it twice does nothing more."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_filter)


class hidden:  # noqa: N801 - a context manager, as a class because it stands in the way of every event
    """Mask `secret` in what this task and its callees log."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __enter__(self) -> None:
        self._token = _secret.set(self._secret)

    def __exit__(self, *_: object) -> None:
        _secret.reset(self._token)
