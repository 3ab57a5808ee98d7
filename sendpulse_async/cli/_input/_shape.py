"""How a record of the input becomes an event's fields: `--map`, `--const` and `--type`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ... import Event, InvalidEventError
from ..._contract import AUTOMATION_ID_FIELD, CONTACT_FIELDS
from ..._events import RESERVED_FIELDS
from ._row import FAILURE_FIELD, InputError, Row
from ._types import ValueType, convert

_NEED = "it must, or --map email=COLUMN must say which one it is"
_WHOLE_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


@attrs.frozen
class Shape:
    """What is done to every record; without arguments hardly anything.

    Args:
        mapping: The column of each field that has another name in the input; such a field comes from nowhere else.
        constants: Fields that every event gets, whatever the input says.
        types: What the values of some fields shall be.
    """

    mapping: Mapping[str, str] = attrs.field(factory=dict[str, str])
    constants: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    types: Mapping[str, ValueType] = attrs.field(factory=dict[str, ValueType])
    _replaced: frozenset[str] = attrs.field(
        init=False,
        default=attrs.Factory(
            lambda self: frozenset([*self.mapping, *self.mapping.values(), *self.constants]), takes_self=True
        ),
    )

    def check_columns(self, columns: Sequence[str], where: str) -> None:
        """Look whether the columns are such as events can be made of.

        Args:
            columns: Their names; those without one may hold no cells.
            where: What names them.

        Raises:
            InputError: They are not.
        """
        for place, name in enumerate(columns):
            if name and name in columns[:place]:
                raise InputError(f"{where} gives columns {columns.index(name) + 1} and {place + 1} the same name")
        for field, column in self.mapping.items():
            if column not in columns:
                raise InputError(f"--map {field}: {where} has no column of that name")
        fields = {*columns} - self._replaced | {*self.mapping} | {*self.constants}
        if fields.isdisjoint(CONTACT_FIELDS):
            hint = "; columns are separated by commas, semicolons or tabs" if len(columns) == 1 else ""
            raise InputError(f"{where} names no column email or phone: {_NEED}{hint}")
        for field in self.types:
            if field not in fields:
                raise InputError(f"--type {field}: {where} has no column of that name")

    def row(self, line: int, given: Mapping[str, Any]) -> Row:
        """Return the row that a record becomes."""
        if FAILURE_FIELD in given:
            given = {name: value for name, value in given.items() if name != FAILURE_FIELD}
        fields = self._renamed(given)
        if AUTOMATION_ID_FIELD not in self.types:
            _number(fields, AUTOMATION_ID_FIELD)
        problems = self._type(fields)
        if problems:
            return Row(line, problems=_all_problems(problems, fields), given=given)
        return Row(line, fields, given=given)

    def _type(self, fields: dict[str, Any]) -> dict[str, str]:
        """Give fields their types, and return the problem of each that cannot have it."""
        problems: dict[str, str] = {}
        for field, value_type in self.types.items():
            if field in fields and field not in self.constants:
                try:
                    fields[field] = convert(fields[field], value_type)
                except ValueError as error:
                    problems[field] = f"{field}: {error}"
        return problems

    def _renamed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if not self._replaced:
            return dict(given)
        fields = {name: value for name, value in given.items() if name not in self._replaced}
        fields |= {field: given[column] for field, column in self.mapping.items() if column in given}
        fields |= self.constants
        return fields


def _number(fields: dict[str, Any], field: str) -> None:
    """Make a number of text that is a whole one; other text stays, for the event's own check to name it."""
    text = fields.get(field)
    if isinstance(text, str) and _WHOLE_NUMBER.fullmatch(text.strip()):
        fields[field] = int(text)


def _all_problems(problems: Mapping[str, str], fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Add what the event itself would say of the other fields: a person mends all of them at once."""
    others = {name: value for name, value in fields.items() if name in RESERVED_FIELDS or name not in problems}
    try:
        Event.from_mapping(others)
    except InvalidEventError as error:
        return (*problems.values(), *(each for each in error.problems if each.partition(":")[0] not in problems))
    return tuple(problems.values())
