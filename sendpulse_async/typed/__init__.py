"""Events as classes of your own: their fields are the contact and the variables, and type checkers know them."""

from ._declaration import event
from ._given import EventLike
from ._marks import AutomationId, Email, EventId, Mark, Phone, SentAs

__all__ = ["AutomationId", "Email", "EventId", "EventLike", "Mark", "Phone", "SentAs", "event"]
