"""Ctrl-C in a bulk run: once ends it in order, twice aborts it."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys

from sendpulse_async.cli._interrupts import Interrupts
from sendpulse_async.sandbox import Fault

from .conftest import PATIENCE, until

MANY = "email\n" + "".join(f"user{n}@example.com\n" for n in range(5000))


def test_the_first_lets_the_events_in_flight_end(terminal, sandbox, raw, write):
    """No more lines are taken, those in flight are accepted, and the report says where to go on."""
    sandbox.add_fault(Fault(delay=1, times=None))
    child = terminal("send-many", write("a.csv", MANY), "--max-in-flight", "3")
    until(lambda: len(sandbox.events) >= 3)

    child.sendintr()

    child.expect("Stopping: no more lines are taken")
    child.expect(r"accepted +(\d+) ")
    accepted = int(child.match[1])
    child.expect(r"The lines after line (\d+) were not taken\.")
    assert accepted == sandbox.accepted_count == int(child.match[1]) - 1
    child.expect_exact("\r\n")
    assert child.wait() == 130


def test_the_second_aborts_them(terminal, sandbox, raw, write):
    """Events that hang are given up, and each has its outcome in the report."""
    sandbox.add_fault(Fault(drop="hang", times=None))
    child = terminal("send-many", write("a.csv", MANY), "--max-in-flight", "3")
    until(lambda: len(sandbox.events) >= 3)

    child.sendintr()
    child.expect("Stopping: no more lines are taken")
    child.sendintr()

    child.expect(r"unknown +3 ")
    child.expect(r"line 4 .*sent, but the call was cancelled")
    child.expect("The lines after line 4 were not taken")
    child.expect_exact("\r\n")
    assert child.wait() == 130


def test_an_event_that_waits_for_its_place_is_not_sent(terminal, sandbox, raw, write):
    """Aborted before its first byte an event is safe to send again."""
    child = terminal("send-many", write("a.csv", MANY), "--max-in-flight", "2", "--rate", "1/m")
    until(lambda: sandbox.events)

    child.sendintr()
    child.expect("Stopping")
    child.sendintr()

    child.expect(r"accepted +1 ")
    child.expect(r"not sent +(\d) ")
    assert int(child.match[1]) in {1, 2}
    child.expect_exact("were not taken.\r\n")
    assert child.wait() == 130


def test_before_the_run_it_ends_at_once(cli, raw, write, monkeypatch):
    """An interrupt outside a run is a line and the code, no traceback."""

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sendpulse_async.cli._send_many.Input.count", interrupt)

    ended = cli("send-many", write("a.csv", MANY))

    assert ended.code == 130
    assert ended.err == "sendpulse-async: interrupted\n"


def test_a_third_is_pythons_own_again():
    """After the second the handler that was there before is back, so that nothing can hang for ever."""
    told = []

    async def interrupted():
        before = signal.getsignal(signal.SIGINT)
        with Interrupts(lambda: told.append("first")) as interrupts:
            signal.raise_signal(signal.SIGINT)
            assert interrupts.is_stopping
            assert signal.getsignal(signal.SIGINT) is not before
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is before
            await asyncio.sleep(0)
        return interrupts.scope.cancel_called

    assert asyncio.run(interrupted())
    assert told == ["first"]


def test_stopping_is_said_without_a_terminal_too(sandbox, raw, write):
    """SIGINT to a process with pipes ends it in order as well."""
    sandbox.add_fault(Fault(delay=0.5, times=None))
    command = [sys.executable, "-m", "sendpulse_async", "send-many", str(write("a.csv", MANY)), "--max-in-flight", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        until(lambda: sandbox.events)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE)

    assert running.returncode == 130
    assert err.startswith("Stopping: ")
    assert int(re.search(r"accepted +(\d+)", out)[1]) == sandbox.accepted_count
