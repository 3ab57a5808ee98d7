"""Stdin and pipes: rows come as they are written, and nothing waits for the next one."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from sendpulse_async.cli._input import InputError, InputOptions, Kind
from sendpulse_async.cli._input._stream import Stream

from .conftest import PATIENCE, input_of, rows_of

READER = """
import asyncio, signal, sys
from pathlib import Path
from sendpulse_async.cli._input import Input, InputError, InputOptions, Kind

async def main(kind, how, **options):
    source = Input(InputOptions(Path("-"), Kind(kind), **options))
    assert source.count() is None
    async for row in source.rows():
        print(row.line, row.problems or dict(row), flush=True)
        if how == "leave":
            return
        if how == "cancel":
            try:
                async with asyncio.timeout(0):
                    await anext(source.rows())
            except TimeoutError:
                print("cancelled", flush=True)
                return

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
try:
    asyncio.run(main(*sys.argv[1:3], **{name: int(n) for name, n in (pair.split("=") for pair in sys.argv[3:])}))
except InputError as error:
    print("input:", error)
except KeyboardInterrupt:
    print("interrupted")
"""


@contextlib.contextmanager
def reading(*arguments, **options):
    """A process that prints the rows of its stdin, with an open pipe to it."""
    command = [sys.executable, "-c", READER, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    with subprocess.Popen(command, bufsize=0, **pipes) as child:
        try:
            yield child
        finally:
            child.kill()


def ended(child):
    """The exit code, the rest of the output and the errors, while the pipe to its stdin stays open."""
    child.wait(PATIENCE)
    return child.returncode, child.stdout.read().decode(), child.stderr.read().decode()


@pytest.mark.parametrize(
    ("kind", "parts", "rows"),
    [
        (
            "csv",
            ["email,x\na@b", ",1\nc@d,2\n", "e@f,3"],
            ["2 {'email': 'a@b', 'x': '1'}", "3 {'email': 'c@d', 'x': '2'}", "4 {'email': 'e@f', 'x': '3'}"],
        ),
        (
            "jsonl",
            ['{"email"', ': "a@b"}\n\n{}\n', '{"email": "c@d"}'],
            ["1 {'email': 'a@b'}", "3 {}", "4 {'email': 'c@d'}"],
        ),
    ],
)
def test_a_row_comes_as_soon_as_its_line_is_there(kind, parts, rows):
    """Each row is read before the producer writes on; the last needs no line end but the end of the pipe."""
    with reading(kind, "all") as child:
        child.stdin.write(parts[0].encode())
        child.stdin.write(parts[1].encode())
        first = [child.stdout.readline().decode() for _ in range(2)]
        child.stdin.write(parts[2].encode())
        child.stdin.close()

        assert ended(child) == (0, f"{rows[2]}\n", "")
        assert first == [f"{row}\n" for row in rows[:2]]


@pytest.mark.parametrize("how", ["leave", "cancel"])
def test_a_program_ends_while_the_pipe_stays_open(how):
    """Whoever reads no more, or was cancelled while a read was blocked, leaves at once and in silence."""
    with reading("csv", how) as child:
        child.stdin.write(b"email\na@b\n")

        assert ended(child) == (0, "2 {'email': 'a@b'}\n" + "cancelled\n" * (how == "cancel"), "")


def test_ctrl_c_ends_a_blocked_read():
    """An interrupt is heard although no further line comes."""
    with reading("jsonl", "all") as child:
        child.stdin.write(b"{}\n")
        assert child.stdout.readline() == b"1 {}\n"

        child.send_signal(signal.SIGINT)

        assert ended(child) == (0, "interrupted\n", "")


def test_skip_and_limit_ask_for_no_further_line():
    """After the last row that is wanted the reader is done, though the pipe stays open."""
    with reading("csv", "all", "skip=1", "limit=1") as child:
        child.stdin.write(b"email\na@b\nc@d\n")

        assert ended(child) == (0, "3 {'email': 'c@d'}\n", "")


def test_what_cannot_be_read_ends_the_stream():
    """The rows before it are handed on."""
    with reading("csv", "all") as child:
        child.stdin.write(b"email\na@b\n\xff@b\nc@d\n")

        assert ended(child) == (0, "2 {'email': 'a@b'}\ninput: line 3 is not UTF-8; save the file as UTF-8\n", "")


def test_stdin_may_be_a_file_or_nothing(write):
    """What is redirected is read as a pipe is, also an empty one."""
    with (
        write("a", "email\na@b\n").open("rb") as file,
        reading("csv", "all", stdin=file) as child,
    ):
        assert ended(child) == (0, "2 {'email': 'a@b'}\n", "")
    with reading("csv", "all", stdin=subprocess.DEVNULL) as child:
        assert ended(child) == (0, "input: no header: line 1 must name the columns\n", "")


def test_a_closed_stdin_says_so(monkeypatch):
    """A program without stdin does not read whatever else has its number."""
    monkeypatch.setattr(sys, "stdin", None)

    async def read():
        return await anext(input_of(Path("-"), kind=Kind.CSV).rows())

    with pytest.raises(InputError, match="stdin is closed"):
        asyncio.run(read())


def test_a_named_pipe_is_read_as_stdin_is(tmp_path):
    """Its name may say its kind, a `.gz` too; Parquet and what wants to read twice are refused without waiting."""
    for name in ("a.csv.gz", "a.parquet"):
        os.mkfifo(tmp_path / name)
    source = input_of(tmp_path / "a.csv.gz")
    writer = threading.Thread(target=(tmp_path / "a.csv.gz").write_bytes, args=(gzip.compress(b"email\na@b\nc@d\n"),))

    async def read():
        return [row.line async for row in source.rows()]

    assert source.count() is None
    writer.start()
    assert asyncio.run(read()) == [2, 3]
    writer.join()
    with pytest.raises(InputError, match="not a file that can be read twice"):
        source.rows_of_file()
    with pytest.raises(InputError, match="Parquet cannot be read from a pipe: write it to a file first"):
        input_of(tmp_path / "a.parquet").rows()


def test_the_event_loop_runs_while_a_read_is_blocked():
    """Others work meanwhile: here the producer itself."""
    reader, writer = os.pipe()

    async def produce():
        for line in (b"email\n", b"a@b\n", b"c@d\n"):
            await anyio.lowlevel.checkpoint()
            os.write(writer, line)
        os.close(writer)

    async def read():
        async with asyncio.TaskGroup() as group:
            rows = input_of(Path(f"/dev/fd/{reader}"), kind=Kind.CSV).rows()
            first = group.create_task(anext(rows))
            await asyncio.sleep(0)
            group.create_task(produce())
            await first
        return [first.result().line, *[row.line async for row in rows]]

    try:
        assert asyncio.run(read()) == [2, 3]
    finally:
        os.close(reader)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_read_loses_no_row(backend):
    """The row that was being read is the next one, once it is there."""
    may_go_on = threading.Event()

    def rows():
        may_go_on.wait(PATIENCE)
        yield "first"
        yield "second"

    async def read():
        stream = Stream(rows())
        with anyio.move_on_after(0) as scope:
            await anext(stream)
        assert scope.cancelled_caught
        may_go_on.set()
        return [row async for row in stream]

    assert anyio.run(read, backend=backend) == ["first", "second"]


def test_a_bug_in_a_reader_shows_itself():
    """Whatever the thread meets is raised where the row is awaited, instead of a wait without end."""

    def rows():
        yield "first"
        raise ZeroDivisionError

    async def read():
        stream = Stream(rows())
        assert await anext(stream) == "first"
        with pytest.raises(ZeroDivisionError):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(read())


def test_a_thread_whose_loop_has_ended_ends_too():
    """What comes too late is nobody's: the thread says nothing and is gone."""
    may_go_on, before = threading.Event(), {*threading.enumerate()}

    def rows():
        may_go_on.wait(PATIENCE)
        yield "late"

    async def read():
        with anyio.move_on_after(0):
            await anext(Stream(rows()))

    asyncio.run(read())
    (thread,) = {*threading.enumerate()} - before
    may_go_on.set()
    thread.join(PATIENCE)

    assert not thread.is_alive()


def test_files_need_no_thread(write):
    """A file's rows come from a plain iterator."""
    path = write("a.csv", "email\na@b\n")

    assert rows_of(path) == [(2, {"email": "a@b"})]
    assert input_of(path).count() == 1
    assert InputOptions(path).is_stdin is False
