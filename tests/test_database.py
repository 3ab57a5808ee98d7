"""`Database`: what it says is on disk is there, for one process at a time, and nothing else is taken for its own."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading

import anyio
import pytest

from sendpulse_async import ConfigurationError, JournalError
from sendpulse_async._database import Database, FileKind

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

KIND = FileKind("shelf", 0x53505445, 2, ("CREATE TABLE books (title TEXT NOT NULL)",))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a shelf"


def add(title):
    return lambda connection: connection.execute("INSERT INTO books VALUES (?)", (title,))


def titles(connection):
    return [title for (title,) in connection.execute("SELECT title FROM books")]


async def opened(path, kind=KIND):
    database = Database(path, kind)
    await database.open()
    return database


async def read(path):
    database = await opened(path)
    try:
        return await database.do(titles)
    finally:
        await database.aclose()


async def test_what_was_done_is_there_for_the_next(path):
    """In the order in which it was given, whoever waited for it."""
    database = await opened(path)
    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(database.do, add(str(number)))
    await database.aclose()

    assert sorted(await read(path), key=int) == [str(number) for number in range(50)]
    assert not database.is_open


async def test_a_commit_survives_the_death_of_its_process(path):
    """SIGKILL takes nothing that `do` returned for."""
    script = """
import anyio, os, signal, sys
sys.path.insert(0, "tests")
from test_database import add, opened

async def main():
    database = await opened(sys.argv[1])
    for number in range(20):
        await database.do(add(str(number)))
    os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""
    ended = await anyio.run_process([sys.executable, "-c", script, str(path)], check=False)

    assert ended.returncode == -9, ended.stderr
    assert await read(path) == [str(number) for number in range(20)]


async def test_those_who_wait_together_share_a_transaction(path, monkeypatch):
    """Many orders cost few commits."""
    database, commits = await opened(path), []
    is_slow = threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(database.do, lambda _: is_slow.wait(10))
        await anyio.wait_all_tasks_blocked()
        for number in range(30):
            group.start_soon(database.do, add(str(number)))
        await anyio.wait_all_tasks_blocked()  # trio begins tasks in any order
        group.start_soon(
            database.do, lambda connection: commits.append(connection.in_transaction and connection.total_changes)
        )
        await anyio.wait_all_tasks_blocked()
        is_slow.set()
    changed = await database.do(lambda connection: connection.total_changes)
    await database.aclose()

    assert commits == [30]
    assert changed == 30


async def test_what_a_work_raises_is_its_own(path):
    """Others in the same transaction are not concerned."""
    database = await opened(path)

    def fail(_):
        raise LookupError

    with pytest.raises(LookupError):
        await database.do(fail)
    await database.do(add("a"))
    await database.aclose()

    assert await read(path) == ["a"]


async def test_a_broken_statement_leaves_nothing(path):
    """A transaction is there wholly or not at all, and the next one goes."""
    database = await opened(path)

    def half(connection):
        add("half")(connection)
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(JournalError, match="cannot be used"):
        await database.do(half)
    await database.do(add("whole"))
    await database.aclose()

    assert await read(path) == ["whole"]


async def test_a_cancelled_order_is_done_all_the_same(path):
    """Whoever waits no more does not take the order back, and those behind it come after it."""
    database, is_slow = await opened(path), threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(database.do, lambda _: is_slow.wait(10))
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0) as scope:
            await database.do(add("first"))
        is_slow.set()
        await database.do(add("second"))
    await database.aclose()

    assert scope.cancelled_caught
    assert await read(path) == ["first", "second"]


async def test_closing_finishes_what_was_given(path):
    """An order whose waiter was cancelled is on disk when the file is closed."""
    database = await opened(path)
    with anyio.move_on_after(0):
        await database.do(add("late"))
    await database.aclose()
    await database.aclose()

    assert await read(path) == ["late"]


async def test_a_cancelled_opening_lets_go(path):
    """Whoever gave up opening it is in nobody's way."""
    for _ in range(20):
        with anyio.move_on_after(0) as scope:
            await Database(path, KIND).open()
        assert scope.cancelled_caught
        assert await read(path) == []


async def test_closing_is_finished_whoever_cancels(path, anyio_backend):
    """A task's own `cancel`, which heeds no shield, comes through when the file is closed."""
    if anyio_backend != "asyncio":
        pytest.skip("a task of asyncio's")
    database, is_slow = await opened(path), threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(database.do, lambda _: is_slow.wait(10))
        await anyio.wait_all_tasks_blocked()
        closing = asyncio.create_task(database.aclose())
        for _ in range(2):
            await anyio.wait_all_tasks_blocked()
            closing.cancel()
        await anyio.wait_all_tasks_blocked()
        assert not closing.done()
        is_slow.set()
        with pytest.raises(asyncio.CancelledError):
            await closing

    assert await read(path) == []


async def test_one_at_a_time(path):
    """A second one in this process is refused, and the first keeps its locks."""
    first = await opened(path)
    for _ in range(2):
        with pytest.raises(JournalError, match="is in use; wait for the other run to end"):
            await opened(path)
    await first.aclose()

    assert await read(path) == []


async def test_another_process_is_refused(path):
    """And told so, while the file is open here."""
    database = await opened(path)
    script = """
import anyio, sys
sys.path.insert(0, "tests")
from test_database import opened

anyio.run(opened, sys.argv[1])
"""
    ended = await anyio.run_process([sys.executable, "-c", script, str(path)], check=False)
    await database.aclose()

    assert b"JournalError: " in ended.stderr
    assert b"the shelf is in use" in ended.stderr


async def test_the_file_is_its_owners(path):
    """Mode 0600, the write-ahead log too, whatever the umask is."""
    before = os.umask(0)
    try:
        database = await opened(path)
        await database.do(add("a"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await database.aclose()
    finally:
        os.umask(before)

    assert modes == {path.name: 0o600, f"{path.name}-wal": 0o600}


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()


async def newer(path):
    await (await opened(path, FileKind("shelf", KIND.application_id, 3, KIND.schema))).aclose()


async def other(path):
    await (await opened(path, FileKind("box", 1, 2, KIND.schema))).aclose()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path.write_text("a list of addresses\n" * 100), "the shelf is no SQLite file"),
        (foreign, "is no shelf of sendpulse_async"),
        (other, "is no shelf of sendpulse_async"),
        (newer, "is of a newer version of sendpulse_async; update it"),
        (lambda path: path.mkdir(), "is no file, and so no shelf"),
    ],
    ids=["text", "foreign", "other", "newer", "folder"],
)
async def test_what_is_something_else_is_refused_and_kept(path, make, text):
    """The error says what it is, and the file is as it was."""
    if (made := make(path)) is not None and not isinstance(made, int):
        await made
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(JournalError, match=text) as raised:
        await opened(path)

    assert str(path) in str(raised.value)
    assert before is None or path.read_bytes() == before


async def test_no_folder(tmp_path):
    """A file is not made where its folder is missing."""
    with pytest.raises(JournalError, match="the shelf cannot be made: No such file or directory"):
        await opened(tmp_path / "missing" / "shelf")


@pytest.mark.parametrize("path", ["", "a\0b", 7, None])
def test_no_path(path):
    """Told when it is made, not when it is opened."""
    with pytest.raises(ConfigurationError, match="path must"):
        Database(path, KIND)


async def test_a_closed_one_does_nothing(path):
    """An order that would never be done is refused."""
    database = Database(path, KIND)

    with pytest.raises(JournalError, match="the shelf is closed"):
        await database.do(titles)


async def test_a_torn_log_loses_the_torn_end_alone(path):
    """Whatever is cut off, what stood before it is read, in order."""
    database = await opened(path)
    for number in range(10):
        await database.do(add(str(number)))
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}  # as a crash would leave them
    await database.aclose()

    log = files[f"{path.name}-wal"]
    kept = []
    for length in range(0, len(log), 997):
        for name, content in files.items():
            (path.parent / name).write_bytes(content[:length] if name.endswith("-wal") else content)
        kept.append(await read(path))

    assert all(found == [str(number) for number in range(len(found))] for found in kept)
    assert [len(found) for found in kept] == sorted(len(found) for found in kept)
    assert len(kept[0]) == 0
    assert len(kept[-1]) >= 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_keeps_its_hands_off(path):
    """It may neither write nor close what its parent has open."""

    async def main():
        database = await opened(path)
        if (pid := os.fork()) == 0:
            try:
                is_refused = "before a fork" in await complaint(database)
                database.abandon()
                os._exit(0 if is_refused else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        await database.do(add("parent's"))
        await database.aclose()

    async def complaint(database):
        try:
            await database.do(titles)
        except JournalError as error:
            return str(error)
        return ""

    asyncio.run(main())
    assert asyncio.run(read(path)) == ["parent's"]


async def test_a_full_disk_is_told_and_survived(path):
    """Nothing of the refused work is there, and when there is room again the next one goes."""
    script = """
import anyio, resource, signal, sys
sys.path.insert(0, "tests")
from sendpulse_async import JournalError
from test_database import add, opened, titles

async def main():
    database = await opened(sys.argv[1])
    await database.do(add("before"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    try:
        await database.do(add("x" * 1_000_000))
    except JournalError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await database.do(add("after"))
    await database.aclose()

anyio.run(main)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=30, check=True
    )

    assert "the shelf cannot be" in ended.stdout
    assert await read(path) == ["before", "after"]
