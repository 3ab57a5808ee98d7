"""The file that makes a bulk run resumable: an intent on disk before an event's first byte, its outcome after."""

from ._entry import ClaimedError, Entry, EntryState, OtherEventError, RepeatedEventError
from ._file import Journal
from ._identity import INVALID, Identity, identify, identify_invalid, identify_message
from ._log import DeliveryLog, Intent, RunLog

__all__ = [
    "INVALID",
    "ClaimedError",
    "DeliveryLog",
    "Entry",
    "EntryState",
    "Identity",
    "Intent",
    "Journal",
    "OtherEventError",
    "RepeatedEventError",
    "RunLog",
    "identify",
    "identify_invalid",
    "identify_message",
]
