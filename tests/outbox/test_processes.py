"""An outbox and other processes: one has the file, and whatever ends it, nothing is lost and nothing is sent twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
from fault_server import PATIENCE

from sendpulse_async import JournalError, Outbox
from sendpulse_async.sandbox import Fault, Sandbox

from .stage import TheirSender, event

pytestmark = [
    pytest.mark.timeout(110),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no such signals"),
]

HERE = Path(__file__).parent
KILLS = 20
EACH = 45
"""Events that a program puts before it is killed, or would put."""


class Program:
    """`program.py` at work: its lives, what it reported as put, and how each life ended."""

    def __init__(self, path, sandbox):
        self.path = path
        self.sandbox = sandbox
        self.put = []
        self.lives = 0
        self.pid = None
        command = [sys.executable, "-W", "error", str(HERE / "program.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid is not None:  # a test has failed
            os.kill(self.pid, signal.SIGKILL)
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def begin(self, count=EACH, *, is_last=False):
        """Begin a life that puts so many events; return its process id."""
        line = [str(self.path), self.sandbox.event_url, self.lives * 1000, count, is_last]
        self.lives += 1
        self.process.stdin.write(f"{json.dumps(line)}\n".encode())
        self.process.stdin.flush()
        self.pid = self.read("pid")
        return self.pid

    def read(self, wanted, count=1):
        """Read until the `count`-th report of some kind; return what it says. A report of an end ends it too."""
        while True:
            word, *what = json.loads(self.process.stdout.readline())
            if word == "put":
                self.put += what
            elif word == "ended":
                self.pid = None
            count -= word == wanted
            if not count or word == "ended":
                return what[0] if len(what) == 1 else what

    def wait_until_taken(self, count):
        """Return as soon as the other side has taken so many events."""
        ends = time.monotonic() + PATIENCE
        while self.sandbox.accepted_count < count:
            assert time.monotonic() < ends, "they never came"
            time.sleep(0.0002)


def check(program, sandbox, kills):
    """Let a last life do what is left, and compare what everybody says; return the counts."""
    program.begin(0, is_last=True)
    stats, letters = program.read("stats"), program.read("letters")
    assert program.read("ended") == 0
    put, accepted, rejected, unknown, pending = stats
    taken = Counter(entry.payload["n"] for entry in sandbox.events)
    doubtful = {number for number, status, _ in letters if status == "unknown"}

    assert max(taken.values()) == 1, "an event was taken twice"
    assert put == accepted + rejected + unknown + pending
    assert (rejected, pending) == (0, 0)
    assert unknown == len(doubtful) <= kills, letters
    assert set(program.put) <= set(taken) | doubtful, "an event was lost"
    assert put >= len(program.put)
    assert accepted == len(set(taken) - doubtful)
    return {"put": put, "told": len(program.put), "accepted": accepted, "unknown": unknown, "taken": len(taken)}


def test_killed_at_any_moment(path, record_property):
    """SIGKILL under load, twenty times: no event twice, none lost that was put, at most one UNKNOWN each time."""
    chance = random.Random(os.environ.get("CI") and 1)
    with Sandbox() as sandbox, Program(path, sandbox) as program:
        for kill in range(KILLS):
            pid = program.begin()
            if kill % 2:
                program.wait_until_taken(sandbox.accepted_count + chance.randrange(1, EACH))
            else:
                program.read("put", chance.randrange(1, EACH))
            os.kill(pid, signal.SIGKILL)
            assert program.read("ended") == -signal.SIGKILL
        counts = check(program, sandbox, KILLS)
    for name, value in counts.items():
        record_property(name, value)


def test_killed_while_an_answer_is_awaited(path):
    """Each kill in the moment between taking and answering leaves exactly one UNKNOWN."""
    with Sandbox() as sandbox, Program(path, sandbox) as program:
        for kill in range(3):
            sandbox.add_fault(Fault(drop="hang"))
            pid = program.begin(5)
            program.read("put", 5)
            program.wait_until_taken(5 * kill + 1)
            os.kill(pid, signal.SIGKILL)
            program.read("ended")
            if kill < 2:
                pid = program.begin(0)
                program.wait_until_taken(5 * kill + 5)
                os.kill(pid, signal.SIGTERM)
                assert program.read("ended") == 0
        counts = check(program, sandbox, 3)

    assert counts == {"put": 15, "told": 15, "accepted": 12, "unknown": 3, "taken": 15}


def test_told_to_end(path):
    """SIGTERM whose handler drains for two seconds: nothing twice, nothing lost, and hardly anything UNKNOWN."""
    chance = random.Random(os.environ.get("CI") and 2)
    with Sandbox() as sandbox, Program(path, sandbox) as program:
        for _ in range(5):
            pid = program.begin()
            program.read("put", chance.randrange(1, EACH))
            os.kill(pid, signal.SIGTERM)
            assert program.read("ended") == 0
        counts = check(program, sandbox, 5)

    assert counts["unknown"] == 0
    assert counts["put"] == counts["taken"]


def test_told_to_end_while_an_answer_is_awaited(path):
    """What is under way after two seconds is UNKNOWN; the others wait for the next life."""
    with Sandbox() as sandbox, Program(path, sandbox) as program:
        sandbox.add_fault(Fault(drop="hang"))
        pid = program.begin(6)
        program.read("put", 6)
        program.wait_until_taken(1)
        os.kill(pid, signal.SIGTERM)
        assert program.read("drained") == [0, 5, 1]
        assert program.read("ended") == 0
        counts = check(program, sandbox, 1)

    assert counts == {"put": 6, "told": 6, "accepted": 5, "unknown": 1, "taken": 6}


# Two processes


def run(script, *arguments):
    """Run a program and return it, ended."""
    source = textwrap.dedent(script)
    command = [sys.executable, "-W", "error", "-c", source, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=HERE.parent)


@pytest.mark.anyio
async def test_one_process_has_the_file(path):
    """A second one is told so, and may have it when the first has closed it."""
    script = """
        import asyncio, sys
        from outbox.stage import TheirSender, event
        from sendpulse_async import JournalError, Outbox

        async def main():
            async with Outbox(sys.argv[1], TheirSender()) as outbox:
                await outbox.put(event(1))

        try:
            asyncio.run(main())
        except JournalError as error:
            print(error)
    """
    async with Outbox(path, TheirSender()) as outbox:
        await outbox.put(event(0))
        first = await asyncio.to_thread(run, script, path)
    second = await asyncio.to_thread(run, script, path)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.strip().endswith("the outbox is in use; wait for the other run to end, or name another file")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    async with Outbox(path, TheirSender()) as outbox:
        assert (await outbox.stats()).accepted == 2


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_fork_has_nothing_of_it(path, kind):
    """A child's copy says so and sends nothing; it may be closed, in silence, and its parent's goes on."""
    ended = run(
        """
        import asyncio, gc, os, sys
        from outbox.stage import TheirSender, event
        from sendpulse_async import JournalError, Outbox

        sender = TheirSender(lambda event: asyncio.sleep(0.2))
        outbox = Outbox(sys.argv[1], sender) if sys.argv[2] == "file" else Outbox.in_memory(sender)

        async def child():
            for call in (outbox.put(event(1)), outbox.stats(), outbox.open()):
                try:
                    await call
                except JournalError as error:
                    assert "fork" in str(error), error
                else:
                    raise AssertionError
            await outbox.aclose()

        async def parent():
            await outbox.put(event(0))
            if (pid := os.fork()) == 0:
                asyncio.events._set_running_loop(None)
                asyncio.run(child())
                globals().pop("outbox")
                gc.collect()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            await outbox.put(event(2))
            print((await outbox.aclose()).delivered, len(sender.seen))

        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        asyncio.run(parent())
        """,
        path,
        kind,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "2 2\n", "")


def test_a_full_disk(path):
    """A `put` that finds no space raises; nothing that was put is lost, and all of it goes out when there is space."""
    ended = run(
        """
        import asyncio, resource, sys
        from outbox.stage import TheirSender, event, settled
        from sendpulse_async import JournalError, Outbox

        def limit(size):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        async def fill(outbox):
            for number in range(10_000):
                await outbox.put(event(number, text="x" * 2000))
            return number

        async def main():
            go = asyncio.Event()
            sender = TheirSender(lambda event: go.wait())
            outbox = Outbox(sys.argv[1], sender)
            await outbox.put(event(-1))
            limit(300_000)
            try:
                await fill(outbox)
            except JournalError as error:
                print("put:", type(error).__name__)
            stored = (await outbox.stats()).put
            go.set()
            while outbox._session._fault is None:
                await asyncio.sleep(0.001)
            limit(resource.RLIM_INFINITY)
            for _ in range(3):
                try:
                    await outbox.put(event(-2))
                    break
                except JournalError as error:
                    print("worker:", type(error).__name__)
            stats = await settled(outbox)
            assert stats.put == stored + 1 == stats.accepted == len(sender.seen), (stats, stored)
            assert stored > 5
            await outbox.aclose()

        asyncio.run(main())
        """,
        path,
    )

    assert (ended.returncode, ended.stderr) == (0, f"an outbox ({path}) stopped: JournalError was raised\n")
    assert ended.stdout.splitlines() == ["put: JournalError", "worker: JournalError"]


def test_what_never_was_an_outbox_is_refused(path):
    """A folder, or a folder that is not there, is told by its path."""
    with pytest.raises(JournalError, match="is no file"):
        asyncio.run(Outbox(path.parent, TheirSender()).open())
    with pytest.raises(JournalError, match="cannot be made"):
        asyncio.run(Outbox(path / "inside", TheirSender()).open())
