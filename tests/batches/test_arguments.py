"""Wrong arguments and inputs: each is named, and nothing is sent."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import nullcontext

import pyarrow
import pytest

from sendpulse_async import ConfigurationError
from sendpulse_async.integrations.arrow import send_batches

from .frames import Connection, batches, connection, row, send


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"batches": "text"}, "batches"),
        ({"batches": {"email": []}}, "batches"),
        ({"batches": 7}, "batches"),
        ({"connect": None}, "connect"),
        ({"row_id": ""}, "row_id"),
        ({"row_id": 7}, "row_id"),
        ({"row_id": "outcome"}, "row_id"),
        ({"to_event": "row"}, "to_event"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_failures": -1}, "max_failures"),
        ({"rate_limit": 10}, "rate_limit"),
    ],
)
def test_a_wrong_argument_is_named_by_the_call(arguments, name):
    """The call itself says so, before anybody asks for a batch."""
    connect = connection()

    with pytest.raises(ConfigurationError, match=name):
        send_batches(**{"batches": batches(1), "connect": connect, **arguments})

    assert connect.opened == 0


async def _coroutine():
    return None, None


async def _generator():
    yield None, None


@pytest.mark.parametrize(
    ("connect", "problem"),
    [
        (_coroutine, "decorate it with asynccontextmanager"),
        (_generator, "decorate it with asynccontextmanager"),
        (lambda: None, "decorate it with asynccontextmanager"),
        (Connection(object), "sender must have send_event"),
    ],
)
def test_a_connect_that_connects_nothing_is_told_when_it_is_called(connect, problem):
    """What it returns or gives is looked at before anything is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        send(batches(1), connect)


@pytest.mark.parametrize(
    ("given", "problem"), [(None, "two things"), ((None,), "two things"), ((None, "log"), "a delivery log, or None")]
)
def test_a_connect_that_gives_something_else(given, problem):
    """A sender and a log are needed, though the log may be None."""
    with pytest.raises(ConfigurationError, match=problem):
        send(batches(1), lambda: nullcontext(given))


def test_resending_what_is_unknown_needs_a_log():
    """Without a log nothing is known to be unknown."""
    with pytest.raises(ConfigurationError, match="resend_unknown needs a delivery log"):
        send(batches(1), connection(), resend_unknown=True)


def test_a_log_needs_ids(redis_server):
    """The place of a row is not enough where tasks are repeated."""
    connect = connection(redis=redis_server)

    with pytest.raises(ConfigurationError, match="no column 'row_id', and a delivery log knows a row by that alone"):
        send([batch.drop_columns(["row_id"]) for batch in batches(2)], connect)

    assert connect.transport.sent == []


SAME_NAMES = pyarrow.RecordBatch.from_arrays([pyarrow.array(["a@example.com"])] * 2, names=["email", "email"])


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        ([SAME_NAMES], {}, "two columns have the same name"),
        ([{"email": "a@example.com"}], {}, "one is dict"),
        (batches(1), {"row_id": "key"}, "row_id: the input has no column 'key'"),
        (pyarrow.chunked_array([[1, 2]]), {}, "stream"),
    ],
)
def test_an_input_of_other_things(source, options, problem):
    """It is told when its batch comes, and nothing of that batch is sent."""
    connect = connection()

    with pytest.raises(ConfigurationError, match=problem):
        send(source, connect, **options)

    assert connect.opened == 0


@pytest.mark.parametrize(
    "odd",
    [
        pyarrow.RecordBatch.from_pylist([{"email": "a@example.com"}]),
        pyarrow.RecordBatch.from_pylist([{**row(2), "row_id": 2}]),
    ],
)
def test_ids_that_change_their_type(odd):
    """All batches must have ids of one type, or none: else nobody could join the output with the input."""
    connect = connection()
    sending = send_batches([*batches(2), odd], connect)

    next(sending)
    with pytest.raises(ConfigurationError, match="'row_id' is not what it is in the batches before"):
        next(sending)

    assert connect.transport.sent == [0, 1]
    assert connect.closed == 1


def test_in_a_running_event_loop():
    """It says what to do instead; a thread beside the loop is welcome, whoever made the generator."""

    async def main():
        with pytest.raises(ConfigurationError, match="await send_many"):
            next(send_batches(batches(1), connection()))
        return await asyncio.to_thread(list, send_batches(batches(1), connection()))

    (batch,) = asyncio.run(main())

    assert batch.num_rows == 1


def test_the_rest_of_the_library_needs_no_engine():
    """Nobody who does not ask for it imports pyarrow or distributed."""
    code = "import sys, sendpulse_async.integrations; print({'pyarrow', 'dask', 'distributed'} & {*sys.modules})"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout == "set()\n"
