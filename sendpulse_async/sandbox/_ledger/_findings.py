"""What a person should notice about a request, from the wire contract's facts."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import frozen

from ..._contract import AUTOMATION_ID_FIELD, CONTACT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._entry import LedgerEntry

_MAX_TEXT: Final = 255
"""Characters of a text variable."""
_MAX_VALUES: Final = 1_000
_MAX_FINDINGS: Final = 50
_MAX_STEP: Final = 100
"""Characters of one name in a path."""
_PHONE: Final = re.compile(r"\+?[0-9]+")
_DATES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}",
        r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
        r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*",
    )
)
_LONGEST_DATE: Final = 40


@frozen
class Finding:
    """One thing to notice.

    Attributes:
        text: What it is, as a sentence without its full stop.
        field: The dotted path of the field, a header as `header.NAME`, or empty for the request as a whole.
    """

    text: str
    field: str


def findings_of(entry: LedgerEntry) -> tuple[Finding, ...]:
    """Return what is odd about this request, at most 50 things, the whole request's first."""
    found: list[Finding] = []
    for finding in _all(entry):
        found.append(finding)
        if len(found) == _MAX_FINDINGS:
            break
    return tuple(found)


def _all(entry: LedgerEntry) -> Iterator[Finding]:
    yield from _about_request(entry)
    if isinstance(entry.payload, dict):
        fields = cast("dict[str, Any]", entry.payload)
        yield from _about_contacts(fields)
        yield from _about_fields(fields, is_form=_is_form(entry))
        yield from _about_values(fields)


def _about_request(entry: LedgerEntry) -> Iterator[Finding]:
    if entry.duplicate_of is not None:
        yield Finding(f"the same event came before, as request {entry.duplicate_of}", "")
    if entry.content_type is None:
        yield Finding("there is no content type: JSON is application/json", "header.content-type")
    if any(name == "authorization" and text.startswith("Bearer b'") for name, text in entry.headers):
        yield Finding(
            "the token is in b'...': the official Python client reads its own token file as bytes",
            "header.authorization",
        )
    if entry.payload is None and entry.body.strip() != b"null":
        yield Finding("the body is empty or was too large" if not entry.body else "the body could not be read", "")
    elif isinstance(entry.payload, list):
        yield Finding("a list at the top: one request carries one event, an object", "")
    elif not isinstance(entry.payload, dict):
        yield Finding("the body is no object", "")


def _about_contacts(fields: dict[str, Any]) -> Iterator[Finding]:
    values = {name: fields.get(name) for name in CONTACT_FIELDS}
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            yield Finding(f"{name} is no text: contacts are strings", name)
        elif isinstance(value, str) and value != value.strip():
            yield Finding(f"{name} has blanks around it", name)
    if all(value is None or (isinstance(value, str) and not value.strip()) for value in values.values()):
        yield Finding("there is neither an email nor a phone", "")
    email, phone = (value.strip() if isinstance(value, str) else "" for value in values.values())
    if email and email.count("@") != 1:
        yield Finding("email has no @" if "@" not in email else "email has more than one @", "email")
    if phone and _PHONE.fullmatch(phone) is None:
        yield Finding("phone is more than digits with a + before them", "phone")


def _is_form(entry: LedgerEntry) -> bool:
    kind = (entry.content_type or "").partition(";")[0].strip().lower()
    return kind in ("application/x-www-form-urlencoded", "multipart/form-data")


def _about_fields(fields: dict[str, Any], *, is_form: bool) -> Iterator[Finding]:
    number = fields.get(AUTOMATION_ID_FIELD)
    is_number = isinstance(number, int) and not isinstance(number, bool)
    if is_form and isinstance(number, str):
        # A form knows only text.
        is_number = number.isascii() and number.isdigit()
    if AUTOMATION_ID_FIELD in fields and not is_number:
        yield Finding(f"{AUTOMATION_ID_FIELD} is no whole number", AUTOMATION_ID_FIELD)
    if isinstance(fields.get("variables"), dict | list):
        yield Finding("variables stand beside email and phone: there is no wrapper", "variables")


def _about_values(fields: dict[str, Any]) -> Iterator[Finding]:
    for place, value in _walk(fields):
        if place.step == AUTOMATION_ID_FIELD and place.parent is not None:
            yield Finding(f"{AUTOMATION_ID_FIELD} belongs at the top, in no list and no wrapper", place.path)
        if not isinstance(value, str):
            continue
        if len(value) > _MAX_TEXT:
            yield Finding(f"a text of {len(value)} characters: a text variable has up to {_MAX_TEXT}", place.path)
        elif len(value) <= _LONGEST_DATE and any(date.fullmatch(value) for date in _DATES):
            yield Finding("looks like a date: dates are written YYYY-MM-DD", place.path)


@frozen(eq=False)
class _Place:
    """Where a value stands; its path is written only when there is something to say of it."""

    step: str
    parent: _Place | None = None

    @property
    def path(self) -> str:
        steps: list[str] = []
        place: _Place | None = self
        while place is not None:
            steps.append(place.step[:_MAX_STEP])
            place = place.parent
        return ".".join(reversed(steps))


def _walk(fields: dict[str, Any]) -> Iterator[tuple[_Place, Any]]:
    waiting: list[tuple[_Place, Any]] = [(_Place(name), value) for name, value in islice(fields.items(), _MAX_VALUES)]
    # Grows as it is read, level by level, and no further than a person would read.
    for place, value in waiting:
        yield place, value
        children = islice(_children(value), _MAX_VALUES - len(waiting))
        waiting.extend((_Place(step, place), child) for step, child in children)


def _children(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).items()
    return ((str(index), child) for index, child in enumerate(_elements(value)))


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
