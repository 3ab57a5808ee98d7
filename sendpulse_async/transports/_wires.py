"""What an HTTP connection writes to and reads from: a byte stream, with TLS or without, that tells how far it got."""

from __future__ import annotations

import socket
import ssl
from typing import Protocol

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from .._http import FailureKind, Target
from .._loops import is_asyncio
from ._failures import translate
from ._sockets import WatchedSocket, open_socket

_READ_SIZE = 64 * 1024
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
    def is_readable(self) -> bool:
        """Whether the other side sent or closed: then an idle connection must not be used again."""
        ...

    async def aclose(self) -> None:
        """Close at once; what was not handed over never leaves."""
        ...


class WatchedWire:
    """On asyncio: one write, and the socket's own buffer is the proof of what left."""

    def __init__(self, sock: WatchedSocket, stream: ByteStream) -> None:
        self._socket = sock
        self._stream = stream

    @property
    def is_handed_over(self) -> bool:
        return self._socket.is_handed_over

    @property
    def is_readable(self) -> bool:
        return self._socket.is_readable

    async def write_request(self, data: bytes, patience: float | None) -> None:
        self._socket.patience = patience
        self._socket.begin_request()
        try:
            await self._stream.send(data)
        except _LOST as error:
            raise translate(error, FailureKind.EXCHANGE) from None

    async def read(self, patience: float | None) -> bytes:
        self._socket.patience = patience
        try:
            return await self._stream.receive(_READ_SIZE)
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
        self.is_handed_over = False

    @property
    def is_readable(self) -> bool:
        try:
            return len(self._stream.extra(SocketAttribute.raw_socket).recv(1, socket.MSG_PEEK)) >= 0
        except BlockingIOError:
            return False
        except OSError:
            return True

    async def write_request(self, data: bytes, patience: float | None) -> None:
        self.is_handed_over = False
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
                return await self._stream.receive(_READ_SIZE)
        except anyio.EndOfStream:
            return b""
        except _LOST as error:
            raise translate(error, FailureKind.EXCHANGE) from None

    async def aclose(self) -> None:
        await anyio.aclose_forcefully(self._stream)


async def connect(target: Target, tls: ssl.SSLContext | None, patience: float | None) -> Wire:
    """Open a connection.

    Raises:
        TransportError: There is none within `patience` seconds, or its certificate is not valid.
    """
    try:
        with anyio.fail_after(patience):
            if is_asyncio():
                sock = await open_socket(target.host, target.port)
                return WatchedWire(sock, await _secured(sock, target, tls))
            return SplitWire(await _secured(await anyio.connect_tcp(target.host, target.port), target, tls))
    except _LOST as error:
        raise translate(error, FailureKind.CONNECT) from None


async def _secured(stream: ByteStream, target: Target, tls: ssl.SSLContext | None) -> ByteStream:
    if tls is None:
        return stream
    try:
        return await TLSStream.wrap(stream, hostname=target.host, ssl_context=tls, standard_compatible=False)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise
