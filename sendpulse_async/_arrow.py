"""Rows of Arrow as Python has them; pyarrow itself is imported by those alone who open something with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_BEYOND_PYTHON = (ValueError, OverflowError)
"""Raised by nanoseconds, and by the year 10,000."""


def records(batch: Any) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Return each row of a `pyarrow.RecordBatch` as a record, with what is wrong with it; null is None."""
    try:
        rows = batch.to_pylist()
    except _BEYOND_PYTHON:
        return (_record(batch, place) for place in range(batch.num_rows))
    return ((row, ()) for row in rows)


def _record(batch: Any, place: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    record, problems = {}, []
    for number, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True), 1):
        try:
            record[name] = column[place].as_py()
        except _BEYOND_PYTHON:
            problems.append(f"column {number} holds what Python has no value for; write it as text, or less exactly")
    return record, tuple(problems)
