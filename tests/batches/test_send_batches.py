"""Rows in, one outcome for each row out: sources, ids, events and the shape of the output."""

from __future__ import annotations

import datetime
import json
import random

import anyio
import pyarrow
import pytest
from bulk.scripted import LOST, REFUSED, TAKEN, UNREACHABLE, ScriptedTransport, sender_on

from sendpulse_async import Event, RetryPolicy
from sendpulse_async.integrations import _rows
from sendpulse_async.integrations.arrow import send_batches

from .frames import SCHEMA, Connection, Streamed, batches, connection, ended, ids, outcomes, results, row, send

NOON = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)


def test_each_batch_has_its_own():
    """A batch of the input has one of the output, with the ids as they were given, in their order."""
    taken = list(send_batches(batches(3, 0, 1, 40), connection()))

    assert [batch.num_rows for batch in taken] == [3, 0, 1, 40]
    assert [row["row_id"] for row in results(taken)] == ids(*range(44))
    assert {name: str(kind) for name, kind in zip(taken[0].schema.names, taken[0].schema.types, strict=True)} == {
        "row_id": "string",
        "outcome": "string",
        "error": "string",
        "attempts": "int64",
    }
    assert len({str(batch.schema) for batch in taken}) == 1


def test_what_each_outcome_looks_like():
    """Every failure has its reason, an acceptance none, and the attempts are told of both."""
    answers = [TAKEN, REFUSED, LOST, UNREACHABLE]
    transport = ScriptedTransport(lambda n: answers[n])
    retry = RetryPolicy(max_attempts=2, base_delay=0.001, max_delay=0.001)
    connect = Connection(lambda: sender_on(transport, retry=retry))

    accepted, rejected, unknown, not_sent = send(batches(4), connect)

    assert accepted == {"row_id": "r0", "outcome": "accepted", "error": None, "attempts": 1}
    assert (rejected["outcome"], rejected["attempts"]) == ("rejected", 1)
    assert "400" in rejected["error"]
    assert (unknown["outcome"], unknown["attempts"]) == ("unknown", 1)
    assert "the connection was closed" in unknown["error"]
    assert (not_sent["outcome"], not_sent["attempts"]) == ("not_sent", 2)
    assert "connection refused" in not_sent["error"]


def test_the_order_is_the_inputs():
    """Events that end in another order than they began stand where their rows stood."""
    dice = random.Random(7)
    answers = [dice.choice([TAKEN, REFUSED]) for _ in range(200)]

    async def travel(number):
        await anyio.sleep(dice.random() / 1000)

    taken = send(batches(120, 80), connection(lambda n: answers[n], travel=travel))

    assert [row["row_id"] for row in taken] == ids(*range(200))
    assert [row["outcome"] == "accepted" for row in taken] == [answer is TAKEN for answer in answers]


# Sources


def sources():
    made = list(batches(2, 3))
    table = pyarrow.Table.from_batches(made)
    return {
        "list": made,
        "generator": (batch for batch in made),
        "table": table,
        "reader": table.to_reader(),
        "stream": Streamed(made, table.schema),
        "one batch": pyarrow.RecordBatch.from_pylist([row(number) for number in range(5)]),
    }


@pytest.mark.parametrize("kind", sources())
def test_any_source_of_record_batches(kind):
    """An iterable of record batches, or anything that hands itself out as Arrow's stream, is an input."""
    taken = send(sources()[kind], connection())

    assert [(row["row_id"], row["outcome"]) for row in taken] == [(name, "accepted") for name in ids(*range(5))]


@pytest.mark.parametrize("is_stream", [False, True])
def test_the_input_is_read_a_batch_at_a_time(is_stream):
    """A batch is asked for once the one before was handed out."""
    given = Streamed(batches(1, 1, 1), SCHEMA)
    source = given if is_stream else given._counted()

    sending = send_batches(source, connection())

    assert given.given == 0
    for number in range(1, 4):
        next(sending)
        assert given.given == number
    assert list(sending) == []


def test_no_batches_at_all():
    """Nothing is opened for an input that has nothing."""
    connect = connection()

    assert ended(send_batches([], connect)) == ([], None)
    assert connect.opened == 0


def test_the_inputs_own_error_comes_through():
    """What the input raises comes after the results of what it gave before."""

    def broken():
        yield from batches(2, 2)
        raise InterruptedError

    connect = connection()
    sending = send_batches(broken(), connect)

    assert outcomes([next(sending), next(sending)]) == ["accepted"] * 4
    with pytest.raises(InterruptedError):
        next(sending)
    assert (connect.opened, connect.closed) == (1, 1)


# Ids


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], pyarrow.string()),
        ([7, 8], pyarrow.int32()),
        (["a", "b"], pyarrow.dictionary(pyarrow.int8(), pyarrow.string())),
        ([NOON, None], pyarrow.timestamp("ns", "UTC")),
        ([b"\xff", b""], pyarrow.binary()),
        ([[1], [2, 3]], pyarrow.list_(pyarrow.int8())),
    ],
    ids=str,
)
def test_ids_are_handed_back_as_they_were(values, kind):
    """Whatever identifies a row to its owner comes back, of its type and under its name."""
    given = pyarrow.array(values, kind)
    source = [pyarrow.RecordBatch.from_arrays([given, pyarrow.array(["a@example.com"] * 2)], names=["key", "email"])]

    (taken,) = send_batches(source, Connection(lambda: sender_on(Recorder())), row_id="key")

    assert taken.schema.field("key").type == kind
    assert taken.column("key").equals(given)


def test_without_ids_the_place_in_the_whole_input_stands_for_them():
    """Rows are numbered over all batches, from 0."""
    source = [batch.drop_columns(["row_id"]) for batch in batches(2, 3)]

    taken = list(send_batches(source, connection()))

    assert [row["row_id"] for row in results(taken)] == [0, 1, 2, 3, 4]
    assert taken[0].schema.field("row_id").type == pyarrow.int64()


# Events


class Recorder:
    """A transport that takes everything, and keeps it."""

    def __init__(self):
        self.payloads = []

    async def send(self, request):
        self.payloads.append(json.loads(request.body))
        request.progress.is_handed_over = True
        return TAKEN

    async def aclose(self):
        pass


def seen(columns, **options):
    """Send the rows of these columns; return the payloads and the output."""
    recorder = Recorder()
    taken = send([pyarrow.RecordBatch.from_pydict(columns)], Connection(lambda: sender_on(recorder)), **options)
    return recorder.payloads, taken


def test_columns_are_fields_and_null_is_absent():
    """A row is the flat mapping of SendPulse's documentation, without its id and without what is null."""
    payloads, _ = seen(
        {
            "row_id": ["a", "b"],
            "email": ["a@example.com", None],
            "phone": [None, "+15550100"],
            "automation_id": [7, None],
            "at": [NOON, None],
            "products": [[{"name": "Cup", "price": 12.5}], None],
        }
    )

    assert payloads == [
        {
            "email": "a@example.com",
            "automation_id": 7,
            "at": "2026-11-30T12:00:00+00:00",
            "products": [{"name": "Cup", "price": 12.5}],
        },
        {"phone": "+15550100"},
    ]


def test_a_wrong_row_is_rejected_with_all_its_problems():
    """It ends nothing but itself, and is never sent."""
    payloads, taken = seen({"email": ["a@example.com", "nobody", "b@example.com"], "automation_id": [1, -1, 2]})

    assert [payload["automation_id"] for payload in payloads] == [1, 2]
    assert [row["outcome"] for row in taken] == ["accepted", "rejected", "accepted"]
    assert taken[1]["error"] == (
        "email: is not an address: something@somewhere is needed; automation_id: must be a positive integer"
    )
    assert taken[1]["attempts"] == 0


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (pyarrow.array([1, 1000], pyarrow.timestamp("ns", "UTC")), "column 2 holds what Python has no value for"),
        (pyarrow.array([b"x", None]), "variables.odd: a bytes has no place in JSON"),
        (pyarrow.array([datetime.timedelta(1), None]), "variables.odd: a timedelta has no place in JSON"),
        (pyarrow.array([NOON.replace(tzinfo=None), None]), "variables.odd: a datetime needs a time zone"),
        (pyarrow.array([float("nan"), None]), "variables.odd: must be a finite number"),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_what_json_has_no_form_for_is_its_rows_problem(column, problem):
    """Values that an event refuses reject their row, as they do in a Parquet file of the command line."""
    _, (wrong, right) = seen({"email": ["a@example.com"] * 2, "odd": column})

    assert wrong["outcome"] == "rejected"
    assert problem in wrong["error"]
    assert right["outcome"] == "accepted"


def test_a_function_makes_other_events():
    """`to_event` gets the whole row, null and id included, and returns an event or a flat mapping."""
    rows = []

    def to_event(row):
        rows.append(dict(row))
        if row["mail"] is None:
            return {"phone": row["row_id"]}
        return Event.custom({"who": row["mail"]})

    payloads, taken = seen({"row_id": ["1", "2"], "mail": ["a@example.com", None]}, to_event=to_event)

    assert rows == [{"row_id": "1", "mail": "a@example.com"}, {"row_id": "2", "mail": None}]
    assert payloads == [{"who": "a@example.com"}, {"phone": "2"}]
    assert [row["outcome"] for row in taken] == ["accepted", "accepted"]


def test_a_function_that_fails_rejects_its_row():
    """Whatever it raises or returns, the other rows are sent; what it says may quote the row, and is not passed on."""

    def to_event(row):
        match row["n"]:
            case 0:
                raise KeyError("canary@example.com")
            case 1:
                return Event(email="nobody")
            case 2:
                return None
        return {"email": row["email"], "n": row["n"]}

    taken = send(batches(5), connection(), to_event=to_event)

    assert [row["outcome"] for row in taken] == ["rejected"] * 3 + ["accepted"] * 2
    assert [row["error"] for row in taken[:3]] == [
        "event: to_event raised KeyError",
        "email: is not an address: something@somewhere is needed",
        "event: must be an Event or a mapping, not NoneType",
    ]


def test_a_large_batch_is_not_pythons_at_once(monkeypatch):
    """Rows of a batch become Python's as they are sent: a batch may be a whole data frame."""
    largest, read = [], _rows.records
    monkeypatch.setattr(_rows, "records", lambda batch: largest.append(batch.num_rows) or read(batch))

    taken = send(batches(1000), connection())

    assert len(taken) == 1000
    assert max(largest) <= 256
