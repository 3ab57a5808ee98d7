"""The server that is measured against where nginx is not, in a process of its own: it takes everything."""

from __future__ import annotations

import argparse
import asyncio
import ssl

from .loops import running
from .protocol import RequestReader, serve

OK = '{"result":true}'
TOKEN = '{"access_token":"benchmark","token_type":"Bearer","expires_in":3600}'
"""What pysendpulse asks for before its first event."""


def answer(body: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


OK_ANSWER, TOKEN_ANSWER = answer(OK), answer(TOKEN)


class Door(RequestReader):
    """Answers each request.

    Args:
        delay: Seconds before each answer.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def request_received(self, head: bytes, body: bytes) -> None:  # noqa: ARG002 - all events are the same to it
        response = TOKEN_ANSWER if head.startswith(b"post /oauth/") else OK_ANSWER
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, response)
        else:
            self._transport.write(response)


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--certificate", help="file with the key and the certificates; none: plain HTTP")
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate)
    running(serve(lambda: Door(options.delay), context), options.loop)


if __name__ == "__main__":
    main()
