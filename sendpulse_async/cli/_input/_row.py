"""A row: an event's fields, where they stand in the input, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from ... import InvalidEventError

FAILURE_FIELD: Final = "_failure"
"""What the failures file adds to a record; no part of the record, so that the file can be sent again as it is."""


class InputError(Exception):
    """The input cannot be read; the text says why."""


@attrs.frozen(eq=False, repr=False)
class Row(Mapping[str, Any]):
    """One event's fields, and where they stand.

    Reading a row that has problems raises `InvalidEventError`, as making any other wrong event does.

    Attributes:
        line: Its first line in the input, from 1; of Parquet, which has no lines, the row's number.
        problems: What is wrong with the record itself.
        given: The record as it stands in the input, without what is absent there; None where it is no record.
        text: What stands in the input where that is no record, else None.
        is_doubtful: A failures file says that an earlier run left it unknown; then that is a problem, too.
    """

    line: int
    _fields: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    problems: tuple[str, ...] = ()
    given: Mapping[str, Any] | None = None
    text: str | None = None
    is_doubtful: bool = False

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
