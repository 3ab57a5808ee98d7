"""Keeps a raw event URL and a token out of the logs of the libraries below.

httpx logs each request's URL at INFO; httpcore logs an answer's headers at DEBUG, and a server may echo anything.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar

from .._http import Request
from .._masking import MASK

_HTTPCORE = ("connection", "http11", "http2", "proxy", "socks")
_LOGGERS = (
    *("httpx", "httpx2", "hpack.hpack", "hpack.table"),
    *(f"httpcore{version}.{part}" for version in ("", "2") for part in _HTTPCORE),
)
_sending: ContextVar[Request | None] = ContextVar("sendpulse_async_sending", default=None)
_EXCEPTION = re.compile(r"exception=(\w+)\(.*", re.DOTALL)


class _SecretFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if (request := _sending.get()) is not None:
            message = _EXCEPTION.sub(r"exception=\1", record.getMessage())  # its words may quote what came
            for secret in _secrets(request):
                message = message.replace(secret, MASK)
            record.msg, record.args = message, ()
        return True


def _secrets(request: Request) -> list[str]:
    tokens = [value.decode().rpartition(" ")[2] for name, value in request.headers if name == b"Authorization"]
    return [request.target.path, *tokens]


_filter = _SecretFilter()


def install_filter() -> None:
    """Make the libraries' loggers mask the secrets of what is being sent; doing it twice does nothing more."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_filter)


class sending:  # noqa: N801 - a context manager, as a class because it stands in the way of every event
    """Mask the secrets of `request` in what this task and its callees log."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._token = _sending.set(self._request)

    def __exit__(self, *_: object) -> None:
        _sending.reset(self._token)
