"""Reads the input of `send-many`: rows that know their line, one at a time.

A line that cannot be read becomes a row with problems, and the run makes a rejected outcome of it. What concerns the
whole file is an `InputError`. Neither text quotes the file: it is full of addresses.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from .. import InvalidEventError
from .._contract import AUTOMATION_ID_FIELD, CONTACT_FIELDS

_WHOLE_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class InputError(Exception):
    """The input cannot be read; the text says why."""


@attrs.frozen(eq=False, repr=False)
class Row(Mapping[str, Any]):
    """One event's fields, and where they stand.

    Reading a row that has problems raises `InvalidEventError`, as making any other wrong event does.

    Attributes:
        line: The first line of it in the file, from 1.
        problems: What is wrong with the line itself.
    """

    line: int
    _fields: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    problems: tuple[str, ...] = ()

    @property
    def _readable(self) -> Mapping[str, Any]:
        if self.problems:
            raise InvalidEventError(self.problems)
        return self._fields

    def __getitem__(self, name: str) -> Any:
        return self._readable[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readable)

    def __len__(self) -> int:
        return len(self._readable)


def read_rows(path: Path) -> Iterator[Row]:
    """Read a `.csv` or a `.jsonl` file, a row at a time; blank lines are passed over.

    Raises:
        InputError: At once for an unknown suffix or what is no file; else when the iteration meets what it cannot read.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise InputError(f"unknown kind of file: its name must end in {' or '.join(_READERS)}")
    if path.exists() and not path.is_file():
        raise InputError("not a file that can be read twice")  # a folder, a pipe: see `send-many`
    return read(_lines(path))


def count_rows(path: Path) -> int:
    """Read a whole file and return the number of its rows.

    Raises:
        InputError: It cannot be read to its end.
    """
    return sum(1 for _ in read_rows(path))


def _lines(path: Path) -> Iterator[str]:
    # Bytes are decoded line by line, since a text file decodes ahead and could not name the line.
    number = 1
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except OSError as error:
        raise InputError(error.strerror or type(error).__name__) from error
    except UnicodeDecodeError:
        raise InputError(f"line {number} is not UTF-8; save the file as UTF-8") from None


# CSV


def _csv_rows(lines: Iterator[str]) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    header = _csv_header(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num
            where = f"lines {line} to {last} are one record that is" if last > line else "the line is"
            yield Row(line, problems=(f"{where} not CSV: {error}",))
            continue
        if any(cell.strip() for cell in cells):
            yield _csv_row(line, header, cells)


def _csv_header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"line 1 is not CSV: {error}") from None
    if not any(header):
        raise InputError("no header: line 1 must name the columns")
    if set(CONTACT_FIELDS).isdisjoint(header):
        hint = "; columns are separated by commas" if len(header) == 1 else ""
        raise InputError(f"no header: line 1 names no column email or phone{hint}")
    for place, name in enumerate(header):
        if name and name in header[:place]:
            raise InputError(f"line 1 gives columns {header.index(name) + 1} and {place + 1} the same name")
    return header


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        return Row(line, problems=(f"the line has {len(cells)} cells, the header has {len(header)}",))
    fields: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
    if "" in fields:
        return Row(line, problems=("a cell stands in a column without a name",))
    # What is no number stays text: the event's own check then names it among all other problems.
    number = fields.get(AUTOMATION_ID_FIELD, "").strip()
    if _WHOLE_NUMBER.fullmatch(number):
        fields[AUTOMATION_ID_FIELD] = int(number)
    return Row(line, fields)


# JSON lines


def _json_rows(lines: Iterable[str]) -> Iterator[Row]:
    for line, text in enumerate(lines, 1):
        if text.strip():
            yield _json_row(line, text)


def _json_row(line: int, text: str) -> Row:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return Row(line, problems=(f"the line is not JSON: {error.msg}, at character {error.colno}",))
    except (ValueError, RecursionError) as error:  # a number of too many digits, a depth of too many brackets
        return Row(line, problems=(f"the line is no JSON that can be read: {error}",))
    if not isinstance(value, dict):
        return Row(line, problems=("the line must be one JSON object",))
    return Row(line, value)


_READERS: dict[str, Callable[[Iterator[str]], Iterator[Row]]] = {".csv": _csv_rows, ".jsonl": _json_rows}
