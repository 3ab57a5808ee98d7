"""The senders: a door, a pile of layers, and the promise that every event ends in exactly one outcome."""

from ._authorized import AuthorizedEventSender
from ._raw import RawEventSender
from ._sender import SETTLE_PATIENCE, EventSender, Job, Sender

__all__ = ["SETTLE_PATIENCE", "AuthorizedEventSender", "EventSender", "Job", "RawEventSender", "Sender"]
