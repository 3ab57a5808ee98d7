"""Bulk runs in processes of their own, each of which may end at a moment that was chosen.

It reads orders, one JSON object a line, and forks for each: what a run imports is read once for all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sqlite3
import sys
from pathlib import Path

import attrs

from sendpulse_async import HttpxTransport, Journal, JournalError, RawEventSender, send_many

ROOM = 16 * 1024
"""Bytes: less than the log of any run, more than the lines of a short one."""


@attrs.frozen
class Orders:
    """What to do, and when to die or to fill the disk.

    Attributes:
        path: The journal.
        url: Where the events go.
        told: The file that gets a line for each outcome: the event's number and its status.
        count: How many events there are.
        max_in_flight: See `send_many`.
        resend_unknown: See `send_many`.
        dies_at_statement: SIGKILL at this statement of the journal's file, counted from 1: opening has some 15.
        dies_at_line: SIGKILL at this outcome, counted from 1, once its line is written.
        is_line_lost: SIGKILL at that outcome before its line is written.
        fills_with: Fill the disk with this file; none: let no file grow beyond `ROOM`.
        fills_at_line: When this outcome was told, counted from 1.
        fills_at_answer: When this answer came, counted from 1, before its outcome is kept.
    """

    path: str
    url: str
    told: str
    count: int
    max_in_flight: int = 32
    resend_unknown: bool = False
    dies_at_statement: int = 0
    dies_at_line: int = 0
    is_line_lost: bool = False
    fills_with: str = ""
    fills_at_line: int = 0
    fills_at_answer: int = 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_statement(number: int) -> None:
    """Die when SQLite begins the statement of this number."""
    connect, seen = sqlite3.connect, iter(range(1, number))

    def traced(statement: str) -> None:
        if next(seen, None) is None:
            die()

    def connected(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(traced)
        return connection

    sqlite3.connect = connected


def fill(path: str) -> None:
    """Leave no room for another page of the journal."""
    if not path:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
        return
    with Path(path).open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


class Filling(HttpxTransport):
    """Fills the disk between an answer and its outcome."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self.orders = orders
        self.answers = 0

    async def send(self, request):
        response = await super().send(request)
        self.answers += 1
        if self.answers == self.orders.fills_at_answer:
            fill(self.orders.fills_with)
        return response


async def run(orders: Orders) -> None:
    """Run, and write a line for each outcome."""
    lines = 0
    told = os.open(orders.told, os.O_WRONLY | os.O_APPEND)

    def heard(outcome) -> None:
        nonlocal lines
        lines += 1
        if orders.is_line_lost and lines == orders.dies_at_line:
            die()
        os.write(told, f"{outcome.index} {outcome.status.value}\n".encode())
        if lines == orders.dies_at_line:
            die()
        if lines == orders.fills_at_line:
            fill(orders.fills_with)

    if orders.dies_at_statement:
        die_at_statement(orders.dies_at_statement)
    events = ({"email": "someone@example.com", "n": number} for number in range(orders.count))
    async with Filling(orders) as transport, RawEventSender(orders.url, transport=transport, rate_limit=None) as sender:
        try:
            await send_many(
                sender,
                events,
                journal=Journal(orders.path),
                max_in_flight=orders.max_in_flight,
                resend_unknown=orders.resend_unknown,
                on_outcome=heard,
            )
        except JournalError as error:
            os.write(told, f"JournalError: {error}\n".encode())


def say(number: int) -> None:
    os.write(1, b"%d\n" % number)


def main() -> None:
    """Answer each order with the pid of its process, and each pid with what became of it."""
    for line in sys.stdin:
        order = json.loads(line)
        if isinstance(order, int):
            say(os.waitstatus_to_exitcode(os.waitpid(order, 0)[1]))
        elif (pid := os.fork()) == 0:
            code = 1
            try:
                asyncio.run(run(Orders(**order)))
                code = 0
            except BaseException:  # noqa: BLE001 - nothing of the parent's may run here, whatever happens
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)
        else:
            say(pid)


if __name__ == "__main__":
    main()
