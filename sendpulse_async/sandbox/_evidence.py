"""What the ledger shows to those who expect something of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._contract import (
    ERROR_BADLY_FORMED,
    ERROR_EVENT_NOT_EXISTS,
    ERROR_NO_DATA,
    ERROR_TOO_MANY_REQUESTS,
    ERROR_UNAUTHORIZED,
    ERROR_VALIDATION,
)
from .._expectations import Seen, about, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._ledger import LedgerEntry

_REFUSALS_SHOWN: Final = 3
_REASONS: Final = {
    ERROR_NO_DATA: " (no email and no phone)",
    ERROR_EVENT_NOT_EXISTS: " (no such event)",
    ERROR_UNAUTHORIZED: " (no valid token)",
    ERROR_VALIDATION: " (email and phone must be strings)",
    ERROR_BADLY_FORMED: " (no JSON object)",
    ERROR_TOO_MANY_REQUESTS: " (over the limit)",
}


def see(entry: LedgerEntry) -> Seen:
    """Return an entry as expectations see it."""
    return Seen(entry.sequence, entry.event, entry.door == "raw", entry.payload)


def refusals(refused: Sequence[LedgerEntry]) -> list[str]:
    """Return how many requests were refused, and a line with the reason for each of the latest."""
    if not refused:
        return []
    return [f"{counted(len(refused), 'request')} refused:", *map(_line, refused[-_REFUSALS_SHOWN:])]


def _line(entry: LedgerEntry) -> str:
    code = "" if entry.error_code in (None, entry.status) else f", error_code {entry.error_code}"
    answered = "no answer" if entry.status is None else f"HTTP {entry.status}{code}"
    return f"  #{entry.sequence}  {about(see(entry))}: {answered}{_REASONS.get(entry.error_code or 0, '')}"
