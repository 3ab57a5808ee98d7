"""One HTTP/1.1 exchange after the other over one asyncio connection; llhttp reads the answers."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from functools import cached_property

import httptools  # pip install 'sendpulse-async[fast]'

from .._http import RESPONSE_BODY_LIMIT, FailureKind, Request, Response, Target, TransportError
from ._bodies import whole
from ._failures import translate
from ._settings import HEAD_LIMIT, INTERIM_LIMIT, Timeouts
from ._tls import TlsCodec
from ._watched import READ_SIZE, WatchedProtocol, open_connection
from ._wires import input_probe

_NOT_HTTP = "the answer is not proper HTTP/1.1"


class DirectConnection(WatchedProtocol):
    """A connection that is opened by its first request, and listens to its own parser.

    An exchange has settled when its answer is complete, too long or no HTTP, or when the connection has ended.
    """

    def __init__(self, timeouts: Timeouts, target: Target, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self.origin = target.origin
        self.idle_since = 0.0
        self._target = target
        self._timeouts = timeouts
        self._context = tls
        self._tls: TlsCodec | None = None
        self._is_open = False
        self._greets = tls is not None  # TLS 1.3 sends tickets unasked after the handshake
        self._parser = httptools.HttpResponseParser(self)
        self._request: Request | None = None
        self._keeps_alive = False
        self._begin_answer()

    def _begin_answer(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: Response | None = None
        self._body = bytearray()
        self._received = 0
        self._interim = 0
        self._is_complete = False
        self._is_settled = self._is_ended

    # What the pool calls

    async def exchange(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises."""
        has_waited = False  # since the pool looked at the connection
        if not self._is_open:
            await self._open()
            has_waited = True
        if request.before_first_byte is not None:
            await request.before_first_byte()
            has_waited = True
        if has_waited and not self.is_alive:
            raise TransportError(FailureKind.EXCHANGE, "the server hung up, or spoke, before it was asked")
        self._begin_answer()
        self._request = request
        try:
            self._write(whole(request))
            return await self._answer()
        finally:
            self._request = None
            request.progress.is_handed_over = self.is_handed_over

    def make_ready(self) -> bool:
        """Prepare for another request, and tell whether one may follow."""
        return self.is_handed_over and self._is_complete and self._keeps_alive and not self.is_ended

    @property
    def is_alive(self) -> bool:
        """Whether nothing came while the connection was idle."""
        return not self.is_ended and (self._greets or not self._has_input())

    async def aclose(self) -> None:
        """Close at once, whoever cancels."""
        if self.is_connected:
            self.abort()

    @cached_property
    def _has_input(self) -> Callable[[], bool]:
        return input_probe(self.descriptor)

    # Opening

    async def _open(self) -> None:
        handled = sys.exception()
        self.patience = None  # one limit for all of it
        try:
            async with asyncio.timeout(self._timeouts.connect):
                await open_connection(self._target.host, self._target.port, lambda: self)
                if self._context is not None:
                    await self._shake_hands(self._context)
        except (OSError, UnicodeError) as error:  # a host name that DNS cannot carry
            raise translate(error, FailureKind.CONNECT, handled=handled) from None
        self.patience = self._timeouts.read
        self._is_open = True
        if self._tls is not None:
            self._decrypt(self._tls)  # what came with the end of the handshake was not asked for

    async def _shake_hands(self, context: ssl.SSLContext) -> None:
        self._tls = TlsCodec(context, self._target.host)
        try:
            while not self._tls.shake_hands():
                self._speak(self._tls)
                await self._report()
                if self._is_ended:
                    raise self._fault or ConnectionResetError
        finally:
            self._speak(self._tls)  # an alert too: the server's log then says what was wrong

    def _speak(self, tls: TlsCodec) -> None:
        """Write what TLS itself has to say."""
        if (data := tls.unsent()) and not self._transport.is_closing():
            self.is_handed_over |= self._is_behind  # what stays behind from now on is not the request alone
            self._transport.write(data)

    # Writing

    def _write(self, data: bytes) -> None:
        self._greets = False
        self.begin_request()
        if not self._transport.is_closing():
            self._transport.write(data if self._tls is None else self._tls.encrypt(data))
        if not self._is_behind and not self._transport.is_closing():  # else nothing of it was sent, or will be
            self.is_handed_over = True

    # Reading

    async def _answer(self) -> Response:
        try:
            while not self._is_settled:
                await self._report()
        except TimeoutError as error:
            if self._head is None:
                raise translate(error, FailureKind.EXCHANGE) from None
        if self._head is None:
            raise self._failure()
        body = bytes(self._body[:RESPONSE_BODY_LIMIT])
        return Response(self._head.status_code, self._head.headers, body, self._is_complete)

    def _failure(self) -> TransportError:
        if isinstance(self._fault, OSError):
            return translate(self._fault, FailureKind.EXCHANGE)
        reason = "the server closed the connection without an answer" if self._is_ended else _NOT_HTTP
        return TransportError(FailureKind.EXCHANGE, reason)

    def buffer_updated(self, nbytes: int) -> None:
        data = self._space[:nbytes]
        if self._tls is None:
            self._feed(data)
        else:
            self._tls.receive(data)
            if self._is_open:
                self._decrypt(self._tls)
        if nbytes == READ_SIZE and not self._is_settled and not self._transport.is_closing():
            # There is more: uvloop would go on reading in this very turn, and a flood would hold the event loop.
            self._transport.pause_reading()
            self._loop.call_soon(self._read_on)
        self._wake()

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _decrypt(self, tls: TlsCodec) -> None:
        try:
            for data in tls.decrypted():
                self._feed(data)
        except ssl.SSLZeroReturnError:
            self.eof_received()
        except ssl.SSLError as error:
            self.connection_lost(error)
            self.abort()
        self._speak(tls)

    def _feed(self, data: bytes | memoryview) -> None:
        if self._request is None or self._is_settled:
            self._is_ended = True  # what comes unasked would be read as the answer to the next event
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._keeps_alive = False
            self._is_settled = True
        if self._head is None and self._received > HEAD_LIMIT:
            self._is_settled = True

    def eof_received(self) -> bool:
        self._end()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end()
        self._is_settled = True
        super().connection_lost(exc)

    def _end(self) -> None:
        """The other side has said all: where nobody said how long the body is, it is complete now."""
        if self._head is not None and not self._is_settled:
            self._is_complete = not (self._head.header(b"content-length") or self._head.header(b"transfer-encoding"))
        self._is_settled = True

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._is_settled:
            self._keeps_alive = False  # a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._is_settled or self._request is None:
            return
        self._head = Response(status, tuple(self._headers), is_body_complete=False)
        progress = self._request.progress
        progress.is_handed_over, progress.head = self.is_handed_over, self._head

    def on_body(self, data: bytes) -> None:
        if not self._is_settled:
            self._body += data
            self._is_settled = len(self._body) > RESPONSE_BODY_LIMIT

    def on_message_complete(self) -> None:
        if self._is_settled:
            return
        if self._head is not None:
            self._is_settled = self._is_complete = True
            self._keeps_alive = self._parser.should_keep_alive()
            return
        self._headers.clear()
        self._interim += 1
        self._is_settled = self._interim > INTERIM_LIMIT
