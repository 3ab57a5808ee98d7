"""One HTTP/1.1 exchange after the other over one connection; h11 reads the answers, and the requests are prebuilt."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import h11
import httpcore

from .._http import RESPONSE_BODY_LIMIT, FailureKind, Request, Response, Target, TransportError
from ._bodies import whole
from ._settings import HEAD_LIMIT, INTERIM_LIMIT, Timeouts
from ._wires import Wire, connect

# The parser wants to know what was asked before it reads an answer; all that matters to it is the method.
_ASKED = h11.Request(method="POST", target="/", headers=[("Host", "-"), ("Content-Length", "0")])
_DONE = h11.EndOfMessage()


class Http11(httpcore.AsyncConnectionInterface):
    """A connection that is opened by its first request; whoever gets an error from it throws it away."""

    def __init__(self, target: Target, tls: ssl.SSLContext | None, timeouts: Timeouts) -> None:
        self._target = target
        self._tls = tls
        self._timeouts = timeouts
        self._wire: Wire | None = None
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)

    async def handle_async_request(self, request: Any) -> Any:
        """Make one exchange for our own request, which httpcore's brings along; return our own response."""
        return await self.exchange(request.extensions["event"])

    async def exchange(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises."""
        has_waited = False  # since the pool looked at the connection
        if self._wire is None:
            self._wire, has_waited = await connect(self._target, self._tls, self._timeouts.connect), True
        if request.before_first_byte is not None:
            await request.before_first_byte()
            has_waited = True
        if has_waited and self._wire.has_stirred:
            raise TransportError(FailureKind.EXCHANGE, "the server hung up, or spoke, before it was asked")
        self._parser.send(_ASKED)
        self._parser.send(_DONE)
        try:
            try:
                await self._wire.write_request(whole(request), self._timeouts.read)
            except TransportError:
                # A server may refuse early and answer; the answer counts, though the request never was complete.
                if self._wire.is_handed_over or not self._wire.has_stirred:
                    raise
            return await self._read_answer(self._wire, request)
        finally:
            request.progress.is_handed_over = self._wire.is_handed_over

    def make_ready(self) -> bool:
        """Prepare for another request, and tell whether one may follow.

        Bytes after an answer would be read as the answer to the next event: they end the connection.
        """
        if self._wire is None or not self._wire.is_handed_over:
            return False
        if self._parser.our_state is not h11.DONE or self._parser.their_state is not h11.DONE:
            return False
        if self._parser.trailing_data != (b"", False):
            return False
        self._parser.start_next_cycle()
        return True

    @property
    def is_alive(self) -> bool:
        """Whether nothing came while the connection was idle."""
        return self._wire is not None and not self._wire.has_stirred

    def info(self) -> str:
        """Return what the repr of httpcore's connection shows."""
        return f"HTTP/1.1, {'not open yet' if self._wire is None else 'open'}"

    async def aclose(self) -> None:
        """Close at once, whoever cancels."""
        if (wire := self._wire) is not None:
            with anyio.CancelScope(shield=True):
                await wire.aclose()

    async def _read_answer(self, wire: Wire, request: Request) -> Response:
        event = await self._next_event(wire)
        for _ in range(INTERIM_LIMIT):
            if not isinstance(event, h11.InformationalResponse):
                break
            event = await self._next_event(wire)
        if not isinstance(event, h11.Response):
            raise TransportError(FailureKind.EXCHANGE, "the answer is not proper HTTP/1.1")
        status, headers = event.status_code, tuple(event.headers)
        request.progress.is_handed_over = wire.is_handed_over
        request.progress.head = Response(status, headers, is_body_complete=False)
        body = bytearray()
        try:
            while isinstance(event := await self._next_event(wire), h11.Data):
                body += event.data
                if len(body) > RESPONSE_BODY_LIMIT:
                    break
        except TransportError:
            event = h11.ConnectionClosed()
        return Response(status, headers, bytes(body[:RESPONSE_BODY_LIMIT]), isinstance(event, h11.EndOfMessage))

    async def _next_event(self, wire: Wire) -> Any:
        try:
            while (event := self._parser.next_event()) is h11.NEED_DATA:
                data = await wire.read(self._timeouts.read)
                if not data and self._parser.their_state is h11.SEND_RESPONSE:
                    raise TransportError(FailureKind.EXCHANGE, "the server closed the connection without an answer")
                self._parser.receive_data(data)
        except h11.RemoteProtocolError:
            raise TransportError(FailureKind.EXCHANGE, "the answer is not proper HTTP/1.1") from None
        return event
