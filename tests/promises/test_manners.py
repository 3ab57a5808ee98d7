"""How a sender behaves in a program: in any event loop, after a fork, in threads, closed or not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from pathlib import Path

import pytest
from fault_server import PATIENCE, fin, healthy, read_request, send, silence

from sendpulse_async import RawEventSender
from sendpulse_async.sandbox import Fault, Sandbox

from .matrix import json_answer
from .scenes import PATH, number_of

TESTS = Path(__file__).parents[1]
SECRET = PATH.split("/")[3]

PRELUDE = """
import asyncio, os, sys, threading, anyio
from sendpulse_async import *

url, origin, client_id, client_secret = sys.argv[1:5]
raw = RawEventSender(url, rate_limit=None)
named = AuthorizedEventSender(ClientCredentials(client_id, client_secret), base_url=origin, event_name="order")


async def send(first, count=3, *, is_closed=True):
    for number in range(first, first + count):
        await raw.send_event({"email": "someone@example.com", "n": number})
        await named.send_event({"email": "someone@example.com", "n": number})
    if is_closed:
        await raw.aclose()
        await named.aclose()
"""


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def program(sandbox):
    """Run a program that has both senders at module scope; what it writes beside its output is its complaints."""

    def run(script, *flags, warnings="error"):
        source = PRELUDE + textwrap.dedent(script)
        account = (sandbox.event_url, sandbox.origin, sandbox.client_id, sandbox.client_secret)
        command = [sys.executable, "-W", warnings, *flags, "-c", source, *account]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=TESTS)

    return run


def taken(sandbox):
    """How often each event came, by either door."""
    return Counter((entry.door, entry.payload["n"]) for entry in sandbox.events)


def each_once(*numbers):
    return {(door, number): 1 for door in ("raw", "name") for number in numbers}


@pytest.mark.parametrize("flags", [(), ("-X", "dev")], ids=["", "dev-mode"])
def test_one_event_loop_after_the_other(program, sandbox, flags):
    """The same senders in three loops, two of asyncio's and one of trio's: nothing to complain of, one token."""
    ended = program(
        """
        async def use(first):
            await send(first, is_closed=False)
            await raw._transport.aclose()
            await named._transport.aclose()

        asyncio.run(use(0))
        anyio.run(use, 10, backend="trio")
        asyncio.run(send(20))
        """,
        *flags,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert taken(sandbox) == each_once(0, 1, 2, 10, 11, 12, 20, 21, 22)
    assert sandbox.token_requests == 1


def test_a_loop_that_ended_without_goodbye(program, sandbox):
    """Where a loop ends and nobody closed the senders, the next loop works; all that is said is what was left open."""
    ended = program(
        """
        asyncio.run(send(0, is_closed=False))
        asyncio.run(send(10, is_closed=False))
        asyncio.run(send(20))
        """,
        warnings="default",
    )

    assert ended.returncode == 0
    complaints = [line for line in ended.stderr.splitlines() if "Warning: " in line and "tracemalloc" not in line]
    assert all("ResourceWarning: unclosed" in line for line in complaints), ended.stderr
    assert "loop is closed" not in ended.stderr
    assert taken(sandbox) == each_once(0, 1, 2, 10, 11, 12, 20, 21, 22)


def test_a_loop_that_ended_during_a_token_request(program, sandbox):
    """A token request that dies with its loop is none of the next loop's business."""
    sandbox.add_fault(Fault(door="token", drop="hang"))

    ended = program(
        """
        async def leave():
            with anyio.move_on_after(0.2):
                await send(0)
            await raw._transport.aclose()
            await named._transport.aclose()

        asyncio.run(leave())
        asyncio.run(send(10))
        """
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert taken(sandbox) == each_once(10, 11, 12) | {("raw", 0): 1}


def test_two_loops_in_two_threads(program, sandbox):
    """Threads with a loop each share the senders, at the same time."""
    ended = program(
        """
        async def use(first):
            await send(first, 20, is_closed=False)
            await raw._transport.aclose()
            await named._transport.aclose()

        threads = [threading.Thread(target=asyncio.run, args=(use(first),)) for first in (0, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(send(200, 1))
        """
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert taken(sandbox) == each_once(*range(20), *range(100, 120), 200)
    assert sandbox.token_requests <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork(program, sandbox):
    """Children of a program that has sent already send over connections of their own, and so does their parent."""
    ended = program(
        """
        asyncio.run(send(0, is_closed=False))
        children = []
        for first in (10, 20, 30):
            if (pid := os.fork()) == 0:
                try:
                    asyncio.run(send(first))
                except BaseException as error:
                    print(repr(error), file=sys.stderr, flush=True)
                    os._exit(1)
                os._exit(0)
            children.append(pid)
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]
        asyncio.run(send(40))
        """,
        warnings="ignore::ResourceWarning",
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert taken(sandbox) == each_once(*[first + n for first in (0, 10, 20, 30, 40) for n in range(3)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_in_the_middle_of_everything(program, sandbox):
    """A child that is born while its parent waits for a token and for an answer has neither to wait for."""
    sandbox.add_fault(Fault(door="token", delay=0.4))
    sandbox.add_fault(Fault(door="raw", delay=0.4))

    ended = program(
        """
        async def begin():
            raws = asyncio.create_task(raw.send_event({"email": "someone@example.com", "n": 0}))
            names = asyncio.create_task(named.send_event({"email": "someone@example.com", "n": 0}))
            await asyncio.sleep(0.2)
            if (pid := os.fork()) == 0:
                asyncio.events._set_running_loop(None)
                asyncio.run(send(10))
                os._exit(0)
            await raws
            await names
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            await send(20)

        asyncio.run(begin())
        """
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert taken(sandbox) == each_once(0, 10, 11, 12, 20, 21, 22)


def test_a_sender_that_was_never_closed_says_so(program):
    """One `ResourceWarning` for each tells what to do, and holds no secret."""
    ended = program("asyncio.run(send(0, is_closed=False))", warnings="default")

    own = [line for line in ended.stderr.splitlines() if "EventSender" in line]
    assert ended.returncode == 0
    assert len(own) == 2
    assert all("use async with or await aclose()" in line for line in own)
    assert SECRET not in ended.stderr


def test_a_sender_that_was_never_used_has_nothing_to_say(program, sandbox):
    """Making senders starts nothing: no thread, no socket, no request; and nothing has to be closed."""
    ended = program(
        """
        assert threading.active_count() == 1
        assert not [fd for fd in os.listdir("/proc/self/fd") if "socket" in os.path.realpath(f"/proc/self/fd/{fd}")]
        """
        if Path("/proc/self/fd").exists()
        else "assert threading.active_count() == 1"
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert sandbox.token_requests == 0


def test_ctrl_c_leaves_nothing_but_its_own_trace(sandbox, program):
    """A program that is interrupted while it sends ends with `KeyboardInterrupt`, and nothing was destroyed pending."""
    sandbox.add_fault(Fault(door="raw", drop="hang", times=None))

    ended = program(
        f"""
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(0.3, os.kill, (os.getpid(), {signal.SIGINT.value})).start()

        async def main():
            async with raw, named, asyncio.TaskGroup() as group:
                for number in range(5):
                    group.create_task(raw.send_event({{"email": "someone@example.com", "n": number}}))

        asyncio.run(main())
        """
    )

    assert ended.stderr.splitlines()[-1] == "KeyboardInterrupt"
    for complaint in ("destroyed", "never retrieved", "ResourceWarning", "Exception ignored", SECRET):
        assert complaint not in ended.stderr


# In this process


def test_nothing_is_left_in_a_loop_that_closed_its_sender(serve):
    """After `aclose` no task, no timer and no socket of a sender is left in its event loop."""
    server = serve([read_request, send(json_answer({}, 429)), fin], [healthy])

    async def main():
        loop = asyncio.get_running_loop()
        async with RawEventSender(f"http://127.0.0.1:{server.port}{PATH}", rate_limit=None) as sender:
            await sender.send_event({"email": "someone@example.com", "n": 0}, deadline=PATIENCE)
        await asyncio.sleep(0.01)
        left = [handle for handle in getattr(loop, "_scheduled", ()) if not handle.cancelled()]
        return len(asyncio.all_tasks()), left

    assert asyncio.run(main()) == (1, [])


def test_a_sender_may_be_closed_in_the_middle_and_twice(serve):
    """Events under way end as they would have; later ones are not sent; closing again does nothing."""
    go = threading.Event()
    server = serve([read_request, lambda link: go.wait(PATIENCE), send(json_answer({"result": True})), silence])

    async def main():
        sender = RawEventSender(f"http://127.0.0.1:{server.port}{PATH}")
        under_way = asyncio.create_task(sender.send_event({"email": "someone@example.com", "n": 0}))
        while not server.ledger:
            await asyncio.sleep(0.005)
        await sender.aclose()
        await sender.aclose()
        go.set()
        receipt = await under_way
        await sender.aclose()
        return receipt

    assert asyncio.run(main()).confirmed
    assert [number_of(seen) for seen in server.ledger] == [0]
