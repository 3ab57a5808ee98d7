"""A program with an outbox, for tests that kill it: its parent forks it again and again, for Python is slow to start.

It reads lines of JSON (the path of the outbox, the event URL, the numbers of the events to put, and whether to end
then), and writes what happens: `pid`, `put` with a number once that is on disk, `drained`, `stats`, `letters`, `ended`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from sendpulse_async import Outbox, RawEventSender

PUTTERS = 3


def say(word, *what):
    os.write(1, f"{json.dumps([word, *what])}\n".encode())  # one write, which no signal cuts


async def put_all(outbox, numbers):
    for number in numbers:
        await outbox.put({"email": "someone@example.com", "n": number})
        say("put", number)


async def tell_what_it_holds(outbox):
    await outbox.open()
    stats = await outbox.stats()
    say("stats", stats.put, stats.accepted, stats.rejected, stats.unknown, stats.pending)
    letters = await outbox.dead_letters(10_000)
    say("letters", [[letter.event.variables["n"], letter.status.value, letter.reason] for letter in letters])
    await outbox.aclose(drain=0)


async def live(path, url, first, count, is_last):
    is_told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, is_told_to_end.set)
    async with RawEventSender(url, rate_limit=None) as sender:
        outbox = Outbox(path, sender)
        await outbox.open()
        putters = [range(first + start, first + count, PUTTERS) for start in range(PUTTERS)]
        tasks = [asyncio.create_task(put_all(outbox, numbers)) for numbers in putters]
        if not is_last:
            await is_told_to_end.wait()
            for task in tasks:
                task.cancel()
        await asyncio.wait(tasks)
        drained = await outbox.aclose(drain=60 if is_last else 2)
        say("drained", drained.delivered, drained.pending, drained.dead)
        if is_last:  # opened with events left it would go on with them
            await tell_what_it_holds(outbox)


def main():
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            asyncio.run(live(*json.loads(line)))
            os._exit(0)
        say("pid", pid)
        _, status = os.waitpid(pid, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
