"""A request as the test API shows it: whole, or as a row of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from .._ledger import MASK, findings_of

if TYPE_CHECKING:
    from .._ledger import LedgerEntry


def show_entry(entry: LedgerEntry) -> dict[str, Any]:
    """Return all of a request; bytes that are no text are replaced, the authorisation is masked."""
    shown = attrs.asdict(entry, recurse=False)
    shown["body"] = entry.body.decode(errors="replace")
    shown["headers"] = [(name, MASK if name == "authorization" else text) for name, text in entry.headers]
    return {**shown, "email": entry.email, "phone": entry.phone}


def summarize(entry: LedgerEntry) -> dict[str, Any]:
    """Return what a list shows of a request."""
    return {
        "sequence": entry.sequence,
        "received_at": entry.received_at,
        "door": entry.door,
        "event": entry.event,
        "email": entry.email,
        "phone": entry.phone,
        "status": entry.status,
        "error_code": entry.error_code,
        "is_taken": entry.is_taken,
        "size": len(entry.body),
        "findings": len(findings_of(entry)),
        "is_duplicate": entry.duplicate_of is not None,
    }
