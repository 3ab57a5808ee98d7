"""A request as the test API shows it: whole, or as a row of a list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._ledger import MASK, findings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._ledger import LedgerEntry

AT_ONCE: Final = 200
"""Requests that are looked at before others are served: a search through a full ledger takes a while."""


async def sift(entries: Iterable[LedgerEntry], holds: Callable[[LedgerEntry], bool]) -> list[LedgerEntry]:
    """Return the requests for which this holds; others are served meanwhile."""
    found: list[LedgerEntry] = []
    for place, entry in enumerate(entries, 1):
        if holds(entry):
            found.append(entry)
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


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
