"""The senders: a door, a pile of layers, and the promise that every event ends in exactly one outcome."""

from ._authorized import AuthorizedEventSender
from ._foreign import ForeignSender, carrier_of
from ._job import Job, read_event, still_unknown
from ._raw import RawEventSender
from ._sender import EventSender, Sender
from ._settings import SenderOptions

__all__ = [
    "AuthorizedEventSender",
    "EventSender",
    "ForeignSender",
    "Job",
    "RawEventSender",
    "Sender",
    "SenderOptions",
    "carrier_of",
    "read_event",
    "still_unknown",
]
