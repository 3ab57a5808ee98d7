"""The thread of a file, and the event loop that it reports to: neither holds the other up."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest
from fault_server import PATIENCE

from sendpulse_async._database import Database, FileKind

KIND = FileKind("notebook", 1, 1, ("CREATE TABLE notes (text TEXT)",))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes"


async def leave_work_behind(database, is_begun, go_on):
    """Give work to the thread, and go away when it has begun."""

    def work(connection):
        connection.execute("INSERT INTO notes VALUES ('left behind')")
        is_begun.set()
        assert go_on.wait(PATIENCE)

    await database.open()
    given = asyncio.ensure_future(database.do(work))
    while not is_begun.is_set():
        await asyncio.sleep(0.001)
    given.cancel()
    await asyncio.wait([given])
    database.abandon()


async def notes(path):
    """Return what stands in the file, once whoever had it before has closed it."""
    database = Database(path, KIND)
    await database.open()
    try:
        return await database.do(lambda connection: connection.execute("SELECT text FROM notes").fetchall())
    finally:
        await database.aclose()


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_loop_that_stops_for_ever_does_not_keep_the_file_open(path, is_closed):
    """A report to a loop that never runs again is waited for by nobody: the file is written and closed."""
    is_begun, go_on = threading.Event(), threading.Event()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_work_behind(Database(path, KIND), is_begun, go_on))
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "sendpulse_async notebook"]
    if is_closed:
        loop.close()

    go_on.set()
    thread.join(PATIENCE)
    loop.close()

    assert not thread.is_alive()
    assert asyncio.run(notes(path)) == [("left behind",)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_any_loop_hears_its_thread(path, backend):
    """Work is reported to asyncio and to trio."""

    async def main():
        database = Database(path, KIND)
        await database.open()
        await database.do(lambda connection: connection.execute("INSERT INTO notes VALUES ('written')"))
        await database.aclose()
        return await notes(path)

    assert anyio.run(main, backend=backend) == [("written",)]


@pytest.mark.asyncio
async def test_a_file_that_was_abandoned_may_be_opened_again_at_once(path):
    """The second opening waits for the end of the first: its own process never finds the file in use."""
    database = Database(path, KIND)
    for text in "abc":
        await database.open()
        given = asyncio.ensure_future(
            database.do(lambda connection, text=text: connection.execute("INSERT INTO notes VALUES (?)", text))
        )
        await asyncio.sleep(0)
        given.cancel()
        database.abandon()

    await database.open()
    await database.aclose()

    assert await notes(path) == [("a",), ("b",), ("c",)]


@pytest.mark.asyncio
async def test_an_opening_that_was_cancelled_may_be_closed(path):
    """Closing returns when nobody is in the file any more, wherever the opening was cancelled."""
    for steps in range(5):
        database = Database(path, KIND)
        opening = asyncio.ensure_future(database.open())
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])

        await database.aclose()

        assert await notes(path) == []
