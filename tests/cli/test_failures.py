"""The failures file: each failed event as it was given, and the same event when the file is sent again."""

from __future__ import annotations

import csv
import datetime
import json
import math
import os
import stat
import tempfile
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow
import pyarrow.parquet
import pytest
from examples import examples
from hypothesis import example, given
from hypothesis import strategies as st

from sendpulse_async import (
    ConfigurationError,
    Event,
    InvalidEventError,
    NotSentError,
    Outcome,
    OutcomeStatus,
    Receipt,
    UnknownDeliveryError,
)
from sendpulse_async.cli import _failures
from sendpulse_async.cli._failures import FailuresError, FailuresFile
from sendpulse_async.cli._input import Row, ValueType

from .conftest import input_of

TO_MEND = 'this was no record in the list that it comes from: write its fields beside "_failure"'


def failed(row, index=0):
    error = NotSentError("not sent: no connection")
    error.attempts = 3
    return Outcome(index, row, OutcomeStatus.NOT_SENT, error=error)


def fail_all(source, path):
    """Write each row of an input as a failure, and return the lines."""
    with FailuresFile(path) as failures:
        for index, row in enumerate(source.rows()):
            failures.note(failed(row, index))
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def event_of(row):
    """The payload of a row, or None where it is no event."""
    try:
        return Event.from_mapping(row).to_payload()
    except InvalidEventError:
        return None


def events_of(source):
    return [event_of(row) for row in source.rows()]


def test_a_line_is_the_record_with_the_reason(write, tmp_path):
    """The record stands as it was given, before options changed it, and says what became of it."""
    path = write("a.csv", "Mail,total,note\nann@example.com, 1.50 ,\n")
    source = input_of(path, mapping={"email": "Mail"}, constants={"x": "y"}, types={"total": ValueType.FLOAT})

    (line,) = fail_all(source, tmp_path / "out.jsonl")

    assert line == {
        "Mail": "ann@example.com",
        "total": " 1.50 ",
        "_failure": {"line": 2, "status": "not_sent", "error": "not sent: no connection", "attempts": 3},
    }


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (
            OutcomeStatus.REJECTED,
            InvalidEventError(["email: is wrong", "phone: too"]),
            {"status": "rejected", "error": "email: is wrong; phone: too", "attempts": 0},
        ),
        (
            OutcomeStatus.UNKNOWN,
            UnknownDeliveryError("HTTP 500"),
            {"status": "unknown", "error": "HTTP 500", "attempts": 0},
        ),
    ],
)
def test_every_failure_is_told_by_its_status(write, tmp_path, status, error, failure):
    """Events that may have been taken are there too, and can be told from the others."""
    (row,) = input_of(write("a.csv", "email\na@b\n")).rows()
    with FailuresFile(tmp_path / "out.jsonl") as failures:
        failures.note(Outcome(0, row, status, error=error))

    assert json.loads((tmp_path / "out.jsonl").read_text())["_failure"] == {"line": 2, **failure}


def test_accepted_events_are_not_in_it(write, tmp_path):
    """All outcomes may be noted; the failures alone are written."""
    (row,) = input_of(write("a.csv", "email\na@b\n")).rows()
    with FailuresFile(tmp_path / "out.jsonl") as failures:
        failures.note(Outcome(0, row, OutcomeStatus.ACCEPTED, Receipt(200, 1, 0.1, confirmed=True)))

    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert events_of(input_of(tmp_path / "out.jsonl")) == []


def test_it_is_its_owners_alone_and_never_an_older_file(tmp_path):
    """The file is made with mode 0600; what is there already is left as it is."""
    path = tmp_path / "out.jsonl"
    with FailuresFile(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("precious")

    with pytest.raises(ConfigurationError) as caught, FailuresFile(path):
        pass

    assert str(caught.value) == f"--failures {path}: exists already; name another file"
    assert path.read_text() == "precious"


def test_a_file_that_cannot_be_made_says_why(tmp_path):
    """The system's own reason follows the option."""
    path = tmp_path / "none" / "out.jsonl"

    with pytest.raises(ConfigurationError, match=r"--failures .*: No such file or directory"), FailuresFile(path):
        pass


def test_a_line_is_there_at_once(write, tmp_path):
    """A run that is killed leaves the failures that it had noted; text is UTF-8 as it is, without a byte order mark."""
    rows = input_of(write("a.csv", "email,name\na@b,Žofie Ünal\nc@d,x\n")).rows()
    path = tmp_path / "out.jsonl"
    with FailuresFile(path) as failures:
        for index, row in enumerate(rows, 1):
            failures.note(failed(row))
            assert path.read_bytes().count(b"\n") == index

    assert path.read_bytes().startswith('{"email": "a@b", "name": "Žofie Ünal", "_failure": '.encode())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_told(write, tmp_path, monkeypatch):
    """A failure that cannot be kept is no silence."""
    (row,) = input_of(write("a.csv", "email\na@b\n")).rows()
    monkeypatch.setattr(_failures, "_private", lambda *_: os.open("/dev/full", os.O_WRONLY))
    reason = r"--failures .*out\.jsonl: No space left on device"

    failures = FailuresFile(tmp_path / "out.jsonl").__enter__()
    for _ in range(2):
        with pytest.raises(FailuresError, match=reason):
            failures.note(failed(row))
    with pytest.raises(FailuresError, match=reason):
        failures.__exit__()


def test_what_was_no_record_is_kept_to_be_mended(write, tmp_path):
    """Its text stands in the file, is a problem when that is sent, survives that, and counts no more once mended."""
    path, first, second = write("a.csv", 'email,city\na@b,"x"y\nc@d\n'), tmp_path / "1.jsonl", tmp_path / "2.jsonl"

    lines = fail_all(input_of(path), first)
    again = fail_all(input_of(first), second)

    assert [line["_failure"]["text"] for line in lines] == ['a@b,"x"y', "c@d"]
    assert [row.problems for row in input_of(first).rows()] == [(TO_MEND,)] * 2
    assert [line["_failure"]["text"] for line in again] == ['a@b,"x"y', "c@d"]
    mended = write("mended.jsonl", json.dumps({"email": "a@b", "city": 'x"y', **lines[0]}))
    assert events_of(input_of(mended)) == [{"email": "a@b", "city": 'x"y'}]


# The same event again

NAMES = ["a", "b", "automation_id", "day"]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip)
CELLS = TEXTS | st.sampled_from(["", " 17 ", "1.5", "yes", "2026-11-30", '{"x": [null]}'])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PARQUET_VALUES = st.one_of(
    st.none(),
    CELLS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.dates(),
    st.times(),
    st.timedeltas(datetime.timedelta(-99), datetime.timedelta(99)),
    st.datetimes(datetime.datetime(1900, 1, 1), timezones=st.none() | st.just(datetime.UTC)),
    st.decimals(-(10**25), 10**25, places=4),
    st.binary(),
    st.lists(st.integers(0, 9) | st.none(), max_size=3),
    st.fixed_dictionaries({"x": st.dates(), "y": st.floats()}),
)
OPTIONS = {"mapping": {"b": "B"}, "constants": {"email": "ann@example.com"}}
TYPES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(ValueType), max_size=3)


def records_of(values):
    """A record with a field, or a column for it, for each of the names."""
    return st.fixed_dictionaries({name.replace("b", "B"): values for name in NAMES})


def assert_the_same_again(name, write, types):
    """Each event of a file is that of its line in the failures file; what is no event is none there."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / name, Path(folder) / "out.jsonl"
        write(path)
        source = input_of(path, **OPTIONS, types=types)
        fail_all(source, out)
        assert events_of(input_of(out, **OPTIONS, types=types)) == events_of(source)


@examples(100)
@given(records=st.lists(records_of(CELLS), max_size=4), types=TYPES)
def test_csv_is_the_same_again(records, types):
    """Cells are typed from JSON text as they are from CSV, and an empty one is absent."""

    def write(path):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [name.replace("b", "B") for name in NAMES])
            writer.writeheader()
            writer.writerows(records)

    assert_the_same_again("a.csv", write, types)


@examples(100)
@given(
    records=st.lists(st.dictionaries(st.sampled_from([*NAMES, "B", "_failure"]), JSON_VALUES), max_size=4), types=TYPES
)
@example(records=[{"a": "\ud800", "B": "\u2028"}, {"a": math.nan}, {"a": 10**400}, {}], types={})
@example(records=[{"a": None, "b": math.inf}], types={})
def test_json_lines_are_the_same_again(records, types):
    """Any value of JSON comes back, null, half of a surrogate pair and what is no event included."""
    text = "\n".join(map(json.dumps, records))

    assert_the_same_again("a.jsonl", lambda path: path.write_text(text), types)


@examples(100)
@given(record=records_of(PARQUET_VALUES), types=TYPES)
@example(record={"a": Decimal("12.5000"), "B": Decimal(7), "day": datetime.date(2026, 11, 30)}, types={})
@example(record={"a": Decimal("1234567890123456789012.5")}, types={"a": ValueType.FLOAT})
@example(record={"a": datetime.datetime(2026, 11, 30)}, types={"a": ValueType.STR})
@example(record={"a": UUID(int=7), "B": datetime.date(2026, 11, 30)}, types={"a": ValueType.STR, "b": ValueType.DATE})
@example(record={"a": b"x", "B": datetime.time(1)}, types={})
def test_parquet_is_the_same_again(record, types):
    """What JSON does not know comes back as what an event makes of it; what is no event does not become one."""
    columns = {name.replace("b", "B"): pyarrow.array([record.get(name.replace("b", "B"))]) for name in NAMES}

    assert_the_same_again("a.parquet", lambda path: pyarrow.parquet.write_table(pyarrow.table(columns), path), types)


def test_what_json_cannot_carry_is_kept_to_be_mended(tmp_path):
    """A value that an event refuses is not turned into text that it would take."""
    path, out = tmp_path / "a.parquet", tmp_path / "out.jsonl"
    day = datetime.datetime(2026, 11, 30)
    pyarrow.parquet.write_table(pyarrow.table({"email": ["ann@example.com"], "at": [day]}), path)

    (line,) = fail_all(input_of(path), out)

    assert json.loads(line["_failure"]["text"]) == {"email": "ann@example.com", "at": "2026-11-30 00:00:00"}
    assert [row.problems for row in input_of(out).rows()] == [(TO_MEND,)]


def test_a_record_as_deep_as_python_goes_is_kept(tmp_path):
    """A record that was read and can no more be written does not end the run."""
    given = {"email": "ann@example.com", "deep": []}
    for _ in range(100_000):
        given["deep"] = [given["deep"]]
    with FailuresFile(tmp_path / "out.jsonl") as failures:
        failures.note(failed(Row(7, given, given=given)))

    (row,) = input_of(tmp_path / "out.jsonl").rows()
    assert (row.line, row.problems) == (1, (TO_MEND,))
