"""A program whose children start together on one account: its parent forks them, for Python is slow to start.

It reads lines of JSON: a fleet to fork (how many processes, how many events each sends, and on what), or a number: the
fleet of that number sends its next event. It writes what happens: `ready` with a process id, `sent` with the outcome of
an event and the seconds that it took, `ended` with how often the library warned. Its argument is the seconds by which
the wall clock is wrong.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
import time

if __name__ == "__main__":  # before anything remembers the right clock
    true_time, wrong_by = time.time, float(sys.argv[1])
    time.time = lambda: true_time() + wrong_by

from places import memcached_store, redis_store

from sendpulse_async import AuthorizedEventSender, ClientCredentials, DeliveryError

OPENED = {"redis": redis_store, "memcached": memcached_store}


def say(word, *what):
    os.write(1, f"{json.dumps([word, *what])}\n".encode())  # one write, which no other child's cuts


class Warned(logging.Handler):
    """Counts."""

    count = 0

    def emit(self, record):
        self.count += 1


async def live(gates, kind, port, origin, client_id, secret):
    warned = Warned()
    logging.getLogger("sendpulse_async").addHandler(warned)
    auth = ClientCredentials(client_id, secret)
    async with (
        OPENED[kind](port) as store,
        AuthorizedEventSender(auth, base_url=origin, token_store=store, event_name="order") as sender,
    ):
        say("ready", os.getpid())
        for gate in gates:
            await asyncio.to_thread(os.read, gate, 1)  # until all are let through
            began = time.monotonic()
            try:
                await sender.send_event({"email": "someone@example.com"})
                status = "accepted"
            except DeliveryError as error:
                status = type(error).__name__
            say("sent", status, time.monotonic() - began)
    say("ended", warned.count)


class Fleets:
    """All children, and the doors behind which they wait: a pipe for each event, closed for all of a fleet at once."""

    def __init__(self):
        self._doors, self._children = [], []

    def fork(self, count, events, *rest):
        gates, doors = zip(*[os.pipe() for _ in range(events)], strict=True)
        self._doors.append(list(doors))
        for _ in range(count):
            if (pid := os.fork()) == 0:
                self.open_all()
                asyncio.run(live(gates, *rest))
                os._exit(0)
            self._children.append(pid)
        for gate in gates:
            os.close(gate)

    def go(self, number):
        os.close(self._doors[number].pop(0))

    def open_all(self):
        for door in itertools.chain(*self._doors):
            os.close(door)

    def wait(self):
        for pid in self._children:
            os.waitpid(pid, 0)


def main():
    fleets = Fleets()
    for line in sys.stdin:
        if isinstance(order := json.loads(line), int):
            fleets.go(order)
        else:
            fleets.fork(*order)
    fleets.open_all()
    fleets.wait()


if __name__ == "__main__":
    main()
