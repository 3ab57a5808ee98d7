"""Parquet: values as Python has them, and what is said of files and values that cannot be read."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from uuid import UUID

import pyarrow
import pyarrow.parquet
import pytest
from canaries import assert_silent, texts_of_error

from sendpulse_async import Event
from sendpulse_async.cli._input import InputError, Kind, ValueType

from .conftest import input_of, rows_of
from .test_main import without

DAY = datetime.date(2026, 11, 30)
NOON = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)
EMAILS = ["ann@example.com", "bob@example.com"]


@pytest.fixture
def store(tmp_path):
    """Write columns to a Parquet file and return its path."""

    def make(columns, name="a.parquet", **options):
        path = tmp_path / name
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
        return path

    return make


def nanoseconds(*values):
    return pyarrow.array(values, pyarrow.timestamp("ns", "UTC"))


def test_values_are_what_python_has_for_them(store):
    """Days, moments, decimals, lists and objects stay such, null is absent, and rows are numbered from 1."""
    record = {
        "email": "a@b",
        "count": 3,
        "share": 0.5,
        "is_new": True,
        "day": DAY,
        "at": NOON,
        "total": Decimal("12.50"),
        "id": UUID(int=7),
        "items": [{"sku": "x", "n": 1}],
    }
    path = store({name: pyarrow.array([value, None]) for name, value in record.items()})

    assert rows_of(path) == [(1, record), (2, {})]
    (row, _) = input_of(path).rows()
    assert row.given == record
    assert Event.from_mapping(row).to_payload() == {
        **record,
        "day": "2026-11-30",
        "at": "2026-11-30T12:00:00+00:00",
        "total": 12.5,
        "id": str(UUID(int=7)),
    }


def test_options_are_for_parquet_too(store):
    """Columns are mapped, constants added, values typed, rows passed over and taken as in any other kind."""
    path = store({"Mail": EMAILS * 300, "total": range(600), "day": [DAY] * 600}, name="list")
    types = {"total": ValueType.STR, "day": ValueType.DATE}
    options = {"mapping": {"email": "Mail"}, "constants": {"source": "x"}, "types": types, "skip": 299, "limit": 2}

    assert rows_of(path, kind=Kind.PARQUET, **options) == [
        (300, {"email": EMAILS[1], "source": "x", "total": "299", "day": "2026-11-30"}),
        (301, {"email": EMAILS[0], "source": "x", "total": "300", "day": "2026-11-30"}),
    ]


@pytest.mark.parametrize(
    ("skip", "limit", "count"), [(0, None, 600), (599, None, 1), (700, None, 0), (0, 10, 10), (595, 10, 5)]
)
def test_rows_are_counted_without_reading_them(store, skip, limit, count, monkeypatch):
    """The file's end tells the number."""
    path = store({"email": EMAILS * 300})
    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "iter_batches", None)

    assert input_of(path, skip=skip, limit=limit).count() == count


@pytest.mark.parametrize(
    ("columns", "options", "reason"),
    [
        (
            {"mail": EMAILS, "total": [1, 2]},
            {},
            "the schema names no column email or phone: it must, or --map email=COLUMN must say which one it is",
        ),
        ({"email": EMAILS}, {"mapping": {"phone": "Tel"}}, "--map phone: the schema has no column of that name"),
        ({"email": EMAILS}, {"types": {"x": ValueType.INT}}, "--type x: the schema has no column of that name"),
    ],
)
def test_a_schema_that_does_not_fit_is_told_at_once(store, columns, options, reason):
    """Counting meets what reading would meet."""
    source = input_of(store(columns), **options)

    for read in (source.count, lambda: next(source.rows())):
        with pytest.raises(InputError) as caught:
            read()
        assert str(caught.value) == reason


def test_two_columns_of_one_name_are_told(tmp_path):
    """A record has one value for a name."""
    table = pyarrow.Table.from_arrays([pyarrow.array(EMAILS)] * 2, names=["email", "email"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(InputError, match="the schema gives columns 1 and 2 the same name"):
        input_of(tmp_path / "a.parquet").count()


def test_what_python_has_no_value_for_is_a_problem_of_its_row(store):
    """Such a row names its columns by number and keeps the others; the rows beside it are read."""
    path = store({"email": EMAILS, "at": nanoseconds(1, 1000), "late": nanoseconds(1, None)})

    wrong, right = input_of(path).rows()

    what = "holds what Python has no value for; write it as text, or less exactly"
    assert wrong.problems == (f"column 2 {what}", f"column 3 {what}")
    assert (wrong.line, wrong.given, wrong.text) == (1, None, '{"email": "ann@example.com"}')
    assert (right.line, right["email"]) == (2, EMAILS[1])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"email\nann@example.com\n", b"PAR1ann@example.comPAR1"])
def test_what_is_no_parquet_says_so(write, content):
    """Any other file is refused, and nothing of it is quoted."""
    path = write("a.parquet", content)

    for read in (lambda: input_of(path).count(), lambda: [*input_of(path).rows()]):
        with pytest.raises(InputError, match="this is no Parquet file, or a damaged one") as caught:
            read()
        assert_silent(*texts_of_error(caught.value))


def test_a_damaged_file_ends_in_an_input_error(store):
    """Whichever bytes are damaged, what comes is rows, or one error without a quotation."""
    columns = {"email": EMAILS * 100, "day": [DAY] * 200, "items": [[{"a": "b"}]] * 200}
    path = store(columns, compression="snappy")
    whole, errors = path.read_bytes(), []
    for seed in range(150):
        rng = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            for row in input_of(path).rows():
                assert_silent(*row.problems)
        except InputError as error:
            errors.append(error)

    assert len(errors) > 50
    for error in errors:
        assert_silent(*texts_of_error(error))


def test_a_file_that_may_not_be_read_says_why(store, monkeypatch):
    """The operating system's reason is told, not pyarrow's text, which quotes the path."""
    path = store({"email": EMAILS})

    def refuse(*_):
        raise PermissionError(13, "Permission denied", "canary")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(InputError) as caught:
        input_of(path).count()

    assert str(caught.value) == "Permission denied"


def test_without_pyarrow_everything_else_is_read(raw, store, write):
    """The extra is asked for where Parquet is read, and nowhere else."""
    ended = without(["pyarrow"], "send-many", str(store({"email": EMAILS})))

    assert ended.returncode == 2
    assert ended.stderr == (
        "sendpulse-async: this needs pyarrow, of the extra [parquet]: "
        "pip install 'sendpulse-async[cli,sandbox,parquet]'\n"
    )
    assert without(["pyarrow"], "send-many", str(write("a.csv", "email\nann@example.com\n"))).returncode == 0
