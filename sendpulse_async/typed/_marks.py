"""What a field's annotation says beside its type."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from .._contract import AUTOMATION_ID_FIELD
from .._errors import ConfigurationError
from .._events import RESERVED_FIELDS

EVENT_ID_FIELD: Final = "event_id"


@frozen(repr=False)
class Mark:
    """Says which part of an event a field holds: write it into `Annotated`.

    There are four: `Email`, `Phone`, `AutomationId` and `EventId`.
    """

    _name: str
    part: str

    def __repr__(self) -> str:
        return self._name


Email: Final = Mark("Email", "email")
"""The field holds the e-mail address: `customer: Annotated[str, Email]`."""
Phone: Final = Mark("Phone", "phone")
"""The field holds the phone number, as text."""
AutomationId: Final = Mark("AutomationId", AUTOMATION_ID_FIELD)
"""The field holds the number of the flow, see `Event.automation_id`."""
EventId: Final = Mark("EventId", EVENT_ID_FIELD)
"""The field holds your own identity for the event, text, a whole number or a UUID; it is sent only as `SentAs` says."""

BY_NAME: Final = {mark.part: mark for mark in (Email, Phone, AutomationId)}
"""What a field is by its name alone, as in the flat mapping."""


@frozen
class SentAs:
    """Names the variable that a field is sent as, where that is not the field's own name.

    Beside another marker it sends the value as a variable, too: `Annotated[UUID, EventId, SentAs("order_id")]`.

    Args:
        name: The variable's name.

    Raises:
        ConfigurationError: `name` is blank, no text, or what the contact itself is sent as.
    """

    name: str

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigurationError("SentAs: the variable's name must be text, and not blank")
        if self.name in RESERVED_FIELDS:
            raise ConfigurationError(f"SentAs: {self.name!r} is no variable; use {BY_NAME[self.name]!r} instead")
