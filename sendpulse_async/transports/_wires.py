"""What an HTTP connection writes to and reads from: a byte stream, with TLS or without, that tells how far it got."""

from __future__ import annotations

import select
import ssl
import sys
from collections.abc import Callable
from typing import Protocol

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

from .._http import FailureKind, Target
from .._loops import is_asyncio
from ._failures import translate
from ._sockets import WatchedSocket
from ._watched import READ_SIZE, limit_unsent, open_connection

_LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)


class Wire(Protocol):
    """One open connection."""

    @property
    def is_handed_over(self) -> bool:
        """Whether the last byte of the latest request left, or may have left."""
        ...

    async def write_request(self, data: bytes, patience: float | None) -> None:
        """Write a whole request.

        Raises:
            TransportError: It could not be written, or not within `patience` seconds.
        """
        ...

    async def read(self, patience: float | None) -> bytes:
        """Return what came next; nothing at the end.

        Raises:
            TransportError: The connection broke, or nothing came within `patience` seconds.
        """
        ...

    @property
    def has_stirred(self) -> bool:
        """Whether the other side sent or closed since the latest answer: then no request may follow."""
        ...

    async def aclose(self) -> None:
        """Close at once; what was not handed over never leaves."""
        ...


class WatchedWire:
    """On asyncio: one write, and the socket's own buffer is the proof of what left."""

    def __init__(self, sock: WatchedSocket, stream: ByteStream) -> None:
        self._socket = sock
        self._stream = stream
        self._tls = _tls_of(stream)
        self._greets = self._tls is not None
        self._has_input = input_probe(sock.descriptor)

    @property
    def is_handed_over(self) -> bool:
        return self._socket.is_handed_over

    @property
    def has_stirred(self) -> bool:
        sock = self._socket
        if sock.is_ended or _has_plaintext(self._tls):
            return True
        return not self._greets and (sock.has_unread or self._has_input())

    async def write_request(self, data: bytes, patience: float | None) -> None:
        self._greets = False
        self._socket.patience = patience
        self._socket.begin_request()
        try:
            await self._stream.send(data)
        except _LOST as error:
            raise translate(error, FailureKind.EXCHANGE) from None

    async def read(self, patience: float | None) -> bytes:
        self._socket.patience = patience
        try:
            return await self._stream.receive(READ_SIZE)
        except anyio.EndOfStream:
            return b""
        except _LOST as error:
            raise translate(error, FailureKind.EXCHANGE) from None

    async def aclose(self) -> None:
        self._socket.abort()


class SplitWire:
    """Elsewhere: the last byte is written by itself, and until then no server can hold a complete request."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._tls = _tls_of(stream)
        self._greets = self._tls is not None
        self._has_input = input_probe(stream.extra(SocketAttribute.raw_socket).fileno())
        self.is_handed_over = False

    @property
    def has_stirred(self) -> bool:
        return _has_plaintext(self._tls) or (not self._greets and self._has_input())

    async def write_request(self, data: bytes, patience: float | None) -> None:
        self.is_handed_over = self._greets = False
        try:
            with anyio.fail_after(patience):
                await self._stream.send(data[:-1])
                self.is_handed_over = True
                await self._stream.send(data[-1:])
        except _LOST as error:
            raise translate(error, FailureKind.EXCHANGE) from None

    async def read(self, patience: float | None) -> bytes:
        try:
            with anyio.fail_after(patience):
                return await self._stream.receive(READ_SIZE)
        except anyio.EndOfStream:
            return b""
        except _LOST as error:
            raise translate(error, FailureKind.EXCHANGE) from None

    async def aclose(self) -> None:
        await anyio.aclose_forcefully(self._stream)


def _tls_of(stream: ByteStream) -> ssl.SSLObject | None:
    """Return what speaks TLS; its server may speak first: TLS 1.3 sends tickets unasked after the handshake."""
    return stream.extra(TLSAttribute.ssl_object, None)


def _has_plaintext(tls: ssl.SSLObject | None) -> bool:
    """Ask TLS, which may have taken more from the socket than was read from it."""
    if tls is None:
        return False
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True


def input_probe(descriptor: int) -> Callable[[], bool]:
    """Return what asks the operating system for input: an event loop that was busy has not looked yet."""
    if not hasattr(select, "poll"):  # on Windows
        return lambda: bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return lambda: bool(poll.poll(0))


async def connect(target: Target, tls: ssl.SSLContext | None, patience: float | None) -> Wire:
    """Open a connection.

    Raises:
        TransportError: There is none within `patience` seconds, or its certificate is not valid.
    """
    handled = sys.exception()
    try:
        with anyio.fail_after(patience):
            if is_asyncio():
                sock = await open_connection(target.host, target.port, WatchedSocket)
                return WatchedWire(sock, await _secured(sock, target, tls))
            stream = await anyio.connect_tcp(target.host, target.port)
            limit_unsent(stream.extra(SocketAttribute.raw_socket))
            return SplitWire(await _secured(stream, target, tls))
    except (*_LOST, UnicodeError) as error:  # a host name that DNS cannot carry
        raise translate(error, FailureKind.CONNECT, handled=handled) from None


async def _secured(stream: ByteStream, target: Target, tls: ssl.SSLContext | None) -> ByteStream:
    if tls is None:
        return stream
    try:
        return await TLSStream.wrap(stream, hostname=target.host, ssl_context=tls, standard_compatible=False)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise
