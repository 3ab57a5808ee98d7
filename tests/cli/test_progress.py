"""How far a run is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import io
import re

from sendpulse_async import Outcome, OutcomeStatus
from sendpulse_async.cli._consoles import Console
from sendpulse_async.cli._progress import PLAIN_INTERVAL, Bar, Lines, open_progress

ACCEPTED = Outcome(0, None, OutcomeStatus.ACCEPTED)
UNKNOWN = Outcome(1, None, OutcomeStatus.UNKNOWN)


def test_on_a_terminal_there_is_a_bar(terminal, sandbox, raw, write):
    """A terminal sees a bar with count, rate and failures, then the report."""
    child = terminal("send-many", write("a.csv", "email\na@example.com\nb@example.com\nnobody\n"))

    child.expect("Sending")
    child.expect("3/3")
    child.expect(r"\d+\.\d/s")
    child.expect("1 failed")
    child.expect("3 events")
    child.expect_exact("somewhere is needed\r\n")
    assert child.wait() == 3


def test_on_a_pipe_there_is_neither_bar_nor_colour(process, raw, write, monkeypatch):
    """Pipes get plain text: the report on stdout, and nothing on stderr from a short run."""
    monkeypatch.setenv("COLUMNS", "30")

    ended = process("send-many", write("a.csv", "email\na@example.com\nnobody\n"))

    assert ended.code == 3
    assert "\x1b" not in ended.out
    assert "  line 3  rejected  email: is not an address: something@somewhere is needed\n" in ended.out
    assert ended.err == ""


def test_the_console_decides():
    """What is no terminal, or a dumb one, gets lines."""
    assert isinstance(open_progress(Console(file=io.StringIO()), 1), Lines)
    assert isinstance(open_progress(Console(file=io.StringIO(), force_terminal=True, _environ={}), 1), Bar)
    dumb = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert isinstance(open_progress(dumb, 1), Lines)


def test_a_line_comes_every_ten_seconds():
    """Each interval adds one line with the counts so far, whether or not anything ended in it."""
    text, naps, now, pause = io.StringIO(), [], [100.0], [0.0]

    async def watch():
        woken = [asyncio.Event(), asyncio.Event(), asyncio.Event()]

        async def sleep(seconds):
            naps.append(seconds)
            woken[len(naps) - 1].set()
            if len(naps) == 3:
                await asyncio.Event().wait()
            await gates[len(naps) - 1].wait()

        gates = [asyncio.Event(), asyncio.Event()]
        async with Lines(Console(file=text), 2000, lambda: pause[0], sleep=sleep, clock=lambda: now[0]) as lines:
            for _ in range(1200):
                lines.note(ACCEPTED)
            lines.note(UNKNOWN)
            for number, gate in enumerate(gates):
                await woken[number].wait()
                now[0] += 10
                gate.set()
                if number == 0:
                    await woken[1].wait()
                    lines.resume(500)
                    pause[0] = 11.2
            await woken[2].wait()

    asyncio.run(watch())

    assert naps == [PLAIN_INTERVAL] * 3
    assert text.getvalue().splitlines() == [
        "1,201 of 2,000 events, 120.1 a second, 0:00:07 left, 1 failed",
        "1,701 of 2,000 events, 60.0 a second, 500 settled before, 0:00:05 left, 1 failed, waiting 12 s: 429",
    ]


def test_a_broken_stderr_does_not_end_the_run():
    """A line that cannot be written is no reason to lose a run."""

    async def watch():
        console = Console(file=io.StringIO())
        began = asyncio.Event()

        async def sleep(_):
            console.file.close()
            began.set()

        async with Lines(console, 1, sleep=sleep) as lines:
            await began.wait()
            await asyncio.sleep(0)
            lines.note(ACCEPTED)

    asyncio.run(watch())


def test_the_bar_counts_failures():
    """The bar names failures only once there are some, counts what was settled before, and says what it waits for."""
    text = io.StringIO()

    async def watch():
        console = Console(file=text, force_terminal=True, width=100, _environ={})
        async with Bar(console, 5, lambda: 11.2) as bar:
            bar.note(ACCEPTED)
            bar.note(UNKNOWN)
            bar.resume(2)
            bar.resume(3)

    asyncio.run(watch())

    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue())
    assert "5/5" in seen
    assert "waiting 12 s: 429" in seen
    assert "1 failed" in seen
