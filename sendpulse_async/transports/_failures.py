"""Translates the exceptions of httpx, httpcore and their successors into our one, without their words.

A library's message may quote what a server sent, and a server may echo a request: so its text goes no further than
here. The modules are looked up, never imported: whoever raises one of these has imported it.
"""

from __future__ import annotations

import re
import ssl
import sys

import anyio

from .._http import FailureKind, TransportError

_MODULES = ("httpcore", "httpx", "httpcore2", "httpx2")
_BEFORE_CONNECTION = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
_ALL = (
    *_BEFORE_CONNECTION,
    "TimeoutException",
    "NetworkError",
    "ProtocolError",
    "HTTPError",
    "StreamError",
    "InvalidURL",
)
_STATUS = re.compile(r"[1-5][0-9]{2}\b")


def _classes(names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    modules = [sys.modules[name] for name in _MODULES if name in sys.modules]
    return tuple(getattr(module, name) for module in modules for name in names if hasattr(module, name))


def exchange_errors() -> tuple[type[Exception], ...]:
    """Return what an exchange may raise; for an `except` clause, so it is computed when something was raised."""
    return (*_classes(_ALL), OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


def translate(
    error: Exception, kind: FailureKind | None = None, *, handled: BaseException | None = None
) -> TransportError:
    """Return our own error for one of `exchange_errors`.

    Args:
        error: What was raised.
        kind: Where it was raised, if that is known better than its class tells.
        handled: What the caller was dealing with when the exchange began, and so no cause of this.
    """
    causes = _chain(error, handled)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"the server's certificate is not valid: {cause.verify_message}"
            return TransportError(FailureKind.CERTIFICATE, reason)
    if kind is None:
        kind = FailureKind.CONNECT if isinstance(error, _classes(_BEFORE_CONNECTION)) else FailureKind.EXCHANGE
    return TransportError(kind, _named(error, causes))


def _chain(error: BaseException, handled: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current is not handled and current not in chain:
        chain.append(current)
        # httpcore's pool raises `from None`, which leaves the cause in the context alone.
        current = current.__cause__ or current.__context__
    return chain


def _named(error: Exception, causes: list[BaseException]) -> str:
    """Return the class, and the operating system's own words where there are any: these never quote a peer.

    Of a proxy that opened no tunnel its status is told, which is all of its answer that cannot hold a secret.
    """
    if isinstance(error, _classes(("ProxyError",))) and (status := _STATUS.match(str(error))):
        return f"the proxy answered {status[0]}"
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
            return f"{type(cause).__name__}: {cause.strerror}"
    return type(error).__name__
