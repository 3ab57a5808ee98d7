"""Parquet files in slices: planned from the files' ends alone, and read where they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import attrs
import pyarrow  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet  # type: ignore[import-untyped] # likewise

from .._errors import ConfigurationError
from ._rows import ROW_ID

Path = str | os.PathLike[str]


@attrs.frozen
class Slice:
    """Rows of one file that follow each other.

    Args:
        path: The file.
        name: What the ids of its rows begin with; None: they have ids of their own.
        start: The first one's number, from 0.
        stop: The number after the last one's.
        columns: Those to read.
    """

    path: str
    name: str | None
    start: int
    stop: int
    columns: Sequence[str]

    def __call__(self) -> Iterator[pyarrow.RecordBatch]:
        """Read them, each with its id."""
        with pyarrow.parquet.ParquetFile(self.path) as file:
            groups, place = self._groups(_counts(file))
            options = {"row_groups": groups, "columns": [*self.columns], "use_threads": False}
            for batch in file.iter_batches(self.stop - self.start, **options):
                first, stop = max(place, self.start), min(place + batch.num_rows, self.stop)
                if first < stop:
                    yield self._identified(batch.slice(first - place, stop - first), first)
                place += batch.num_rows

    def _groups(self, counts: list[int]) -> tuple[list[int], int]:
        """Return the row groups that have some of the rows, and the number of the first row in these."""
        groups: list[int] = []
        place = first = 0
        for group, count in enumerate(counts):
            if place < self.stop and place + count > self.start:
                first = first if groups else place
                groups.append(group)
            place += count
        return groups, first

    def _identified(self, batch: pyarrow.RecordBatch, first: int) -> pyarrow.RecordBatch:
        if self.name is None:
            return batch
        ids = [f"{self.name}:{number}" for number in range(first, first + batch.num_rows)]
        return batch.append_column(ROW_ID, pyarrow.array(ids, pyarrow.string()))


def slices(
    paths: Path | Iterable[Path] | Mapping[str, Path],
    columns: Sequence[str] | None,
    row_id: str | None,
    rows: int,
) -> list[Slice]:
    """Return what together is all rows of some files, each once.

    Args:
        paths: The files; or names for them, where two of them have the same one.
        columns: To be read; None: all.
        row_id: The column with the rows' ids; None: they are made of the file's name and the row's number.
        rows: The most that is in one slice; it ends with a row group where these are not larger.

    Raises:
        ConfigurationError: A file is not Parquet, or has not the columns that it must have, or two have one name.
        OSError: A file cannot be opened.
    """
    planned: list[Slice] = []
    for name, path in _named(paths).items():
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                counts, names = _counts(file), file.schema_arrow.names
        except pyarrow.ArrowInvalid:
            raise ConfigurationError(f"paths: {name} is no Parquet file, or a damaged one") from None
        read = _checked(name, names, columns, row_id)
        made_of = None if row_id is not None else name
        planned += [Slice(os.fspath(path), made_of, *ends, read) for ends in _cut(counts, rows)]
    return planned


def _named(paths: Any) -> Mapping[str, Path]:
    if isinstance(paths, Mapping):
        return paths
    named: dict[str, Path] = {}
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        if (name := PurePath(path).name) in named:
            raise ConfigurationError(
                f"paths: two files are named {name}, and their rows would have the same ids: give a mapping of other "
                "names to them"
            )
        named[name] = path
    return named


def _counts(file: Any) -> list[int]:
    return [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]


def _checked(name: str, names: list[str], columns: Sequence[str] | None, row_id: str | None) -> list[str]:
    """Return the columns to read of a file that has them."""
    read = [*names] if columns is None else [*columns]
    if row_id is not None and row_id not in read:
        read.append(row_id)
    for column in read:
        if column not in names:
            raise ConfigurationError(f"columns: {name} has no column {column!r}")
    if row_id is None and ROW_ID in read:
        raise ConfigurationError(
            f"row_id: {name} has a column {ROW_ID!r}: name it as row_id, or leave it out of columns"
        )
    return read


def _cut(counts: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Cut rows into ranges, at the ends of row groups where a range may be that long."""
    start = end = 0
    for count in counts:
        if start < end and end + count - start > most:
            yield start, end
            start = end
        end += count
        while end - start > most:
            yield start, start + most
            start += most
    if start < end:
        yield start, end
