"""Cancelling a run with a journal, at every point: the journal never knows better than the truth, and is let go of."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import threading
from collections import Counter
from contextlib import aclosing
from functools import partial
from pathlib import Path

import anyio
import pytest
import trio
from bulk.scripted import LOST, NO_SUCH_EVENT, REFUSED, TAKEN, UNREACHABLE, Input, item, sender_on, turns
from fault_server import PATIENCE
from suspensions import cancelled_at

from sendpulse_async import Event, Journal, OutcomeStatus, send_many, stream_many
from sendpulse_async._bulk._rules import STREAK
from sendpulse_async._journal import EntryState, identify

from .network import Network

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

EARLIER = [TAKEN, LOST, LOST, NO_SUCH_EVENT, REFUSED, UNREACHABLE]
"""What the first events met in an earlier run; of the third it never heard."""
ALL_OUT = 60
"""Each of so many points is a case; from there on every third is."""
LATER = [TAKEN, LOST, UNREACHABLE, TAKEN]
BROKEN_OFF = 2
REPETITIONS = (len(EARLIER) + 1, len(EARLIER) + 3)
SETTLED = {EntryState.ACCEPTED, EntryState.REJECTED}
DOUBTFUL = {EntryState.INTENT, EntryState.UNKNOWN}


def inputs():
    """Events known to the journal, new ones, a wrong one, and ids that come twice."""
    known = len(EARLIER) + 2
    numbered = [item(number) for number in range(known - 2)]
    ids = [Event.from_mapping(item(known - 2), event_id="the same")] * 2
    new_ids = [Event.from_mapping(item(known), event_id="another")] * 2
    return [*numbered, *ids, *new_ids, None, *(item(number) for number in range(known + 3, known + 3 + len(LATER)))]


def number_of(index):
    """The number of the event at this place of the input: a repetition has that of the one that it repeats."""
    return index - (index in REPETITIONS)


def answer_earlier(number):
    return EARLIER[number] if number < len(EARLIER) else TAKEN


def answer_now(number):
    return LATER[number % len(LATER)]


async def read(path):
    async with Journal(path) as journal:
        return {entry.position: entry.state async for entry in journal.entries()}


async def prepare(path):
    """Do what an earlier run did that was broken off; return its ledger."""
    network = Network(answer_earlier)

    async def stop_at_the_third(identity, outcome, settle):
        if outcome.index != BROKEN_OFF:
            await settle(identity, outcome)

    journal = Journal(path)
    settle = journal.settle
    journal.settle = lambda identity, outcome: stop_at_the_third(identity, outcome, settle)
    async with sender_on(network) as sender:
        await send_many(sender, inputs()[: len(EARLIER) + 2], journal=journal, max_in_flight=1)
    states = await read(path)
    assert [states[number] for number in range(len(EARLIER) + 2)] == [
        EntryState.ACCEPTED,
        EntryState.UNKNOWN,
        EntryState.INTENT,
        EntryState.REFUSED,
        EntryState.REJECTED,
        EntryState.NOT_SENT,
        EntryState.ACCEPTED,
        EntryState.REJECTED,
    ]
    return network.taken


class Scene:
    """One cancelled run on a copy of a journal, and what may be said of it."""

    def __init__(self, path, taken, before):
        self.path = path
        self.before = before
        self.taken_before = taken
        self.network = Network(answer_now, Counter(taken))
        self.source = Input(inputs())
        self.stream = None

    async def send_many(self, **options):
        async with sender_on(self.network) as sender:
            await send_many(
                sender,
                self.source,
                journal=Journal(self.path),
                max_in_flight=3,
                on_outcome=self.source.heard,
                **options,
            )

    async def stream_many(self, **options):
        async with (
            sender_on(self.network) as sender,
            stream_many(
                sender,
                self.source.each(),
                journal=Journal(self.path),
                max_in_flight=3,
                on_outcome=self.source.heard,
                **options,
            ) as outcomes,
        ):
            self.stream = outcomes
            async for _ in outcomes:
                pass

    async def check(self):
        """What is in the journal is what was told, and no better than the truth."""
        after = await read(self.path)  # it can be opened at once
        told = {outcome.index: outcome.status for outcome in self.source.outcomes}
        assert len(told) == len(self.source.outcomes)
        if self.stream is not None:
            assert self.stream.report.total == self.source.pulled
        for index in range(len(self.source.events)):
            self._check(index, self.before.get(index), after.get(index), told.get(index))

    def _check(self, index, before, after, told):
        taken = self.network.taken[number_of(index)]
        if before in SETTLED:
            assert after is before
            assert told in {None, OutcomeStatus.UNKNOWN}  # unknown, where the journal was not heard in time
            return
        if index >= self.source.pulled:
            assert (told, after) == (None, before)
            return
        assert told is not None
        if self.source.events[index] is None:
            assert told is OutcomeStatus.REJECTED
        if before in DOUBTFUL:
            assert told in {OutcomeStatus.UNKNOWN, OutcomeStatus.ACCEPTED}
            assert after in {*DOUBTFUL, EntryState.ACCEPTED}
        else:
            assert after in {None, before} or after.value == told.value
        if told is OutcomeStatus.ACCEPTED:
            assert (taken, after) == (1 + (before in DOUBTFUL), EntryState.ACCEPTED)
        elif told in {OutcomeStatus.NOT_SENT, OutcomeStatus.REJECTED}:
            assert taken == 0 or self._is_repetition(index, told)
        if after not in {EntryState.ACCEPTED, *DOUBTFUL}:
            assert taken == 0 or self._is_repetition(index, told)

    def _is_repetition(self, index, told):
        """On trio, which of two comes first is chance."""
        return told is OutcomeStatus.REJECTED and {index, index - 1, index + 1} & set(REPETITIONS)

    async def resume(self):
        """The next run brings all to an end: the ledger has nothing twice but what was asked for."""
        self.network.script = lambda number: TAKEN
        outcomes = []
        async with sender_on(self.network) as sender:
            report = await send_many(sender, inputs(), journal=Journal(self.path), on_outcome=outcomes.append)
        assert report.total == len(inputs())
        assert not report.not_sent
        final = await read(self.path)
        assert set(final.values()) <= {EntryState.ACCEPTED, EntryState.REJECTED, EntryState.UNKNOWN}
        return final


def files_open(path):
    """How many descriptors of this process are of the journal and its log."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("this system does not show which files are open")
    links = []
    for descriptor in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one of the listing itself
            links.append(str(descriptor.readlink()))
    return sum(link.startswith(str(path)) for link in links)


def tasks(backend):
    return len(asyncio.all_tasks()) if backend == "asyncio" else trio.lowlevel.current_statistics().tasks_living


def nothing_runs():
    for thread in threading.enumerate():
        if thread.name.startswith("sendpulse_async"):
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.parametrize("by", ["task", "scope"])
@pytest.mark.parametrize(
    ("call", "resend"),
    [("send_many", False), ("send_many", True), ("stream_many", False)],
    ids=["send_many", "resend", "stream_many"],
)
async def test_at_every_point(quick_folder, anyio_backend, call, by, resend):
    """Once and twice: what is told and kept is true, nothing is left, and the next run doubles nothing."""
    if anyio_backend == "trio" and by == "task":
        pytest.skip("trio cancels scopes alone")
    template = quick_folder / "template"
    taken = await prepare(template)
    before = await read(template)
    again = itertools.cycle([(), (1,), (), (2,), (), (4,), (), (8,)])
    point, is_struck = 0, True

    while is_struck:
        point += 1 if point < ALL_OUT else 3
        path, before_tasks = quick_folder / f"{point}", tasks(anyio_backend)
        shutil.copy(template, path)
        scene = Scene(path, taken, before)
        work = getattr(scene, call)
        chosen = [point, *(point + more for more in next(again))]

        is_struck = await cancelled_at(chosen, lambda work=work: work(resend_unknown=resend), by=by)

        assert files_open(path) == 0
        assert tasks(anyio_backend) == before_tasks
        await scene.check()
        final = await scene.resume()
        for number, count in scene.network.taken.items():
            assert count <= 1 + (resend and before.get(number) in DOUBTFUL), number
        assert all(scene.network.taken[number_of(index)] for index in final if final[index] is EntryState.ACCEPTED)
        nothing_runs()

    assert point > 60


async def kept(path, event):
    async with Journal(path) as journal, journal.run(), sender_on(Network()) as sender:
        entry = await journal.find(identify(event, 0, sender._door.target.url))
    assert entry is not None
    return entry


@pytest.mark.parametrize("answer", [TAKEN, LOST, UNREACHABLE], ids=["taken", "lost", "unreachable"])
async def test_while_it_waits_for_the_end_of_an_outage(quick_folder, answer):
    """An event that is held when the run is cancelled was not looked up: nothing better than doubt is told of it."""
    path, known = quick_folder / "run.journal", Event.from_mapping(item(9), event_id="known")
    async with sender_on(Network(lambda number: answer)) as sender:
        await send_many(sender, [known], journal=Journal(path))
    before, outcomes, is_out = await kept(path, known), [], anyio.Event()

    def heard(outcome):
        outcomes.append(outcome)
        if len(outcomes) == STREAK:
            is_out.set()

    async def each():
        for number in range(STREAK):
            yield item(number)
        await is_out.wait()
        yield known

    async with (
        sender_on(Network(lambda number: LOST)) as sender,
        aclosing(each()) as events,
        anyio.create_task_group() as group,
    ):
        run = partial(send_many, journal=Journal(path), max_in_flight=STREAK + 1, on_outcome=heard)
        group.start_soon(run, sender, events)
        await is_out.wait()
        await turns(20)
        group.cancel_scope.cancel()

    assert [outcome.index for outcome in outcomes][STREAK:] == [STREAK]
    assert {outcome.status for outcome in outcomes} == {OutcomeStatus.UNKNOWN}
    assert "an earlier run may have sent it" in str(outcomes[-1].error)
    assert await kept(path, known) == before
