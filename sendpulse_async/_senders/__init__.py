"""The senders: a door, a pile of layers, and the promise that every event ends in exactly one outcome."""

from ._authorized import AuthorizedEventSender
from ._raw import RawEventSender
from ._sender import EventSender, Job, Sender
from ._settings import SenderOptions

__all__ = ["AuthorizedEventSender", "EventSender", "Job", "RawEventSender", "Sender", "SenderOptions"]
