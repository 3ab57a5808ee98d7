"""What stops a run stops it for all batches, and every row that is left has its outcome all the same."""

from __future__ import annotations

import asyncio
import time

import pyarrow
import pytest
from bulk.scripted import (
    FORBIDDEN,
    LOST,
    NO_SUCH_EVENT,
    REFUSED,
    TAKEN,
    UNREACHABLE,
    ScriptedTransport,
    redirect,
    sender_on,
)

from sendpulse_async import PermissionDeniedError, RateLimit, StoppedError
from sendpulse_async.integrations.arrow import send_batches

from .frames import Connection, batches, connection, ended, ids, outcomes, results, row, send


def test_nothing_stopped_it():
    """The generator returns None where the run came to its end, whatever failed in it."""
    assert ended(send_batches(batches(3), connection(lambda n: REFUSED)))[1] is None


def test_refused_credentials_stop_all_batches():
    """Rows that are left are not_sent with the reason, which is also what the generator returns."""
    connect = connection(lambda n: FORBIDDEN if n == 3 else TAKEN)

    taken, stopped_because = ended(send_batches(batches(2, 4, 3), connect, max_in_flight=1))

    assert outcomes(taken) == ["accepted"] * 3 + ["rejected"] + ["not_sent"] * 5
    assert connect.transport.sent == [0, 1, 2, 3]
    assert isinstance(stopped_because, PermissionDeniedError)
    reasons = {row["error"] for row in results(taken)[4:]}
    assert reasons == {f"not sent: the run was stopped: {stopped_because}"}


@pytest.mark.parametrize(
    ("answer", "count", "error"),
    [(NO_SUCH_EVENT, 5, "rejected"), (LOST, 6, "unknown"), (UNREACHABLE, 6, "not_sent"), (redirect(302), 1, "unknown")],
)
def test_streaks_are_counted_over_batches(answer, count, error, no_probe_delay):
    """The breaker, and the rule of five, see one run: that a batch ends between two failures changes nothing."""
    connect = connection(lambda n: answer)

    taken = send(batches(*[1] * 10), connect, max_in_flight=4)

    assert len(connect.transport.sent) == count
    assert [row["outcome"] for row in taken] == [error] * count + ["not_sent"] * (10 - count)
    assert all("the run was stopped" in row["error"] for row in taken[count:])


def test_an_outage_that_ends(no_probe_delay):
    """The event after the breaker's wait is the probe, in whatever batch it stands; then all go on."""
    connect = connection(lambda n: UNREACHABLE if n < 5 else TAKEN)

    taken = send(batches(5, 1, 20), connect)

    assert [row["outcome"] for row in taken] == ["not_sent"] * 5 + ["accepted"] * 21


def test_failures_are_counted_over_batches():
    """`max_failures` is for the whole input."""
    connect = connection(lambda n: REFUSED if n % 2 else TAKEN)

    taken, stopped_because = ended(send_batches(batches(3, 3, 3), connect, max_in_flight=1, max_failures=2))

    assert connect.transport.sent == [0, 1, 2, 3, 4, 5]
    assert outcomes(taken)[6:] == ["not_sent"] * 3
    assert isinstance(stopped_because, StoppedError)


def test_a_wrong_row_after_the_stop_is_still_wrong():
    """Sending it again would not help, and its owner learns that at once."""
    wrong = pyarrow.RecordBatch.from_pylist([{**row(1), "email": "nobody"}])

    taken = send([*batches(1), wrong], connection(lambda n: FORBIDDEN))

    assert [row["outcome"] for row in taken] == ["rejected", "rejected"]
    assert taken[1]["error"].startswith("email: ")


def test_the_rest_comes_quickly():
    """Rows that are not sent wait for no limit and no deadline."""
    connect = connection(lambda n: FORBIDDEN)
    began = time.monotonic()

    taken = send(batches(1, 20_000), connect, rate_limit=RateLimit(per_second=1))

    assert [row["row_id"] for row in taken] == ids(*range(20_001))
    assert time.monotonic() - began < 20


def test_a_sender_that_is_closed_meanwhile():
    """It is as good as refused credentials: all is told, nothing waits."""
    sender = sender_on(ScriptedTransport())
    sending = send_batches(batches(1, 3, 3), Connection(lambda: sender))
    next(sending)

    asyncio.run(sender.aclose())
    taken, stopped_because = ended(sending)

    assert outcomes(taken) == ["not_sent"] * 6
    assert "the sender is closed" in str(stopped_because)
