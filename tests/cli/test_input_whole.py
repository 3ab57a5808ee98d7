"""All kinds of input together: the same records are the same events, and memory does not grow with their number."""

from __future__ import annotations

import csv
import datetime
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import Event, InvalidEventError
from sendpulse_async.cli._input import ValueType

from .conftest import PATIENCE, input_of, untraced

TYPES = {
    "total": ValueType.FLOAT,
    "count": ValueType.INT,
    "is_new": ValueType.BOOL,
    "day": ValueType.DATE,
    "items": ValueType.JSON,
}
COLUMNS = {
    "Mail": pyarrow.string(),
    "phone": pyarrow.string(),
    "automation_id": pyarrow.int64(),
    "name; of, a\tcolumn": pyarrow.string(),
    "total": pyarrow.float64(),
    "count": pyarrow.int64(),
    "is_new": pyarrow.bool_(),
    "day": pyarrow.date32(),
    "items": pyarrow.list_(pyarrow.int64()),
}
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).filter(str.strip)
WHOLE = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    "Mail": st.sampled_from(["ann@example.com", "nobody", " bob@example.com "]) | TEXTS,
    "phone": st.sampled_from(["+15550100001"]) | TEXTS,
    "automation_id": st.integers(0, 10**17),
    "name; of, a\tcolumn": TEXTS,
    "total": st.floats(allow_nan=False, allow_infinity=False),
    "count": WHOLE,
    "is_new": st.booleans(),
    "day": st.dates(),
    "items": st.lists(WHOLE, max_size=3),
}
RECORDS = st.lists(st.fixed_dictionaries({}, optional=VALUES), max_size=8)
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel tells no peak of memory")


def write_csv(path, records):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for record in records:
            writer.writerow([cell(record.get(name)) for name in COLUMNS])


def cell(value):
    if isinstance(value, list):
        return json.dumps(value)
    return value  # the csv module writes True, 1.5, a day and None as they are read


def write_json(path, records):
    text = "".join(json.dumps(record, default=datetime.date.isoformat) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()))


def write_parquet(path, records):
    arrays = [pyarrow.array([record.get(name) for record in records], kind) for name, kind in COLUMNS.items()]
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=[*COLUMNS]), path, row_group_size=3)


def events_of(path):
    """The payload of each row, or its problems."""
    events = []
    for row in input_of(path, mapping={"email": "Mail"}, constants={"source": "x"}, types=TYPES).rows():
        try:
            events.append(Event.from_mapping(row).to_payload())
        except InvalidEventError as error:
            events.append(error.problems)
    return events


@examples(100)
@given(RECORDS)
def test_every_kind_gives_the_same_events(records):
    """The same records in CSV, in packed JSON lines and in Parquet are the same events, with the same problems."""
    records = [record for record in records if record]  # CSV has no row without cells
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("a.csv", write_csv), ("a.jsonl.gz", write_json), ("a.parquet", write_parquet)):
            write(Path(folder) / name, records)
        of_csv, of_json, of_parquet = (events_of(Path(folder) / name) for name in ("a.csv", "a.jsonl.gz", "a.parquet"))

    assert len(of_csv) == len(records)
    assert of_csv == of_json == of_parquet


READER = """
import sys
from pathlib import Path
from sendpulse_async.cli._input import Input, InputOptions, ValueType

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

source = Input(InputOptions(Path(sys.argv[1]), mapping={"email": "Mail"}, types={"total": ValueType.FLOAT}))
before = peak()
rows = sum(1 for _ in source.rows())
print(rows, peak() - before)
"""


def run(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True, env=untraced())
    return [int(word) for word in ended.stdout.split()]


@needs_proc
def test_a_million_rows_take_no_memory(tmp_path):
    """The peak of memory grows by less than 30 MB while a million rows of CSV are read."""
    # The peak of the program alone: getrusage's would begin with that of this one, from which it is forked.
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("Mail,product,total\n")
        file.writelines(f"user{number}@example.com,tea,12.5\n" for number in range(1_000_000))

    rows, growth = run(READER, path)

    assert rows == 1_000_000
    assert growth < 30 * 10**6


PARQUET_READER = """
import sys, tracemalloc
from pathlib import Path
import pyarrow
from sendpulse_async.cli._input import Input, InputOptions

tracemalloc.start()
rows = sum(1 for _ in Input(InputOptions(Path(sys.argv[1]))).rows())
print(rows, pyarrow.default_memory_pool().max_memory() + tracemalloc.get_traced_memory()[1])
"""


def test_a_large_row_group_takes_no_memory(tmp_path):
    """Of 20 MB in one row group less than 8 are in memory at a time, in pyarrow and in Python together."""
    count = 100_000
    columns = {
        "email": pyarrow.array(f"user{number}@example.com" for number in range(count)),
        "note": pyarrow.array(f"{number:0200}" for number in range(count)),
    }
    path = tmp_path / "a.parquet"
    options = {"row_group_size": count, "use_dictionary": False, "compression": "none"}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)

    rows, peak = run(PARQUET_READER, path)

    assert rows == count
    assert path.stat().st_size > 20 * 10**6
    assert peak < 8 * 10**6
