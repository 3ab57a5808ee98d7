"""A full disk ends a run: what could not be noted is not sent, what was under way is told, and nothing is doubled."""

from __future__ import annotations

import contextlib
import subprocess
from collections import Counter
from pathlib import Path

import anyio
import pytest

from sendpulse_async import Journal
from sendpulse_async._journal import EntryState

from .child import Orders
from .ledger import Ledger

pytestmark = pytest.mark.timeout(60)

EVENTS = 200


class Disk:
    """A place for a journal that a run can fill.

    Args:
        folder: Where the journal is.
        filler: The file that fills it; none: a limit on the size of files does.
    """

    def __init__(self, folder, filler=""):
        self.journal = folder / "run.journal"
        self.filler = str(filler)

    def make_room(self):
        if self.filler:
            Path(self.filler).unlink()


@contextlib.contextmanager
def small_disk(folder):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("this system has no mount")
    if mounted.returncode:
        pytest.skip(f"a file system of memory cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["limit", "disk"])
def disk(request, tmp_path):
    if request.param == "limit":
        yield Disk(tmp_path)
    else:
        with small_disk(tmp_path / "small") as folder:
            yield Disk(folder, folder / "filler")


@pytest.fixture
def play(disk, processes, tmp_path):
    """Run until the disk is full and, with room again, to the end; return what was told each time, and the ledgers."""
    with Ledger() as ledger:

        def once(who, **options):
            told = tmp_path / who
            orders = Orders(str(disk.journal), ledger.url, str(told), EVENTS, fills_with=disk.filler, **options)
            assert processes.begin(orders).wait() == 0
            lines = [line.split(maxsplit=1) for line in told.read_text().splitlines()]
            return lines, Counter(ledger.taken)

        def both(**options):
            first = once("first", **options)
            states = anyio.run(read, disk.journal)
            disk.make_room()
            return (*first, states, *once("second"))

        yield both


async def read(path):
    async with Journal(path) as journal:
        return {entry.position: entry.state async for entry in journal.entries()}


def test_no_room_for_an_intent(play):
    """The run ends, and the event whose intent could not be written is not sent, now; later it is."""
    told, taken, states, told_later, taken_at_last = play(max_in_flight=1, fills_at_line=50)

    assert told[:50] == [[str(number), "accepted"] for number in range(50)]
    assert told[50] == ["50", "not_sent"]
    assert told[51][0] == "JournalError:"
    assert "the journal cannot be" in told[51][1]
    assert set(taken) == set(range(50))
    assert states == dict.fromkeys(range(50), EntryState.ACCEPTED)

    assert sorted(told_later) == sorted([str(number), "accepted"] for number in range(50, EVENTS))
    assert taken_at_last == dict.fromkeys(range(EVENTS), 1)


@pytest.mark.parametrize("in_flight", [1, 16])
def test_no_room_for_an_outcome(play, in_flight):
    """It is told all the same, as that of all that were under way; the next run knows no more than that they were."""
    told, taken, states, told_later, taken_at_last = play(max_in_flight=in_flight, fills_at_answer=50)

    *outcomes, (error, text) = told
    assert (error, "the journal cannot be" in text) == ("JournalError:", True)
    statuses = {int(number): status for number, status in outcomes}
    assert sorted(statuses) == list(range(len(outcomes)))
    assert 50 <= len(outcomes) <= 50 + 2 * in_flight
    assert set(statuses.values()) <= {"accepted", "not_sent"}
    assert {number for number, status in statuses.items() if status == "accepted"} == set(taken)

    doubtful = {number for number, state in states.items() if state is EntryState.INTENT}
    assert 1 <= len(doubtful) <= in_flight
    assert doubtful <= set(taken)
    assert {state for number, state in states.items() if number not in doubtful} == {EntryState.ACCEPTED}

    later = {int(number): status for number, status in told_later}
    assert {number for number, status in later.items() if status == "unknown"} == doubtful
    assert taken_at_last == dict.fromkeys(range(EVENTS), 1)
