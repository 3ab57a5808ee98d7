"""Real processes that start together on one account, and a store that they share: they make one token request."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from sendpulse_async._auth._shared import TURN_PATIENCE
from sendpulse_async.sandbox import Fault, Sandbox

from .places import ask

pytestmark = [
    pytest.mark.timeout(110),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no such processes"),
]

HERE = Path(__file__).parent
COUNT = 8
RUNS = 5
TRAVEL = 0.2
"""Seconds that a token request takes, as one to another continent does."""


class Fleet:
    """`fleet.py` at work for one account and one store.

    Args:
        kind: Of the store.
        port: Of its server.
        sandbox: Where the account is.
        wrong_by: Seconds by which the wall clock of these processes is ahead.
    """

    def __init__(self, kind, port, sandbox, *, wrong_by=0):
        self._rest = [kind, port, sandbox.origin, sandbox.client_id, sandbox.client_secret]
        self._fleets = 0
        self._told = defaultdict(list)
        command = [sys.executable, "-W", "error", str(HERE / "fleet.py"), str(wrong_by)]
        untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=HERE, env=untraced, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()  # which lets all through that wait still
        self._process.stdout.read()
        self._process.stdout.close()
        self._process.wait(30)

    def begin(self, count=COUNT, events=1):
        """Fork so many processes, which wait until they are let go; return their fleet, and their process ids."""
        self._say([count, events, *self._rest])
        self._fleets += 1
        return self._fleets - 1, [pid for (pid,) in self._reports("ready", count)]

    def go(self, number, count=COUNT):
        """Let all of a fleet send their next event, and wait for it; return the seconds that the last one took."""
        self.let(number)
        return self.sent(count)

    def let(self, number):
        """Let all of a fleet send their next event."""
        self._say(number)

    def sent(self, count=COUNT):
        """Wait until so many events are sent; return the seconds that the last one took."""
        reports = self._reports("sent", count)
        assert [status for status, _ in reports] == ["accepted"] * count
        return max(seconds for _, seconds in reports)

    def failures(self, count=COUNT):
        """Wait until so many processes have ended; return how many of them met a store that was too slow.

        On a machine that is too busy it may be, and who meets it fetches for himself.
        """
        return sum(warnings for (warnings,) in self._reports("ended", count))

    def _say(self, order):
        self._process.stdin.write(f"{json.dumps(order)}\n".encode())
        self._process.stdin.flush()

    def _reports(self, word, count):
        while len(self._told[word]) < count:
            told, *what = json.loads(self._process.stdout.readline())
            self._told[told].append(what)
        reports, self._told[word] = self._told[word][:count], self._told[word][count:]
        return reports


@pytest.fixture
def server(request, kind):
    return request.getfixturevalue(f"{kind}_server")


@pytest.fixture
def empty(kind, server):
    """Return a function that empties the store."""
    return lambda: server.ask("FLUSHALL") if kind == "redis" else ask(server.port, b"flush_all")


@contextlib.contextmanager
def sandbox_with(travel):
    with Sandbox() as sandbox:
        if travel:
            sandbox.add_fault(Fault(door="token", delay=travel, times=None))
        yield sandbox


@pytest.mark.parametrize("travel", [0, TRAVEL])
def test_processes_that_start_together_make_one_token_request(kind, server, empty, travel, record_property):
    """Eight processes on an empty store, five times."""
    requests, failures = [], []
    with sandbox_with(travel) as sandbox, Fleet(kind, server.port, sandbox) as fleet:
        for _ in range(RUNS):
            empty()
            before = sandbox.token_requests
            number, _ = fleet.begin()
            fleet.go(number)
            requests.append(sandbox.token_requests - before)
            failures.append(fleet.failures())
    record_property("token_requests", requests)
    record_property("failures", failures)

    assert all(made <= 2 or failed for made, failed in zip(requests, failures, strict=True))
    assert sandbox.accepted_count == RUNS * COUNT


def test_processes_whose_token_is_revoked_make_few_token_requests(kind, server, empty, record_property):
    """Eight refusals of one token at the same time, five times."""
    requests, failures = [], []
    with sandbox_with(TRAVEL) as sandbox, Fleet(kind, server.port, sandbox) as fleet:
        for _ in range(RUNS):
            empty()
            number, _ = fleet.begin(events=2)
            fleet.go(number)
            sandbox.revoke_tokens()
            before = sandbox.token_requests
            fleet.go(number)
            requests.append(sandbox.token_requests - before)
            failures.append(fleet.failures())
    record_property("token_requests", requests)
    record_property("failures", failures)

    assert all(made <= 2 or failed for made, failed in zip(requests, failures, strict=True))
    assert sandbox.accepted_count == 2 * RUNS * COUNT


def test_a_process_that_is_killed_while_it_fetches_holds_up_the_others(kind, server, empty, record_property):
    """They wait until its lock ends, and then one of them fetches for all."""
    empty()
    with Sandbox() as sandbox, Fleet(kind, server.port, sandbox) as fleet:
        sandbox.add_fault(Fault(door="token", drop="hang"))
        first, (pid,) = fleet.begin(1)
        others, _ = fleet.begin(COUNT - 1)
        fleet.let(first)
        ends = time.monotonic() + 20
        while not sandbox.token_requests:
            assert time.monotonic() < ends, "it never asked"
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        seconds = fleet.go(others, COUNT - 1)
        failures = fleet.failures(COUNT - 1)
    record_property("token_requests", sandbox.token_requests)
    record_property("seconds", seconds)

    assert seconds < TURN_PATIENCE + 1
    assert sandbox.token_requests <= 3 or failures


@pytest.mark.parametrize("hours", [2, -2])
def test_a_wall_clock_that_is_wrong_does_not_matter(redis_server, hours):
    """A process that is hours ahead or behind uses the token that another one fetched, and the other way round."""
    requests, failures = [], 0
    with (
        Sandbox() as sandbox,
        Fleet("redis", redis_server.port, sandbox) as right,
        Fleet("redis", redis_server.port, sandbox, wrong_by=hours * 3600) as wrong,
    ):
        for both in ((right, wrong), (wrong, right)):
            assert redis_server.ask("FLUSHALL") == "+OK"
            for fleet in both:
                number, _ = fleet.begin(1)
                fleet.go(number, 1)
                failures += fleet.failures(1)
            requests.append(sandbox.token_requests)

    assert requests == [1, 2] or failures
