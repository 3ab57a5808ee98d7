"""An event as a value: checked when it is made, so that all its problems are known before any I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, Self

import attrs

from ._contract import AUTOMATION_ID_FIELD, CONTACT_FIELDS
from ._errors import InvalidEventError
from ._masking import mask_email, mask_phone
from ._plain import Check, copied, joined

_ADDRESS = re.compile(r"\S+@[^\s@]+")
_DIGIT = re.compile(r"\d")

RESERVED_FIELDS = (*CONTACT_FIELDS, AUTOMATION_ID_FIELD)


@attrs.frozen(kw_only=True, repr=False)
class Event:
    """What happened to one person, checked when it is made.

    At least one of `email` and `phone` is needed. Values of variables: JSON, and also `date` (sent as `YYYY-MM-DD`),
    `datetime` with a time zone (ISO 8601), `Decimal` (a number), `Enum` (its value), `UUID` (a string), attrs classes
    and dataclasses (an object).

    Args:
        email: The address; surrounding blanks are removed, an empty string counts as absent.
        phone: The number, as a string; likewise.
        variables: What the flow's messages can use; names of the event's own fields are refused.
        automation_id: The number after `/flow/id/` in the flow's address, for a link that feeds several flows.
        event_name: The event's name for the authorised endpoint; a call's own name beats it.
        event_id: Your own identity for the event, never sent.

    Raises:
        InvalidEventError: Its `problems` lists everything that is wrong, each with its path.
    """

    email: str | None = None
    phone: str | None = None
    variables: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    automation_id: int | None = None
    event_name: str | None = None
    event_id: str | None = None
    _is_custom: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        check = Check()
        email, phone = _email(check, self.email), _phone(check, self.phone)
        if not (email or phone or check.problems):
            check.note("email", "an event needs an email or a phone")
        self._keep(
            check,
            email=email,
            phone=phone,
            automation_id=_automation_id(check, self.automation_id),
            variables=_variables(check, self.variables),
            event_name=_event_name(check, self.event_name),
            event_id=check.label("event_id", self.event_id),
        )

    def _keep(self, check: Check, **checked: object) -> None:
        check.finish()
        for name, value in checked.items():
            if value is not getattr(self, name, attrs.NOTHING):
                object.__setattr__(self, name, value)  # frozen for everybody else

    @classmethod
    def from_mapping(
        cls, flat: Mapping[str, Any], *, event_name: str | None = None, event_id: str | None = None
    ) -> Self:
        """Make an event from the flat object of SendPulse's documentation.

        Args:
            flat: `email`, `phone` and `automation_id` are taken out, everything else is a variable.
            event_name: As for the class.
            event_id: As for the class.

        Raises:
            InvalidEventError: As for the class.
        """
        if type(flat) is not dict and not isinstance(flat, Mapping):
            raise InvalidEventError([f"event: must be an Event or a mapping, not {type(flat).__name__}"])
        variables = dict(flat)
        fields: dict[str, Any] = {name: variables.pop(name, None) for name in RESERVED_FIELDS}
        return cls(**fields, variables=variables, event_name=event_name, event_id=event_id)

    @classmethod
    def custom(cls, payload: Mapping[str, Any], *, event_name: str | None = None, event_id: str | None = None) -> Self:
        """Make an event whose data structure is *Custom* in SendPulse's event manager: any JSON object.

        Args:
            payload: Sent as it is; SendPulse finds the contact by the event's own mapping.
            event_name: As for the class.
            event_id: As for the class.

        Raises:
            InvalidEventError: As for the class; no contact is needed.
        """
        check = Check()
        event = cls.__new__(cls)
        event._keep(  # noqa: SLF001 - the class's own second constructor
            check,
            email=None,
            phone=None,
            automation_id=None,
            variables=check.object("payload", payload),
            event_name=_event_name(check, event_name),
            event_id=check.label("event_id", event_id),
            _is_custom=True,
        )
        return event

    def to_payload(self) -> dict[str, Any]:
        """Return the flat JSON object as it is sent, a copy of its own."""
        payload: dict[str, Any] = copied(payload_of(self))
        return payload

    def __repr__(self) -> str:
        shown = {
            "event_name": self.event_name,
            "email": self.email and mask_email(self.email),
            "phone": self.phone and mask_phone(self.phone),
            "automation_id": self.automation_id,
        }
        parts = [f"{name}={value!r}" for name, value in shown.items() if value is not None]
        return f"Event({', '.join([*parts, f'variables=<{len(self.variables)}>'])})"


@attrs.frozen
class Refused(Mapping[str, Any]):
    """What is no event, in the place that it had among others.

    Reading it raises `InvalidEventError`, as making any other wrong event does, so a bulk run rejects it and goes on;
    `outcome.event.given` is what was given.

    Attributes:
        given: The event or mapping as it was given.
        problems: As in `InvalidEventError`.
    """

    given: Any = attrs.field(repr=False)
    problems: tuple[str, ...]

    def __getitem__(self, name: str) -> Any:
        raise InvalidEventError(self.problems)

    def __iter__(self) -> Iterator[str]:
        raise InvalidEventError(self.problems)

    def __len__(self) -> int:
        raise InvalidEventError(self.problems)


def payload_of(event: Event) -> Mapping[str, Any]:
    """Return what `to_payload` returns, for those who change nothing of it."""
    if event._is_custom:  # noqa: SLF001 - this module's own
        return event.variables
    own = {name: value for name in RESERVED_FIELDS if (value := getattr(event, name)) is not None}
    return {**own, **event.variables, **own}  # first in order, and beyond the reach of a variable that came later


def is_custom(event: Event) -> bool:
    """Tell whether an event was made by `Event.custom`."""
    return event._is_custom  # noqa: SLF001 - this module's own


def identified(event: Event, event_id: str) -> Event:
    """Return an event that has this identity, unless it has one of its own.

    Raises:
        InvalidEventError: It cannot be one.
    """
    if event.event_id is not None:
        return event
    check, same = Check(), copy(event)
    same._keep(check, event_id=check.label("event_id", event_id))  # noqa: SLF001 - this module's own
    return same


def restored(payload: dict[str, Any], *, is_custom: bool, event_name: str | None, event_id: str | None) -> Event:
    """Return the event whose payload this is; it is not checked again, lest a stricter version refuse what was kept."""
    own = {name: None if is_custom else payload.pop(name, None) for name in RESERVED_FIELDS}
    event = Event.__new__(Event)
    event._keep(  # noqa: SLF001 - this module's own
        Check(), **own, variables=payload, event_name=event_name, event_id=event_id, _is_custom=is_custom
    )
    return event


def _email(check: Check, value: object) -> str | None:
    email = check.label("email", value)
    if email is None:
        return None
    if not _ADDRESS.fullmatch(email):
        check.note("email", "is not an address: something@somewhere is needed")
    return email


def _phone(check: Check, value: object) -> str | None:
    phone = check.label("phone", value)
    if phone is not None and not _DIGIT.search(phone):
        check.note("phone", "is not a number: it has no digit")
    return phone


def _event_name(check: Check, value: object) -> str | None:
    name = check.label("event_name", value)
    if name is None and isinstance(value, str):
        check.note("event_name", "must not be empty; leave it out where the call or the sender names the event")
    return name


def _automation_id(check: Check, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        check.note(AUTOMATION_ID_FIELD, f"must be a positive integer, not {type(value).__name__}")
        return None
    if value <= 0:
        check.note(AUTOMATION_ID_FIELD, "must be a positive integer")
    return check.integer(AUTOMATION_ID_FIELD, value)


def _variables(check: Check, value: object) -> dict[str, Any]:
    plain = check.object("variables", value)
    for name in plain:
        if name in RESERVED_FIELDS:
            check.note(joined("variables", name), f"is a field of its own: pass it as {name}=")
        elif not name.strip():
            check.note(joined("variables", name), "a variable needs a name")
    return plain
