"""Rows of Parquet: the one module of the command line that imports pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet  # type: ignore[import-untyped] # likewise

from ..._arrow import records
from ._row import InputError, Row
from ._shape import Shape

BATCH_ROWS = 256
_READ_BYTES = 2**16
"""Without it, and with pyarrow's reading ahead, a whole column of a row group is in memory at once."""


def count_parquet_rows(path: Path, shape: Shape) -> int:
    """Return the number that the file's end tells.

    Raises:
        InputError: It is no such file, or its columns are not such as events can be made of.
    """
    with _opened(path, shape) as file:
        count: int = file.metadata.num_rows
        return count


def parquet_rows(path: Path, shape: Shape) -> Iterator[Row]:
    """Read rows a few at a time; null means absent.

    Raises:
        InputError: When the iteration meets what it cannot read.
    """
    number = 0
    with _opened(path, shape) as file:
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            for given, problems in records(batch):
                number += 1
                present = {name: value for name, value in given.items() if value is not None}
                if problems:
                    yield Row(number, problems=problems, text=json.dumps(present, ensure_ascii=False, default=str))
                else:
                    yield shape.row(number, present)


@contextmanager
def _opened(path: Path, shape: Shape) -> Iterator[Any]:
    try:
        with (
            path.open("rb") as raw,
            pyarrow.parquet.ParquetFile(raw, buffer_size=_READ_BYTES, pre_buffer=False) as file,
        ):
            shape.check_columns(file.schema_arrow.names, "the schema")
            yield file
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        # pyarrow's own OSErrors have no strerror, and may quote the file.
        if isinstance(error, OSError) and error.strerror:
            raise InputError(error.strerror) from error
        raise InputError("this is no Parquet file, or a damaged one") from None
