"""`run`: the sandbox in the foreground, as the command line has it."""

from __future__ import annotations

import os
import signal
import threading
import time

import httpx
import pytest

from sendpulse_async.sandbox import Sandbox
from sendpulse_async.sandbox._server import Server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_a_signal(number):
    """`run` blocks, serves, returns on SIGINT and SIGTERM, and gives the handlers back."""
    before = signal.getsignal(number)
    sandbox = Sandbox()
    seen = []

    def post_then_stop(origin):
        seen.append(httpx.get(origin, trust_env=False).status_code)
        os.kill(os.getpid(), number)

    sandbox.run(lambda running: threading.Thread(target=post_then_stop, args=(running.origin,)).start())

    assert seen == [200]
    assert signal.getsignal(number) is before


def test_run_without_a_callback_serves_too():
    """`run` in another thread is ended by leaving the sandbox."""
    sandbox = Sandbox()
    running = threading.Thread(target=sandbox.run)
    running.start()
    deadline = time.monotonic() + 10
    while sandbox._service._server is None or not sandbox._service._server.started:
        assert time.monotonic() < deadline

    sandbox.__exit__()
    running.join(10)

    assert not running.is_alive()


def test_a_stop_before_the_first_turn_is_heard(monkeypatch):
    """A server that is stopped before its loop runs ends by itself."""
    sandbox = Sandbox()
    serve = Server.run

    def stop_then_serve(server, sockets):
        server.stop()
        serve(server, sockets)

    monkeypatch.setattr(Server, "run", stop_then_serve)

    sandbox.run()

    with pytest.raises(httpx.ConnectError):
        httpx.get(sandbox.origin, trust_env=False)


def test_a_port_is_named_by_run_too():
    """`run` on a taken port raises what entering raises."""
    with Sandbox() as first, pytest.raises(OSError, match="cannot listen on"):
        Sandbox(port=int(first.origin.rpartition(":")[2])).run()
