"""Rows of CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Any

from ._row import InputError, Row
from ._shape import Shape

_DELIMITERS = (",", ";", "\t")


class _Record(Iterator[str]):
    """Hands lines on to the reader, and keeps those of the record that it is at."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._taken: list[str] = []

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def begin(self) -> None:
        self._taken.clear()

    @property
    def text(self) -> str:
        return "".join(self._taken).rstrip("\r\n")


def csv_rows(lines: Iterator[str], shape: Shape) -> Iterator[Row]:
    """Read rows below a header line; blank lines and rows of blank cells are passed over.

    Cells are separated by commas; by semicolons or tabs, as spreadsheets export them in some countries, where the
    header line is one cell by commas and several by these.

    Raises:
        InputError: When the iteration meets a header that is none.
    """
    first = next(lines, "")
    record = _Record(chain([first], lines))
    reader = csv.reader(record, delimiter=_delimiter(first), strict=True)
    header = _header(reader)
    shape.check_columns(header, "line 1")
    while True:
        record.begin()
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, problems=(_broken(line, reader.line_num, error),), text=record.text)
            continue
        if any(cell.strip() for cell in cells):
            yield _row(line, header, cells, record, shape)


def _delimiter(first: str) -> str:
    def columns(delimiter: str) -> int:
        return len(next(csv.reader([first], delimiter=delimiter), []))

    try:
        return max(_DELIMITERS, key=columns) if columns(",") <= 1 else ","
    except csv.Error:  # the header's own reading says what is wrong
        return ","


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"line 1 is not CSV: {error}") from None
    if not any(header):
        raise InputError("no header: line 1 must name the columns")
    return header


def _broken(line: int, last: int, error: csv.Error) -> str:
    where = f"lines {line} to {last} are one record that is" if last > line else "the line is"
    return f"{where} not CSV: {error}"


def _row(line: int, header: list[str], cells: list[str], record: _Record, shape: Shape) -> Row:
    if len(cells) != len(header):
        problem = f"the line has {len(cells)} cells, the header has {len(header)}"
        return Row(line, problems=(problem,), text=record.text)
    given: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
    if "" in given:
        return Row(line, problems=("a cell stands in a column without a name",), text=record.text)
    return shape.row(line, given)
