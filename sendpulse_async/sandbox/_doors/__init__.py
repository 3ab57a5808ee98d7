"""The doors that SendPulse has: events by URL, events by name, and tokens."""

from ._events import FILED, EventDoors
from ._play import TRANSPORT
from ._token import TokenDoor

__all__ = ["FILED", "TRANSPORT", "EventDoors", "TokenDoor"]
