"""Parquet files in slices: every row once, under an id that no cut changes."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow
import pyarrow.parquet
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from journal.conftest import MEMORY

from sendpulse_async import ConfigurationError
from sendpulse_async.integrations._parquet import slices


def write(path, count, **options):
    table = pyarrow.table({"email": ["someone@example.com"] * count, "n": range(count)})
    pyarrow.parquet.write_table(table, path, **options)
    return path


def read(parts):
    """The rows of all parts, as workers would read them."""
    return [row for part in parts for batch in pickle.loads(pickle.dumps(part))() for row in batch.to_pylist()]


@examples(40)
@given(groups=st.lists(st.integers(1, 12), max_size=6), rows=st.integers(1, 30))
def test_every_row_is_in_one_slice(groups, rows):
    """Whatever the row groups, and however many rows there may be: none is lost, none comes twice, in order."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "a.parquet"
        schema = pyarrow.schema({"email": pyarrow.string(), "n": pyarrow.int64()})
        with pyarrow.parquet.ParquetWriter(path, schema) as file:
            for start, end in itertools.pairwise(itertools.accumulate([0, *groups])):
                columns = [pyarrow.array(["someone@example.com"] * (end - start)), pyarrow.array(range(start, end))]
                file.write_batch(pyarrow.RecordBatch.from_arrays(columns, schema=schema))

        parts = slices(path, None, None, rows)

        assert [(row["row_id"], row["n"]) for row in read(parts)] == [(f"a.parquet:{n}", n) for n in range(sum(groups))]
    lengths = [part.stop - part.start for part in parts]
    assert all(0 < length <= rows for length in lengths)
    ends = {part.stop for part in parts}
    if groups and max(groups) <= rows:
        assert ends <= set(itertools.accumulate(groups))  # no row group is read for two tasks


def test_planning_reads_no_rows(tmp_path, monkeypatch):
    """A file's end tells what is needed; its rows are the workers' affair."""
    path = write(tmp_path / "a.parquet", 100, row_group_size=30)
    for name in ("iter_batches", "read", "read_row_group", "read_row_groups"):
        monkeypatch.setattr(pyarrow.parquet.ParquetFile, name, None)

    assert [(part.start, part.stop) for part in slices(path, None, None, 70)] == [(0, 60), (60, 100)]


def test_columns_that_nobody_wants_are_not_read(tmp_path):
    """Only those that are named come, with an id."""
    path = write(tmp_path / "a.parquet", 2)

    assert read(slices(path, ["n"], None, 10)) == [{"n": 0, "row_id": "a.parquet:0"}, {"n": 1, "row_id": "a.parquet:1"}]


def test_ids_of_ones_own(tmp_path):
    """A column of the file can say what tells one row from another; it is read whether it was named or not."""
    path = write(tmp_path / "a.parquet", 2)

    assert read(slices(path, ["email"], "n", 10)) == [{"email": "someone@example.com", "n": n} for n in range(2)]


def test_ids_hold_the_files_name_alone(tmp_path):
    """Where a file lies, and beside which others, does not change them; names may be given."""
    one, other = (write(tmp_path / folder / "a.parquet", 1) for folder in map(made(tmp_path), ("x", "y")))
    third = write(tmp_path / "b.parquet", 1)

    assert [row["row_id"] for row in read(slices([str(third), other], None, None, 10))] == [
        "b.parquet:0",
        "a.parquet:0",
    ]
    assert [row["row_id"] for row in read(slices({"x": one, "y": other}, None, None, 10))] == ["x:0", "y:0"]
    with pytest.raises(ConfigurationError, match=r"two files are named a\.parquet"):
        slices([one, other], None, None, 10)


def made(folder):
    def make(name):
        (folder / name).mkdir()
        return name

    return make


@pytest.mark.parametrize(
    ("columns", "row_id", "problem"),
    [
        (["email", "x"], None, "columns: a.parquet has no column 'x'"),
        (None, "x", "columns: a.parquet has no column 'x'"),
    ],
)
def test_columns_that_are_not_there(tmp_path, columns, row_id, problem):
    """They are named before anything is sent."""
    path = write(tmp_path / "a.parquet", 1)

    with pytest.raises(ConfigurationError) as caught:
        slices(path, columns, row_id, 10)

    assert str(caught.value) == problem


def test_ids_that_a_file_has_already(tmp_path):
    """Whoever has a column of that name says whether it is meant."""
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"email": ["someone@example.com"], "row_id": [1]}), path)

    with pytest.raises(ConfigurationError, match="has a column 'row_id': name it as row_id, or leave it out"):
        slices(path, None, None, 10)
    assert read(slices(path, None, "row_id", 10))[0]["row_id"] == 1
    assert read(slices(path, ["email"], None, 10))[0]["row_id"] == "a.parquet:0"


def test_files_that_cannot_be_read(tmp_path):
    """One that is not there, and one that is something else."""
    (tmp_path / "b.parquet").write_bytes(b"email\nsomeone@example.com\n")

    with pytest.raises(FileNotFoundError):
        slices(tmp_path / "a.parquet", None, None, 10)
    with pytest.raises(ConfigurationError, match=r"paths: b\.parquet is no Parquet file"):
        slices(tmp_path / "b.parquet", None, None, 10)
