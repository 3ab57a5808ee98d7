"""The file that makes a bulk run resumable: an intent on disk before an event's first byte, its outcome after."""

from ._entries import Entry, EntryState, OtherEventError, RepeatedEventError
from ._file import Journal
from ._identity import Identity, identify, identify_invalid

__all__ = [
    "Entry",
    "EntryState",
    "Identity",
    "Journal",
    "OtherEventError",
    "RepeatedEventError",
    "identify",
    "identify_invalid",
]
