"""asyncio sockets that know which bytes left: the network backend below httpcore's connections.

The write buffer's limit is zero, so asyncio reports each byte that stays behind (`pause_writing`) and the moment the
last one goes (`resume_writing`). A request whose bytes are still behind when its connection ends was never complete.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

import anyio
import httpcore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

_READ_SIZE = 64 * 1024
_UNREAD_LIMIT = 4 * _READ_SIZE
_HAPPY_EYEBALLS_DELAY = 0.25  # seconds; RFC 8305, section 5


class _Socket(asyncio.BufferedProtocol, ByteStream):
    """One connected TCP socket as a byte stream."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._space = memoryview(bytearray(_READ_SIZE))
        self._unread = bytearray()
        self._is_ended = False
        self._is_behind = False
        self._wakeup: asyncio.Future[None] | None = None
        self._is_request = False
        self.is_handed_over = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection gives
        transport.set_write_buffer_limits(high=0)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        self._unread += self._space[:nbytes]
        if len(self._unread) >= _UNREAD_LIMIT:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._is_ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the phase says more than its class
        self._is_ended = True
        self._wake()

    def pause_writing(self) -> None:
        self._is_behind = True

    def resume_writing(self) -> None:
        self._is_behind = False
        if self._is_request:
            self.is_handed_over = True
        self._wake()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    async def _wait(self) -> None:
        self._wakeup = asyncio.get_running_loop().create_future()
        try:
            await self._wakeup
        finally:
            self._wakeup = None

    # What httpcore and TLS call

    def begin_request(self) -> None:
        """Watch the next write: it is a whole request."""
        self.is_handed_over = False
        self._is_request = True

    async def send(self, item: bytes) -> None:
        if self._transport.is_closing():
            raise anyio.BrokenResourceError
        self._transport.write(item)
        if self._transport.is_closing():  # the write itself failed: asyncio sent nothing, and dropped what it kept
            raise anyio.BrokenResourceError
        while self._is_behind:
            if self._is_ended:
                raise anyio.BrokenResourceError
            await self._wait()
        if self._is_request:
            self.is_handed_over = True
            self._is_request = False

    async def receive(self, max_bytes: int = _READ_SIZE) -> bytes:
        while not self._unread:
            if self._is_ended:
                raise anyio.EndOfStream
            await self._wait()
        data = bytes(self._unread[:max_bytes])
        del self._unread[:max_bytes]
        if len(self._unread) < _UNREAD_LIMIT and not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.abort()

    def abort(self) -> None:
        """End the connection now: bytes that are still behind never leave."""
        self._transport.abort()

    @property
    def is_readable(self) -> bool:
        """Whether the other side sent or closed: an idle connection that is readable must not be used again."""
        return bool(self._unread) or self._is_ended or self._transport.is_closing()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        return {SocketAttribute.raw_socket: lambda: self._transport.get_extra_info("socket")}


class NetworkStream(httpcore.AsyncNetworkStream):
    """A connection as httpcore sees it; joins head and body of a request into one write.

    Attributes:
        has_begun: A part of the latest request was given to this stream.
    """

    def __init__(self, sock: _Socket) -> None:
        self._socket = sock
        self._stream: ByteStream = sock
        self._head = b""
        self.has_begun = False

    @property
    def is_handed_over(self) -> bool:
        """Whether the last byte of the latest request left this process."""
        return self._socket.is_handed_over

    def begin_request(self) -> None:
        """Forget the last request: the next two writes are a head and its body."""
        self._head = b""
        self.has_begun = False

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        self.has_begun = True
        if not self._head:
            self._head = buffer
            return
        self._socket.begin_request()
        try:
            async with asyncio.timeout(timeout):
                await self._stream.send(self._head + buffer)
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise httpcore.WriteError from None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._stream.receive(max_bytes)
        except TimeoutError:
            raise httpcore.ReadTimeout from None
        except anyio.EndOfStream:
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise httpcore.ReadError from None

    async def aclose(self) -> None:
        self._socket.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        try:
            async with asyncio.timeout(timeout):
                self._stream = await TLSStream.wrap(
                    self._socket, ssl_context=ssl_context, hostname=server_hostname, standard_compatible=False
                )
        except BaseException as error:
            self._socket.abort()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout from None
            if isinstance(error, OSError | anyio.BrokenResourceError | anyio.EndOfStream):
                raise httpcore.ConnectError from error
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._socket.is_readable
        if info == "ssl_object":
            return self._stream.extra(TLSAttribute.ssl_object, None)
        return None


class SocketBackend(httpcore.AsyncNetworkBackend):
    """Opens the one socket of one connection, and remembers it.

    Attributes:
        stream: The connection's stream, once there is one.
    """

    def __init__(self) -> None:
        self.stream: NetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        del local_address, socket_options  # never given by our connections
        loop = asyncio.get_running_loop()
        # uvloop has no such option: it tries the addresses one by one.
        options: dict[str, Any] = (
            {"happy_eyeballs_delay": _HAPPY_EYEBALLS_DELAY} if isinstance(loop, asyncio.BaseEventLoop) else {}
        )
        try:
            async with asyncio.timeout(timeout):
                _, sock = await loop.create_connection(_Socket, host, port, **options)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError as error:
            raise httpcore.ConnectError from error
        self.stream = NetworkStream(sock)
        return self.stream
