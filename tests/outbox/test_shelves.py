"""Where events are kept: one contract for both shelves, and what a file adds to it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat

import pytest

from sendpulse_async import JournalError, OutboxStats, OutcomeStatus
from sendpulse_async._outbox._file import FileShelf
from sendpulse_async._outbox._values import Burial, Grave

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

REJECTED = Grave(OutcomeStatus.REJECTED, "no such event", 1_700_000_000.5)
UNKNOWN = Grave(OutcomeStatus.UNKNOWN, "no answer came", 1_700_000_001.0)


@pytest.fixture
async def shelf(shelf):
    await shelf.open()
    yield shelf
    await shelf.aclose()


async def line_of(shelf):
    """The numbers in line."""
    numbers, place = [], 0
    while (entry := await shelf.first(place)) is not None:
        numbers.append(entry.number)
        place = entry.place
    return numbers


async def test_a_new_shelf_is_empty(shelf):
    """Nothing is in line, dead or counted."""
    assert await shelf.first() is None
    assert await shelf.dead(10) == []
    assert await shelf.recover(UNKNOWN) == []
    assert await shelf.stats() == OutboxStats()


async def test_events_stand_in_line_as_they_were_put(shelf):
    """First come, first out; each has a number of its own, and its text as it was."""
    numbers = [await shelf.add(text) for text in ("a", "b", "ü\0")]

    assert await line_of(shelf) == numbers == sorted(set(numbers))
    assert [(await shelf.first(place)).record for place in range(3)] == ["a", "b", "ü\0"]
    assert await shelf.stats() == OutboxStats(put=3, pending=3)


async def test_an_accepted_event_is_forgotten(shelf):
    """It leaves the line and the shelf, and is counted once."""
    first, second = await shelf.add("a"), await shelf.add("b")
    await shelf.intend(first)

    await shelf.accept(first)
    await shelf.accept(first)

    assert await line_of(shelf) == [second]
    assert await shelf.dead(10) == []
    assert await shelf.stats() == OutboxStats(put=2, accepted=1, pending=1)


async def test_numbers_are_never_given_twice(shelf):
    """Not even when the last event was forgotten."""
    first = await shelf.add("a")
    await shelf.accept(first)

    assert await shelf.add("b") > first


@pytest.mark.parametrize(("grave", "counts"), [(REJECTED, {"rejected": 1}), (UNKNOWN, {"unknown": 1})])
async def test_a_buried_event_is_a_dead_letter(shelf, grave, counts):
    """It is kept with its reason, and counted by its status once."""
    first, second = await shelf.add("a"), await shelf.add("b")
    await shelf.intend(first)

    await shelf.bury(first, grave)
    await shelf.bury(first, grave)

    assert await line_of(shelf) == [second]
    assert await shelf.dead(10) == [Burial(first, "a", grave)]
    assert await shelf.stats() == OutboxStats(put=2, pending=1, **counts)


async def test_dead_letters_come_by_number(shelf):
    """The oldest come first, and no more than were asked for."""
    numbers = [await shelf.add(text) for text in "abc"]
    for number in reversed(numbers):
        await shelf.bury(number, REJECTED)

    assert [burial.number for burial in await shelf.dead(10)] == numbers
    assert [burial.number for burial in await shelf.dead(2)] == numbers[:2]


async def test_an_event_that_is_put_back_keeps_its_place(shelf):
    """It is first in line again, and its intent is gone."""
    numbers = [await shelf.add(text) for text in "ab"]
    await shelf.intend(numbers[0])

    await shelf.put_back(numbers[0], to_end=False)

    assert await line_of(shelf) == numbers
    assert await shelf.recover(UNKNOWN) == []
    assert await shelf.stats() == OutboxStats(put=2, pending=2)


async def test_an_event_may_go_to_the_end(shelf):
    """It stands behind all others, those that come later but."""
    numbers = [await shelf.add(text) for text in "abc"]
    await shelf.intend(numbers[0])

    await shelf.put_back(numbers[0], to_end=True)
    numbers.append(await shelf.add("d"))

    assert await line_of(shelf) == [numbers[1], numbers[2], numbers[0], numbers[3]]
    assert await shelf.recover(UNKNOWN) == []


async def test_what_was_under_way_is_recovered(shelf):
    """Events with an intent become dead letters, the others stay in line."""
    numbers = [await shelf.add(text) for text in "abcd"]
    await shelf.intend(numbers[2])
    await shelf.intend(numbers[1])

    buried = await shelf.recover(UNKNOWN)

    assert buried == [Burial(numbers[1], "b", UNKNOWN), Burial(numbers[2], "c", UNKNOWN)] == await shelf.dead(10)
    assert await line_of(shelf) == [numbers[0], numbers[3]]
    assert await shelf.stats() == OutboxStats(put=4, unknown=2, pending=2)
    assert await shelf.recover(UNKNOWN) == []


@pytest.mark.parametrize("grave", [REJECTED, UNKNOWN])
async def test_a_dead_letter_may_be_put_back_into_the_line(shelf, grave):
    """At its end, under its number; it counts as put once, and its intent is not there again."""
    first, second = await shelf.add("a"), await shelf.add("b")
    await shelf.intend(first)
    await shelf.bury(first, grave)

    assert await shelf.requeue(first)

    assert await line_of(shelf) == [second, first]
    assert await shelf.dead(10) == await shelf.recover(UNKNOWN) == []
    assert await shelf.stats() == OutboxStats(put=2, pending=2)


async def test_only_dead_letters_may_be_put_back(shelf):
    """A pending event, an accepted one and none at all are no dead letters."""
    pending, accepted = await shelf.add("a"), await shelf.add("b")
    await shelf.accept(accepted)

    assert [await shelf.requeue(number) for number in (pending, accepted, 77)] == [False, False, False]
    assert await shelf.stats() == OutboxStats(put=2, accepted=1, pending=1)


async def test_a_dead_letter_is_out_of_reach(shelf):
    """Nothing but `requeue` changes it."""
    number = await shelf.add("a")
    await shelf.bury(number, REJECTED)

    await shelf.intend(number)
    await shelf.put_back(number, to_end=True)
    await shelf.accept(number)
    await shelf.bury(number, UNKNOWN)

    assert await shelf.dead(10) == [Burial(number, "a", REJECTED)]
    assert await shelf.recover(UNKNOWN) == []
    assert await shelf.stats() == OutboxStats(put=1, rejected=1)


# The file


async def filled(path):
    """A file with an event of each kind: pending, under way, dead, accepted."""
    shelf = FileShelf(path)
    await shelf.open()
    numbers = [await shelf.add(f"canary {text} " * 3000) for text in "abcd"]
    await shelf.intend(numbers[1])
    await shelf.bury(numbers[2], REJECTED)
    await shelf.accept(numbers[3])
    return shelf, numbers


async def test_a_file_outlives_who_opened_it(path):
    """All of it is there at the next opening."""
    shelf, numbers = await filled(path)
    await shelf.aclose()

    await shelf.open()

    assert await line_of(shelf) == numbers[:2]
    assert await shelf.stats() == OutboxStats(put=4, accepted=1, rejected=1, pending=2)
    assert [burial.number for burial in await shelf.recover(UNKNOWN)] == numbers[1:2]
    assert await shelf.add("e") > numbers[-1]
    await shelf.aclose()


async def test_nobody_reads_in_a_file_what_was_accepted(path):
    """The text of an event that SendPulse has is overwritten, in every file that is left beside it."""
    shelf, _ = await filled(path)
    await shelf.aclose()

    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert [left.count(b"canary " + text) > 0 for text in (b"a", b"b", b"c", b"d")] == [True, True, True, False]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_a_file_is_for_its_owners_eyes_only(path):
    """So are the files beside it."""
    shelf, _ = await filled(path)

    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await shelf.aclose()

    assert modes == {0o600}


async def test_a_file_has_one_user(path):
    """A second opening says that it is in use, and the first goes on undisturbed."""
    shelf, _ = await filled(path)

    with pytest.raises(JournalError, match="is in use"):
        await FileShelf(path).open()

    await shelf.add("e")
    await shelf.aclose()


async def test_another_programs_file_is_left_alone(path):
    """A SQLite file of somebody else's is refused, and so is what is none."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE events (number INTEGER)")
    other.close()
    no_database = path.with_name("text")
    no_database.write_text("no database, but long enough to be one" * 100)

    with pytest.raises(JournalError, match="no outbox of sendpulse_async"):
        await FileShelf(path).open()
    with pytest.raises(JournalError, match="no SQLite file"):
        await FileShelf(no_database).open()


async def test_a_closed_file_says_so(path):
    """Every verb of a file that is not open raises."""
    shelf, (first, *_) = await filled(path)
    await shelf.aclose()

    for call in (shelf.add("e"), shelf.first(), shelf.accept(first), shelf.requeue(first), shelf.stats()):
        with pytest.raises(JournalError, match="the outbox is closed"):
            await call


async def test_an_opening_that_is_cancelled_leaves_the_file_free(path):
    """Wherever it is cancelled, the next opening finds nobody in the file."""
    for steps in range(8):
        opening = asyncio.ensure_future(FileShelf(path).open())
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        opening.cancel()
        (done,), _ = await asyncio.wait([opening])
        if not done.cancelled():
            break
        await free(path)


async def free(path):
    """Open and close a file, once the one who had it has gone."""
    shelf = FileShelf(path)
    async with asyncio.timeout(20):
        while True:
            try:
                await shelf.open()
            except JournalError:
                await asyncio.sleep(0.001)
            else:
                return await shelf.aclose()
