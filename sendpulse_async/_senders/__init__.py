"""The senders: a door, a pile of layers, and the promise that every event ends in exactly one outcome."""

from ._authorized import AuthorizedEventSender, named_door
from ._foreign import ForeignSender, carrier_of
from ._job import Job, read_event, still_unknown
from ._raw import RawEventSender
from ._sender import Door, EventSender, OwnVerb, Sender
from ._settings import SenderOptions, Settings
from ._stats import SenderStats

__all__ = [
    "AuthorizedEventSender",
    "Door",
    "EventSender",
    "ForeignSender",
    "Job",
    "OwnVerb",
    "RawEventSender",
    "Sender",
    "SenderOptions",
    "SenderStats",
    "Settings",
    "carrier_of",
    "named_door",
    "read_event",
    "still_unknown",
]
