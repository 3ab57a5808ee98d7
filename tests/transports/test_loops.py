"""One transport in many event loops: each gets connections of its own, and none is used in another."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import warnings

import anyio
import pytest
from carriers import request_to
from fault_server import PATIENCE

from sendpulse_async import HttpxTransport
from sendpulse_async._loops import PerLoop

REPOSITORY = os.pathsep.join(sys.path)


def statuses(transport, server, count=3, *, backend="asyncio", is_closed=True):
    """Send some requests in an event loop of their own."""

    async def main():
        found = [(await transport.send(request_to(server))).status_code for _ in range(count)]
        if is_closed:
            await transport.aclose()
        return found

    return anyio.run(main, backend=backend)


@pytest.mark.parametrize("backends", [("asyncio", "asyncio"), ("trio", "asyncio"), ("asyncio", "trio", "trio")])
def test_one_event_loop_after_the_other(serve, authority, tls, backends):
    """Each has its own connection, whatever kind of loop it is."""
    server = serve(tls=tls)
    transport = HttpxTransport(ssl_context=authority.trust)

    for backend in backends:
        assert statuses(transport, server, backend=backend) == [200, 200, 200]

    assert server.accepted == len(backends)


@pytest.fixture
def _nobody_says_goodbye():
    """Nobody can close a connection whose loop has ended, so it warns when it is collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("_nobody_says_goodbye")
def test_a_loop_that_ended_without_goodbye_harms_nobody(serve):
    """A module's sender meets `asyncio.run` after `asyncio.run`: never "Event loop is closed"."""
    server = serve()
    transport = HttpxTransport()

    for _ in range(3):
        assert statuses(transport, server, is_closed=False) == [200, 200, 200]

    assert (server.accepted, len(server.ledger)) == (3, 9)


@pytest.mark.usefixtures("_nobody_says_goodbye")
def test_a_loop_that_ended_is_forgotten(serve):
    """However many loops a transport meets, the ended ones' connections do not pile up."""
    server = serve()
    transport = HttpxTransport()

    for _ in range(10):
        statuses(transport, server, 1, is_closed=False)
        gc.collect()
    with server.changed:
        is_forgotten = server.changed.wait_for(lambda: server.closed >= 8, 2.0)
    del transport
    gc.collect()

    assert is_forgotten


def test_loops_in_threads_keep_apart(serve, authority, tls):
    """Two threads with a loop each, at the same time."""
    server = serve(tls=tls)
    transport = HttpxTransport(ssl_context=authority.trust)
    found = []
    both = threading.Barrier(2, timeout=PATIENCE)

    def run():
        both.wait()
        found.append(statuses(transport, server, 50))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert found == [[200] * 50] * 2
    assert server.accepted == 2


def test_no_loop_is_given_what_belongs_to_another():
    """Two threads that take turns at any byte code: each always gets its own."""
    values = PerLoop(object)
    own = [set(), set()]
    interval = sys.getswitchinterval()

    async def ask(mine):
        for _ in range(150_000):
            mine.add(values.get())

    threads = [threading.Thread(target=asyncio.run, args=(ask(mine),)) for mine in own]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    finally:
        sys.setswitchinterval(interval)

    assert [len(mine) for mine in own] == [1, 1]


FORK = """
import asyncio, os, sys
from types import SimpleNamespace
from sendpulse_async import HttpxTransport
from carriers import request_to

server = SimpleNamespace(scheme="http", host="127.0.0.1", port=int(sys.argv[1]))
transport = HttpxTransport()


async def send(body):
    assert (await transport.send(request_to(server, body))).status_code == 200


async def child():
    await send(b"child")
    await transport.aclose()


with asyncio.Runner() as runner:
    runner.run(send(b"parent before"))
    if (pid := os.fork()) == 0:
        asyncio.events._set_running_loop(None)
        asyncio.run(child())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    runner.run(send(b"parent after"))
    runner.run(transport.aclose())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_connects_anew(serve):
    """The child has its own connection; the parent's, which it inherited, still works in the parent."""
    server = serve()

    played = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORK, str(server.port)],
        env={**os.environ, "PYTHONPATH": REPOSITORY},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (played.returncode, played.stderr) == (0, "")
    assert [(seen.body, seen.connection) for seen in server.ledger] == [
        (b"parent before", 0),
        (b"child", 1),
        (b"parent after", 0),
    ]
