"""A task that is repeated with a delivery log sends nothing twice, and hands out what the log knows."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from contextlib import asynccontextmanager

import anyio
import pyarrow
import pytest
from bulk.scripted import FORBIDDEN, LOST, NO_SUCH_EVENT, REFUSED, TAKEN, UNREACHABLE, item, sender_on
from journal.network import Network

from sendpulse_async import Event, Journal, JournalError
from sendpulse_async.integrations.arrow import send_batches

from .frames import Connection, batches, connection, ended, ids, outcomes, row, send

pytestmark = pytest.mark.usefixtures("no_probe_delay")


def statuses(taken):
    return [row["outcome"] for row in taken]


def test_a_repeated_task_sends_nothing_that_was_settled(redis_server):
    """Its output is that of the first try: outcome, reason and attempts."""
    answers = {1: REFUSED}
    first = send(batches(2, 2), connection(lambda n: answers.get(n, TAKEN), redis_server))

    again = connection(redis=redis_server)
    second = send(batches(2, 2), again)

    assert statuses(first) == ["accepted", "rejected", "accepted", "accepted"]
    assert second == first
    assert again.transport.sent == []


def test_a_wrong_row_is_the_same_in_every_try(redis_server):
    """What never was an event has the same outcome and reason each time."""
    wrong = pyarrow.RecordBatch.from_pylist([{**row(0), "email": "nobody"}, row(1)])

    first, second = (send([wrong], connection(redis=redis_server)) for _ in range(2))

    assert statuses(first) == ["rejected", "accepted"]
    assert second == first


def test_wrong_rows_of_several_tasks(redis_server):
    """Tasks that share a log may each have a wrong row at the same place, and a right one where another's is wrong."""
    tasks = [
        pyarrow.RecordBatch.from_pylist([{**row(0), "email": "nobody"}, row(1)]),
        pyarrow.RecordBatch.from_pylist([{**row(2), "email": None}, row(3)]),
        pyarrow.RecordBatch.from_pylist([row(4), {**row(5), "email": "nobody"}]),
    ]

    tries = [[send([task], connection(redis=redis_server)) for task in tasks] for _ in range(3)]

    assert [statuses(taken) for taken in tries[0]] == [
        ["rejected", "accepted"],
        ["rejected", "accepted"],
        ["accepted", "rejected"],
    ]
    assert tries[1] == tries[2] == tries[0]


@pytest.mark.parametrize("answer", [UNREACHABLE, NO_SUCH_EVENT, FORBIDDEN])
def test_what_was_not_taken_is_sent_again(redis_server, answer):
    """An event that surely was not taken, for no fault of its own, is sent by the next try."""
    first = send(batches(1), connection(lambda n: answer, redis_server))

    second = send(batches(1), connection(redis=redis_server))

    assert statuses(first) != ["accepted"]
    assert statuses(second) == ["accepted"]


def test_doubt_stays_until_it_is_decided(redis_server):
    """What may have been taken is unknown in every try, and sent again on demand alone."""
    send(batches(2), connection(lambda n: LOST if n else TAKEN, redis_server))

    again = connection(redis=redis_server)
    second = send(batches(2), again)
    resending = connection(redis=redis_server)
    third = send(batches(2), resending, resend_unknown=True)

    assert statuses(second) == ["accepted", "unknown"]
    assert second[1]["error"].startswith("in an earlier run: ")
    assert second[1]["attempts"] == 1
    assert again.transport.sent == []
    assert statuses(third) == ["accepted", "accepted"]
    assert resending.transport.sent == [1]


@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize("is_taken", [False, True])
def test_a_try_that_was_interrupted_in_a_batch(redis_server, is_taken):
    """Doubt is left about what was under way alone, and only if it may have been taken."""
    taken = Counter()

    class Stuck(Network):
        async def send(self, request):
            if len(self.sent) == 7:
                if is_taken:
                    await super().send(request)
                os.kill(os.getpid(), signal.SIGINT)
                await anyio.sleep_forever()
            return await super().send(request)

    stuck = Stuck(taken=taken)
    sending = send_batches(batches(5, 5), Connection(lambda: sender_on(stuck), redis_server), max_in_flight=1)
    next(sending)
    with pytest.raises(KeyboardInterrupt):
        next(sending)
    second = send(batches(5, 5), Connection(lambda: sender_on(Network(taken=taken)), redis_server))

    assert [row["row_id"] for row in second] == ids(*range(10))
    assert statuses(second) == ["accepted"] * 7 + ["unknown" if is_taken else "accepted"] + ["accepted"] * 2
    assert set(taken.values()) == {1}


def test_a_try_that_was_closed_between_batches(redis_server):
    """The batches that it handed out are not sent again, the others are."""
    first = connection(redis=redis_server)
    sending = send_batches(batches(3, 3), first)
    next(sending)
    sending.close()

    again = connection(redis=redis_server)
    taken = send(batches(3, 3), again)

    assert statuses(taken) == ["accepted"] * 6
    assert (sorted(first.transport.sent), sorted(again.transport.sent)) == ([0, 1, 2], [3, 4, 5])


def test_the_cut_of_the_batches_may_change(redis_server):
    """A row is known by its id, wherever it stands when a task is repeated."""
    send(batches(3, 3), connection(redis=redis_server))
    rows = [row(number) for number in (8, 5, 0, 3)]

    again = connection(redis=redis_server)
    taken = send([pyarrow.RecordBatch.from_pylist(rows)], again)

    assert statuses(taken) == ["accepted"] * 4
    assert again.transport.sent == [8]


# Ids


def test_rows_of_one_id(redis_server):
    """The first is sent; the others are rejected as its repetitions, in the same batch and in a later one."""
    rows = [row(0), {**row(0), "n": 1}, row(2)]
    source = [pyarrow.RecordBatch.from_pylist(rows), pyarrow.RecordBatch.from_pylist(rows[1:])]
    connect = connection(redis=redis_server)

    taken = send(source, connect, max_in_flight=1)

    assert statuses(taken) == ["accepted", "rejected", "accepted", "rejected", "rejected"]
    assert {row["error"] for row in taken if row["error"]} == {
        "event_id: an earlier event of this run has the same one"
    }
    assert connect.transport.sent == [0, 2]


def test_rows_of_one_id_that_are_under_way_together(redis_server):
    """One of them is sent, whichever claims the id first."""
    connect = connection(redis=redis_server)

    taken = send([pyarrow.RecordBatch.from_pylist([{**row(0), "n": number} for number in range(20)])], connect)

    assert Counter(statuses(taken)) == Counter(accepted=1, rejected=19)
    assert len(connect.transport.sent) == 1


@pytest.mark.parametrize(
    "values",
    [
        pyarrow.array([7, 8, None]),
        pyarrow.array(["7", "8", " "]),
        pyarrow.array([uuid.UUID(int=7).bytes, uuid.UUID(int=8).bytes, None], pyarrow.uuid()),
        pyarrow.array([True, False, None]),
        pyarrow.array([7.0, 8.0, None]),
    ],
    ids=lambda values: str(values.type),
)
def test_what_an_id_may_be(redis_server, values):
    """A string, a whole number, a UUID; any other value rejects its row, for it would be another one elsewhere."""
    columns = {"row_id": values, "email": ["a@example.com"] * 3, "n": [0, 1, 2]}
    source = [pyarrow.RecordBatch.from_pydict(columns)]
    may_be = values.type not in (pyarrow.bool_(), pyarrow.float64())

    first, second = (send(source, connection(redis=redis_server)) for _ in range(2))

    assert statuses(first) == (["accepted"] * 2 if may_be else ["rejected"] * 2) + ["rejected"]
    assert first[2]["error"].startswith("row_id: the delivery log knows a row by it")
    assert second == first


def test_an_id_of_the_events_own(redis_server):
    """What `to_event` names an event is what the log knows it by; else the row's id, for custom events too."""

    def to_event(row):
        if row["n"] == 0:
            return Event.from_mapping(item(row["n"]), event_id="order 7")
        return Event.custom(item(row["n"]))

    first = send(batches(2), connection(redis=redis_server), to_event=to_event)
    renamed = pyarrow.RecordBatch.from_pylist([{**row(0), "row_id": "x"}, row(1)])
    again = connection(redis=redis_server)
    second = send([renamed], again, to_event=to_event)

    assert statuses(first) == statuses(second) == ["accepted"] * 2
    assert again.transport.sent == []


# Stopping and trouble


def test_what_earlier_tries_settled_is_told_after_a_stop(redis_server):
    """A stopped run does not say not_sent of what was sent before; what is in doubt stays so."""
    answers = {4: LOST}
    send(batches(6), connection(lambda n: answers.get(n, TAKEN), redis_server))

    stopping = connection(lambda n: FORBIDDEN, redis_server)
    rows = [row(number) for number in (6, 0, 4, 5, 7)]
    source = [pyarrow.RecordBatch.from_pylist(part) for part in (rows[:2], rows[2:])]
    taken, stopped_because = ended(send_batches(source, stopping, max_in_flight=1))

    assert outcomes(taken) == ["rejected", "accepted", "unknown", "accepted", "not_sent"]
    assert "403" in str(stopped_because)
    assert stopping.transport.sent == [6]


def test_doubt_that_was_to_be_resent_survives_a_stop(redis_server):
    """It was not sent again, so whether it was taken is as unknown as before."""
    send(batches(2), connection(lambda n: LOST if n else TAKEN, redis_server))
    source = [pyarrow.RecordBatch.from_pylist([row(5), row(1), row(0)])]

    taken = send(source, connection(lambda n: FORBIDDEN, redis_server), resend_unknown=True, max_in_flight=1)
    settled = send(batches(2), connection(redis=redis_server), resend_unknown=True)

    assert statuses(taken) == ["rejected", "unknown", "accepted"]
    assert statuses(settled) == ["accepted", "accepted"]


def test_a_log_that_is_gone(own_redis):
    """It is raised once the events under way have ended, and the try after it tells no event twice."""
    taken = Counter()

    class Breaking(Network):
        async def send(self, request):
            if len(self.sent) >= 10:
                own_redis.stop()
            return await super().send(request)

    network = Breaking(taken=taken)
    connect = Connection(lambda: sender_on(network), own_redis)
    sending = send_batches(batches(5, 20), connect, max_in_flight=4)
    next(sending)

    with pytest.raises(JournalError, match="the delivery log in Redis cannot be used"):
        next(sending)
    own_redis.start()
    second = send(batches(5, 20), Connection(lambda: sender_on(Network(taken=taken)), own_redis))

    assert connect.closed == 1
    assert list(sending) == []
    assert set(taken.values()) == {1}
    unknown = [row["row_id"] for row in second if row["outcome"] == "unknown"]
    assert len(unknown) <= 4
    assert Counter(statuses(second)) == Counter(accepted=25 - len(unknown), unknown=len(unknown))


def test_a_log_that_is_not_there(own_redis):
    """Nothing is sent without it."""
    own_redis.stop()
    connect = connection(redis=own_redis)

    with pytest.raises(JournalError):
        send(batches(5), connect)

    assert connect.transport.sent == []


def test_a_journal_is_a_log_for_one_process(tmp_path):
    """Where one loop sends a whole frame, a file does."""

    network = Network(lambda n: REFUSED if n == 1 else TAKEN)

    @asynccontextmanager
    async def connect():
        async with sender_on(network) as sender:
            yield sender, Journal(tmp_path / "run.journal")

    first, second = (send(batches(2, 2), connect) for _ in range(2))

    assert statuses(first) == ["accepted", "rejected", "accepted", "accepted"]
    assert second == first
    assert sorted(network.sent) == [0, 1, 2, 3]


def test_two_tries_at_once(redis_server):
    """Two engines' tasks for the same rows send each of them once: one's doubt is the other's event under way."""
    taken = Counter()

    async def both():
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(anyio.to_thread.run_sync, run)

    outputs = []

    def run():
        connect = Connection(lambda: sender_on(Network(taken=taken)), redis_server)
        outputs.append(send(batches(200), connect))

    anyio.run(both)

    assert set(taken.values()) == {1}
    for pair in zip(*outputs, strict=True):
        assert "accepted" in statuses(pair)
        assert set(statuses(pair)) <= {"accepted", "unknown", "rejected"}
