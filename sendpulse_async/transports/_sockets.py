"""A watched connection as a byte stream, which TLS can stand on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream

from ._watched import READ_SIZE, WatchedProtocol


class WatchedSocket(WatchedProtocol, ByteStream):
    """One connected TCP socket as a byte stream."""

    def __init__(self) -> None:
        super().__init__()
        self._unread = bytearray()

    def buffer_updated(self, nbytes: int) -> None:
        self._unread += self._space[:nbytes]
        if len(self._unread) >= READ_SIZE:
            self._transport.pause_reading()
        self._wake()

    async def send(self, item: bytes) -> None:
        if self._transport.is_closing():
            raise anyio.BrokenResourceError
        self._transport.write(item)
        if self._transport.is_closing():  # the write itself failed: nothing of it was sent, or will be
            raise anyio.BrokenResourceError
        while self._is_behind:
            if self._is_ended:
                raise anyio.BrokenResourceError from self._fault
            await self._report()
        self.is_handed_over |= self._is_request
        self._is_request = False

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        while not self._unread:
            if self._fault is not None:
                raise anyio.BrokenResourceError from self._fault
            if self._is_ended:
                raise anyio.EndOfStream
            await self._report()
        data = bytes(self._unread[:max_bytes])
        del self._unread[:max_bytes]
        if not self._transport.is_reading() and not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.abort()

    @property
    def has_unread(self) -> bool:
        """Whether something came that nobody has read."""
        return bool(self._unread)

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        return {}
