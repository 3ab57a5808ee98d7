"""A server that takes events and plays a fault on some of them, in a process of its own; it tells what it took."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from collections import Counter

import attrs

from .protocol import RequestReader, serve

OK = b'{"result":true}'


def answer(status: int = 200, body: bytes = OK, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Status" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


REFUSALS = [
    answer(503, b"{}", b"Retry-After: 0"),
    answer(429, b"{}", b"Retry-After: 0.01"),
    answer(200, b'{"error_code":2020202020}', b"Retry-After: 0.01"),
    answer(408, b""),
    answer(422, b'{"error_code":422}'),
]
ANSWERS = [
    answer(500, b"<html>"),
    answer(200, b"{}"),
    answer(200, OK, b"Connection: close"),
    b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"cut',
    b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
    answer(202, b""),
]
TAKEN = answer()


@attrs.define
class Account:
    """What all connections share.

    Attributes:
        share: Of the requests, on which a fault is played.
        ledger: How often each event was taken; written before its fault plays.
        faults: How many were played.
        connections: Those that are open.
    """

    share: float
    ledger: Counter[int] = attrs.field(factory=Counter)
    faults: int = 0
    connections: int = 0
    dice: random.Random = attrs.field(factory=lambda: random.Random(1))


class Door(RequestReader):
    """Takes the event of each request; a GET is answered with what came of all."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._account.connections += 1

    def connection_lost(self, _: Exception | None) -> None:
        self._account.connections -= 1

    def request_received(self, head: bytes, body: bytes) -> None:
        self._report() if head.startswith(b"get") else self._take(json.loads(body)["n"])

    def _take(self, number: int) -> None:
        account = self._account
        if account.dice.random() >= account.share:
            account.ledger[number] += 1
            self._transport.write(TAKEN)
            return
        account.faults += 1
        fault = account.dice.choice([*REFUSALS, *ANSWERS, "reset", "close", "later"])
        if fault in REFUSALS:
            self._transport.write(fault)
            return
        account.ledger[number] += 1
        match fault:
            case "reset":
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._transport.abort()
            case "close":
                self._transport.close()
            case "later":
                asyncio.get_running_loop().call_later(0.05, self._transport.write, TAKEN)
            case _:
                self._transport.write(fault)
                if fault not in (ANSWERS[0], ANSWERS[1], ANSWERS[5]):
                    self._transport.close()

    def _report(self) -> None:
        account = self._account
        others = account.connections - 1
        report = {"connections": others, "faults": account.faults, "ledger": list(account.ledger.items())}
        self._transport.write(answer(200, json.dumps(report).encode()))


if __name__ == "__main__":
    account = Account(float(sys.argv[1]))
    asyncio.run(serve(lambda: Door(account)))
