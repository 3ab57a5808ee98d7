"""How the fields of one class become an event: found once for a class, from its annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar
from uuid import UUID

import attrs
import cattrs

from .._contract import AUTOMATION_ID_FIELD, CONTACT_FIELDS
from .._plain import joined
from ._hints import Hint, LaterError, fields_of, read_hint
from ._marks import BY_NAME, EVENT_ID_FIELD, Mark

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(CONTACT_FIELDS, (str,)),
    AUTOMATION_ID_FIELD: (int,),
    EVENT_ID_FIELD: (str, int, UUID),
}


@attrs.frozen(eq=False, repr=False)
class _Field:
    """A field of the class.

    Attributes:
        name: Its name.
        hint: Its annotation.
        marks: Those in the annotation, or what its name says.
        variables: What it is sent as, among the variables.
    """

    name: str
    hint: Hint
    marks: tuple[Mark, ...]
    variables: tuple[str, ...]

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with it by itself."""
        if any(isinstance(member, Mark) for member in self.hint.members):
            yield "a marker is no type; write Annotated[str, Email]"
        if self.hint.is_hiding:
            yield "a marker stands within another type, where it says nothing; mark the field itself"
        if len(self.marks) > 1:
            yield f"is marked as {' and '.join(map(str, self.marks))}, and can only be one of them"
        for mark in self.marks:
            kinds = _KINDS[mark.part]
            if not self.hint.can_be(*kinds):
                needed = " or ".join(kind.__name__ for kind in kinds)
                yield f"is the event's {mark.part}, which its type cannot be: {needed} is needed"
        if self.name.startswith("_") and self.name in self.variables:
            yield 'is private; name what it is sent as with SentAs("…"), or keep it out with init=False'


@attrs.frozen(eq=False, repr=False)
class Plan:
    """How an object of a class is read.

    Attributes:
        parts: The parts of the event that fields hold.
        variables: The names of its variables.
        values: Returns the object's class and then what the fields hold: the parts first, then the variables.
        hooks: What makes plain each variable's value; None: it is sent by the rules for an event's variables.
        paths: For the path of a problem of the event the field that it is about.
    """

    parts: tuple[str, ...]
    variables: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    hooks: tuple[Callable[[Any], Any], ...] | None
    paths: dict[str, str]

    @property
    def first_variable(self) -> int:
        """The place of the first variable among the values."""
        return 1 + len(self.parts)

    def path_of(self, problem: str) -> str:
        """Return an event's problem with the path that it has in the class."""
        for path, name in self.paths.items():
            if problem.startswith(path) and problem[len(path)] in ":.[":
                return name + problem[len(path) :]
        return problem


def planned(kind: type[Any], converter: cattrs.Converter | None, problems: list[str]) -> Plan:
    """Return how objects of a class are read; what is wrong with the class is added to `problems`.

    Raises:
        LaterError: An annotation names what is not there yet; the text begins with the field.
    """
    fields = tuple(_fields(kind, problems))
    for field in fields:
        problems += [f"{field.name}: {problem}" for problem in field.problems()]
    problems += _conflicts(fields)
    parts = [(mark.part, field) for field in fields for mark in field.marks]
    variables = [(name, field) for field in fields for name in field.variables]
    return Plan(
        parts=tuple(part for part, _ in parts),
        variables=tuple(name for name, _ in variables),
        # The class comes along because an attrgetter of one name returns no tuple.
        values=attrgetter("__class__", *(field.name for _, field in parts + variables)),
        hooks=None if converter is None else tuple(_hook(converter, field.hint.whole) for _, field in variables),
        paths=_paths(parts, variables),
    )


def _hook(converter: cattrs.Converter, annotation: Any) -> Callable[[Any], Any]:
    # Asked for each value: a hook that is registered later counts, too, and cattrs keeps what it found.
    if annotation is object or isinstance(annotation, TypeVar):
        return converter.unstructure
    return partial(converter.unstructure, unstructure_as=annotation)


def _fields(kind: type[Any], problems: list[str]) -> Iterator[_Field]:
    for field in fields_of(kind):
        try:
            hint = read_hint(kind, field)
        except LaterError as missing:
            raise LaterError(f"{field.name}: its annotation cannot be read, {missing}") from None
        except Exception as fault:  # noqa: BLE001 - an annotation can be anything, and raise anything
            problems.append(f"{field.name}: its annotation cannot be read, {type(fault).__name__}: {fault}")
            continue
        marks = hint.marks
        if not marks and not hint.names and field.name in BY_NAME:
            marks = (BY_NAME[field.name],)
        is_variable = not marks and not hint.names and field.init
        yield _Field(field.name, hint, marks, (field.name,) if is_variable else hint.names)


def _conflicts(fields: Sequence[_Field]) -> Iterator[str]:
    first: dict[str, str] = {}
    for field in fields:
        for what in [
            *(f"the event's {mark.part}" for mark in field.marks),
            *(f"sent as {v!r}" for v in field.variables),
        ]:
            if what in first:
                yield f"{field.name}: is {what}, and so is {first[what]}; only one of them can be"
            first.setdefault(what, field.name)
    if not any(mark.part in CONTACT_FIELDS for field in fields for mark in field.marks):
        yield "event: an email or a phone is needed; mark a field, as in customer: Annotated[str, Email]"


def _paths(parts: Sequence[tuple[str, _Field]], variables: Sequence[tuple[str, _Field]]) -> dict[str, str]:
    paths = {part: field.name for part, field in parts}
    contact = next((paths[part] for part in CONTACT_FIELDS if part in paths), "event")
    own = {joined("variables", name): field.name for name, field in variables}
    # An event without any contact says so of its email, which the class may not have.
    return {CONTACT_FIELDS[0]: contact, **paths, **own}
