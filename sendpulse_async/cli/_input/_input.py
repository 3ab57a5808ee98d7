"""The input as a whole: how many rows it has, and each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice

from ._csv import csv_rows
from ._json import json_rows
from ._lines import is_read_once, read_lines
from ._options import InputOptions, Kind
from ._row import InputError, Row
from ._shape import Shape
from ._stream import Stream

_GZIP = ".gz"
_KINDS = {".csv": Kind.CSV, ".jsonl": Kind.JSONL, ".ndjson": Kind.JSONL, ".parquet": Kind.PARQUET}
_READERS = {Kind.CSV: csv_rows, Kind.JSONL: json_rows}


class Input:
    """A list of events, read a row at a time as its options say.

    Args:
        options: Where it is and how it is read.
    """

    def __init__(self, options: InputOptions) -> None:
        self._options = options
        self._path = options.file
        self._shape = Shape(options.mapping, options.typed_constants(), options.types)
        end = None if options.limit is None else options.skip + options.limit
        self._window = slice(options.skip, end)

    def count(self) -> int | None:
        """Read all rows that are wanted once, and return how many they are; None where they would be gone then.

        Raises:
            InputError: They cannot be read to their end.
        """
        kind = self._kind()
        if is_read_once(self._path):
            return None
        if kind is Kind.PARQUET:
            from ._parquet import count_parquet_rows  # noqa: PLC0415 - what it imports is an extra

            return len(range(count_parquet_rows(self._path, self._shape))[self._window])
        return sum(1 for _ in self._rows(kind))

    def rows(self) -> Iterator[Row] | AsyncIterator[Row]:
        """Return all rows that are wanted: an async iterator for stdin and for a pipe, which may keep one waiting.

        Raises:
            InputError: At once for what is no input; else when the iteration meets what it cannot read.
        """
        kind = self._kind()
        if not is_read_once(self._path):
            return self.rows_of_file()
        if kind is Kind.PARQUET:
            raise InputError("Parquet cannot be read from a pipe: write it to a file first")
        return Stream(self._rows(kind))

    def rows_of_file(self) -> Iterator[Row]:
        """Return all rows that are wanted, of a file that can be read again.

        Raises:
            InputError: At once for what is no file; else when the iteration meets what it cannot read.
        """
        kind = self._kind()
        if is_read_once(self._path):
            raise InputError("not a file that can be read twice")
        return self._rows(kind)

    def _rows(self, kind: Kind) -> Iterator[Row]:
        return islice(self._all_rows(kind), self._window.start, self._window.stop)

    def _all_rows(self, kind: Kind) -> Iterator[Row]:
        if kind is Kind.PARQUET:
            from ._parquet import parquet_rows  # noqa: PLC0415 - what it imports is an extra

            return parquet_rows(self._path, self._shape)
        lines = read_lines(self._path, is_gzip=self._path.suffix.lower() == _GZIP)
        return _READERS[kind](lines, self._shape)

    def _kind(self) -> Kind:
        if self._options.kind is not None:
            return self._options.kind
        suffix = self._path.suffix.lower()
        is_packed = suffix == _GZIP
        kind = _KINDS.get(self._path.with_suffix("").suffix.lower() if is_packed else suffix)
        if kind is None or (is_packed and kind is Kind.PARQUET):
            raise InputError(
                "unknown kind of file: its name must end in .csv, .jsonl, .ndjson (with or without .gz) or .parquet,"
                " or --format must say what it is"
            )
        return kind
