"""Parts of a large input on a Dask cluster of two real workers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import pyarrow
import pyarrow.parquet
import pytest
from canaries import assert_silent
from fault_server import PATIENCE, answer

from sendpulse_async import ConfigurationError, Quota, RateLimit, StoppedError
from sendpulse_async.integrations import dask as door
from sendpulse_async.integrations.dask import send_parquet, send_parts

from .frames import ids, outcomes, results
from .workers import begun, connect, connect_without_log, parts

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
FORBIDDEN = answer(b'{"result": false}', status=b"403 Forbidden")


@pytest.fixture
def marks(tmp_path):
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def test_parts_are_sent_by_the_workers(client, ledger, marks):
    """Each row of each part comes out once, those of a part in their order, and is sent once."""
    taken = list(send_parts(client, parts(marks, 10, 7), connect, max_in_flight=4))

    assert sorted(row["row_id"] for row in results(taken)) == sorted(ids(*range(70)))
    assert all(batch.column("row_id").to_pylist() == ids(*range(first, first + 7)) for batch, first in starts(taken))
    assert outcomes(taken) == ["accepted"] * 70
    assert ledger.taken == Counter(range(70))
    assert begun(marks) == list(range(0, 70, 7))


def starts(taken):
    return [(batch, int(batch.column("row_id")[0].as_py()[1:])) for batch in taken]


def test_files_are_sent_by_the_workers(client, ledger, tmp_path):
    """Rows of Parquet are known by their file's name and their number, whatever the size of a task."""
    path = tmp_path / "orders.parquet"
    columns = {"mail": ["someone@example.com"] * 50, "n": range(50)}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=20)

    def to_event(row):
        return {"email": row["mail"], "n": row["n"]}

    first = list(send_parquet(client, path, connect, rows_per_task=20, to_event=to_event))
    second = list(send_parquet(client, [path], connect, rows_per_task=7, columns=["mail", "n"], to_event=to_event))

    for taken in (first, second):
        assert {(row["row_id"], row["outcome"]) for row in results(taken)} == {
            (f"orders.parquet:{number}", "accepted") for number in range(50)
        }
        assert sum(batch.num_rows for batch in taken) == 50
    assert ledger.taken == Counter(range(50))


def test_nothing_is_kept_at_the_client(client, marks):
    """However many parts there are, as many are under way as there are threads, and their results are let go of."""
    known = []
    for number, _ in enumerate(send_parts(client, iter(parts(marks, 30, 2)), connect), 1):
        known.append((len(client.futures), len(begun(marks)) - number))

    assert max(futures for futures, _ in known) <= 2
    assert max(ahead for _, ahead in known) <= 2
    assert known[-1] == (0, 0)
    assert forgotten(client)


def forgotten(client):
    """Whether the scheduler lets go of all tasks: it hears of that a little later."""
    deadline = time.monotonic() + PATIENCE
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        if time.monotonic() > deadline:
            return False
    return True


def test_a_stop_lets_nothing_more_begin(client, ledger, marks):
    """Refused credentials end the tasks under way, of which every row comes out, and no other begins."""
    ledger.says = FORBIDDEN
    taken = []

    with pytest.raises(StoppedError, match=r"403.*run again"):
        taken.extend(send_parts(client, parts(marks, 40, 10), connect, max_in_flight=1))

    assert len(begun(marks)) <= 4
    assert sorted(row["row_id"] for row in results(taken)) == sorted(
        name for first in begun(marks) for name in ids(*range(first, first + 10))
    )
    assert set(outcomes(taken)) == {"rejected", "not_sent"}
    assert ledger.total <= len(begun(marks))


def test_a_run_that_was_stopped_goes_on(client, ledger, marks):
    """Run again with the same log, it sends what it did not send before."""
    ledger.after_answer = lambda total: setattr(ledger, "says", FORBIDDEN) if total == 25 else None
    stopped, taken = [], []
    with pytest.raises(StoppedError):
        stopped.extend(send_parts(client, parts(marks, 10, 10), connect, max_in_flight=1))
    first = Counter(ledger.taken)
    ledger.forget()

    taken.extend(send_parts(client, parts(marks, 10, 10), connect))

    accepted = {row["row_id"] for row in results(stopped) if row["outcome"] == "accepted"}
    assert len(accepted) >= 25
    assert outcomes(taken) == ["accepted"] * 100
    assert not accepted & set(ids(*ledger.taken))
    assert set(first) | set(ledger.taken) == set(range(100))


def test_closing_it_lets_nothing_more_begin(client, ledger, marks):
    """A consumer that has seen enough leaves no task behind but those under way."""
    sending = send_parts(client, parts(marks, 40, 2), connect)
    next(sending)

    sending.close()

    assert list(sending) == []
    settle(client)
    assert len(begun(marks)) <= 4


def settle(client):
    """Wait until the workers do nothing any more."""
    for _ in range(2):
        client.submit(int, pure=False).result(timeout=60)


def test_a_task_that_fails_is_repeated(client, marks):
    """A passing failure costs nothing but time."""
    failing = [*parts(marks, 2, 3), *parts(marks, 4, 3, fails=2)[2:]]

    taken = list(send_parts(client, failing, connect, retries=2))

    assert outcomes(taken) == ["accepted"] * 12
    assert Counter(begun(marks)) == Counter({0: 1, 3: 1, 6: 3, 9: 3})


def test_a_task_that_fails_for_good(client, marks):
    """Its error comes when the tasks under way have given their results, and no other begins."""
    failing = [*parts(marks, 1, 3), *parts(marks, 2, 3, fails=9)[1:], *parts(marks, 30, 3)[2:]]
    taken = []

    with pytest.raises(InterruptedError, match="part 3"):
        taken.extend(send_parts(client, failing, connect, retries=1))

    assert Counter(begun(marks))[3] == 2
    assert 3 + 3 * len(set(begun(marks))) >= len(results(taken)) >= 3 * (len(set(begun(marks))) - 1)
    assert len(begun(marks)) < 25


def test_parts_that_cannot_be_told(client, marks):
    """What the iterable raises comes after the results of what it gave before."""

    def broken():
        yield from parts(marks, 3, 2)
        raise InterruptedError

    taken = []
    with pytest.raises(InterruptedError):
        taken.extend(send_parts(client, broken(), connect))

    assert outcomes(taken) == ["accepted"] * 6


def test_a_log_is_demanded(client, ledger, marks):
    """Dask repeats tasks by itself, so nothing is sent without a log that knows of the first time."""
    with pytest.raises(ConfigurationError, match="connect must give a delivery log: Dask repeats"):
        list(send_parts(client, parts(marks, 3, 2), connect_without_log))

    assert ledger.total == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"client": None}, "client"),
        ({"connect": None}, "connect"),
        ({"row_id": ""}, "row_id"),
        ({"to_event": 7}, "to_event"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_failures": -1}, "max_failures"),
        ({"rate_limit": Quota(RateLimit(per_second=1))}, "rate_limit must be a RateLimit"),
        ({"retries": -1}, "retries"),
    ],
)
def test_a_wrong_argument_is_named_by_the_call(client, marks, arguments, name):
    """The client's call says so; no worker hears of it."""
    with pytest.raises(ConfigurationError, match=name):
        send_parts(**{"client": client, "parts": parts(marks, 1, 1), "connect": connect, **arguments})

    assert begun(marks) == []


def test_rows_of_a_task_are_some(client, tmp_path):
    """Nothing is planned in tasks of no rows."""
    with pytest.raises(ConfigurationError, match="rows_per_task"):
        send_parquet(client, tmp_path / "a.parquet", connect, rows_per_task=0)


def test_no_task_holds_a_secret(client, marks, monkeypatch):
    """What the scheduler, the workers and their dashboards see of a task is in its arguments: no URL is there."""
    seen, submit = [], client.submit
    monkeypatch.setattr(
        client, "submit", lambda *given, **named: seen.append((given, named)) or submit(*given, **named)
    )

    list(send_parts(client, parts(marks, 2, 1), connect))

    assert len(seen) == 2
    assert seen[0][0][0] is door._send
    assert_silent(*(cloudpickle.dumps(each).decode("latin-1") for each in seen))


def test_the_example_does_what_it_says(client, ledger, tmp_path):
    """Run by itself, beside a cluster whose workers have the credentials, it sends a file and names what failed."""
    columns = {"email": ["someone@example.com"] * 30 + ["nobody"], "n": range(31)}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "orders.parquet")
    environment = {
        name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "SENDPULSE_EVENT_URL"}
    }
    environment["DASK_SCHEDULER_ADDRESS"] = client.scheduler.address

    # In the workers' folder, as on a disk that all of them have.
    client.run(os.chdir, tmp_path)
    command = [sys.executable, str(ROOT / "docs/examples/dask_parquet.py")]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "orders.parquet:30 rejected email: is not an address: something@somewhere is needed\n"
    assert ledger.taken == Counter(range(30))
