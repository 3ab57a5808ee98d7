"""An asyncio connection that knows which bytes left.

The write buffer's limit is zero, so asyncio reports each byte that stays behind (`pause_writing`) and the moment the
last one goes (`resume_writing`). A request whose bytes are still behind when its connection ends was never complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, TypeVar, cast

READ_SIZE = 4 * 1024
"""Bytes. An answer has a few hundred; a flood of tiny chunks must not hold the event loop for long in one turn."""
UNSENT_LIMIT = 16 * 1024
"""Bytes that wait in the operating system to be sent. It would take megabytes, of which nobody knows what left."""
_HAPPY_EYEBALLS_DELAY = 0.25  # seconds; RFC 8305, section 5


class WatchedProtocol(asyncio.BufferedProtocol):
    """One connected TCP socket.

    Attributes:
        patience: Seconds that a single wait may last; None: for ever.
        is_connected: There is a socket.
        is_handed_over: All bytes of the request went to the operating system.
    """

    _transport: asyncio.Transport
    _loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.patience: float | None = None
        self.is_connected = False
        self.is_handed_over = False
        self._is_request = False
        self._is_behind = False
        self._is_ended = False
        self._fault: Exception | None = None
        self._space = memoryview(bytearray(READ_SIZE))
        self._wakeup: asyncio.Future[None] | None = None
        self._wait_ends = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not derive from asyncio's
        self._loop = asyncio.get_running_loop()
        self.is_connected = True
        self._transport.set_write_buffer_limits(high=0)
        limit_unsent(transport.get_extra_info("socket"))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what stands at the beginning of the buffer."""
        raise NotImplementedError

    def eof_received(self) -> bool:
        self._is_ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ended, self._fault = True, exc
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def pause_writing(self) -> None:
        self._is_behind = True

    def resume_writing(self) -> None:
        self._is_behind = False
        self.is_handed_over |= self._is_request
        self._wake()

    # What HTTP calls

    def begin_request(self) -> None:
        """Watch the next write: it is a whole request."""
        self.is_handed_over = False
        self._is_request = True

    def abort(self) -> None:
        """End the connection now: bytes that are still behind never leave."""
        if self._is_behind and not isinstance(self._loop, asyncio.SelectorEventLoop):
            _cut(self.descriptor)  # others close in a later turn, and write what is behind until then
        self._transport.abort()

    @property
    def descriptor(self) -> int:
        """The operating system's number of the socket; negative once it is closed."""
        return int(self._transport.get_extra_info("socket").fileno())

    @property
    def is_ended(self) -> bool:
        """Whether the event loop has seen the other side close."""
        return self._is_ended or self._transport.is_closing()

    def _report(self) -> asyncio.Future[None]:
        """Return what is done when asyncio reports something, or fails with `TimeoutError` after `patience`."""
        self._wakeup = self._loop.create_future()
        if self.patience is not None:
            self._wait_ends = self._loop.time() + self.patience
            if self._timer is None:
                self._timer = self._loop.call_at(self._wait_ends, self._look_at_time)
        return self._wakeup

    def _look_at_time(self) -> None:
        """End a wait that was too long; one timer serves all waits, since each of them is far shorter than it."""
        self._timer = None
        if self._wakeup is None or self._wakeup.done() or self.patience is None:
            return
        if self._loop.time() >= self._wait_ends:
            self._wakeup.set_exception(TimeoutError())
        else:
            self._timer = self._loop.call_at(self._wait_ends, self._look_at_time)

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)


def limit_unsent(sock: socket.socket) -> None:
    """Let the operating system take no more than it sends soon: what it does not take has surely not left."""
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # on Linux and macOS
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT)


def _cut(descriptor: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


P = TypeVar("P", bound=WatchedProtocol)


async def open_connection(host: str, port: int, make: Callable[[], P]) -> P:
    """Connect to the first address of `host` that answers.

    Raises:
        OSError: None did.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    options: dict[str, Any] = {}
    # Two kinds of addresses race, where the event loop can: uvloop has no such option. One kind does not: asyncio's
    # race (3.11) loses a socket that connects in the very turn in which its caller is cancelled.
    if len({family for family, *_ in found}) > 1 and isinstance(loop, asyncio.BaseEventLoop):
        options = {"happy_eyeballs_delay": _HAPPY_EYEBALLS_DELAY}
    _, connection = await loop.create_connection(make, host, port, **options)
    return connection
