"""The server that is measured against, in a process of its own: it takes everything."""

from __future__ import annotations

import asyncio

from .protocol import RequestReader, serve

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"result":true}'


class Door(RequestReader):
    """Answers each request."""

    def request_received(self, head: bytes, body: bytes) -> None:  # noqa: ARG002 - all are the same to it
        self._transport.write(ANSWER)


if __name__ == "__main__":
    asyncio.run(serve(Door))
