"""The two bodies of an exchange: the request's is sent once and tells how far it went, the answer's is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from .._http import RESPONSE_BODY_LIMIT, Headers, Request, Response
from ._failures import exchange_errors


class OneShotBody:
    """Yields a request's body once; a second round raises, so no layer below can repeat an event unseen.

    In two parts, all but the last byte and then the last one, the moment at which the last byte is asked for bounds
    how far the request got: before it, no server can hold a complete request.

    Args:
        request: Whose body it is; its `before_first_byte` is awaited here unless `trace` could do it earlier.
        is_split: Yield two parts, for stacks whose writes cannot be watched.
    """

    def __init__(self, request: Request, *, is_split: bool) -> None:
        self._request = request
        self._is_split = is_split
        self._is_spent = False
        self._is_announced = request.before_first_byte is None

    @property
    def extensions(self) -> dict[str, Any]:
        """What makes httpcore call `trace`; empty where nobody waits for it, since it costs at every step."""
        return {} if self._is_announced else {"trace": self.trace}

    async def trace(self, name: str, _info: object) -> None:
        """Announce the first byte when httpcore has its connection and is about to write the head."""
        if name.endswith("send_request_headers.started"):
            await self._announce()

    async def _announce(self) -> None:
        if not self._is_announced and self._request.before_first_byte is not None:
            self._is_announced = True
            await self._request.before_first_byte()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._is_spent:
            raise RuntimeError("the body of an event is sent once; this client would repeat it")
        self._is_spent = True
        await self._announce()  # a mock or a foreign transport does not trace
        body = self._request.body
        if self._is_split:
            yield body[:-1]
            body = body[-1:]
        self._request.progress.is_handed_over = True
        yield body

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


async def read_answer(request: Request, status_code: int, headers: Headers, chunks: AsyncIterator[bytes]) -> Response:
    """Read an answer's body as far as it comes, up to the limit.

    The head alone may decide, so it is noted before the body is awaited, and a body that breaks off is no failure.
    """
    request.progress.head = Response(status_code, headers, is_body_complete=False)
    body, is_complete = bytearray(), True
    try:
        async for chunk in chunks:
            body += chunk
            if len(body) > RESPONSE_BODY_LIMIT:
                del body[RESPONSE_BODY_LIMIT:]
                is_complete = False
                break
    except exchange_errors():
        is_complete = False
    return Response(status_code, headers, bytes(body), is_complete)


def whole(request: Request) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [b"POST %b HTTP/1.1" % request.target.path.encode()]
    lines += [name + b": " + value for name, value in request.headers]
    return b"\r\n".join([*lines, b"", request.body])
