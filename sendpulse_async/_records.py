"""An event as the text that outlives a process, and back."""

from __future__ import annotations

import json
from typing import Any

from ._errors import InvalidEventError
from ._events import Event, is_custom, payload_of, restored


def record_of(event: Event, event_name: str | None) -> str:
    """Return an event as text, under the name that its call gave it if it did.

    Raises:
        InvalidEventError: The name is none, or the event was spoiled after its check.
    """
    if event_name is not None:
        event_name = Event.custom({}, event_name=event_name).event_name  # checked as an event's own
    fields = {
        "payload": payload_of(event),
        "is_custom": is_custom(event),
        "event_name": event_name or event.event_name,
        "event_id": event.event_id,
    }
    try:
        return json.dumps(fields, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"event: was changed after it was checked, and cannot be stored ({type(error).__name__})"
        raise InvalidEventError([problem]) from None


def event_of(record: str) -> Event:
    """Return the event that a text stands for."""
    fields: dict[str, Any] = json.loads(record)
    return restored(fields.pop("payload"), **fields)
