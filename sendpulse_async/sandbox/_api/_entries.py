"""A request as the test API shows it: whole, or as a row of a list."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._ledger import MASK, SECRET_HEADERS, findings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._ledger import LedgerEntry

_AT_ONCE: Final = 0.01
"""Seconds of work before others are served: a search through a full ledger takes a while."""
_MAX_SHOWN: Final = 200
"""Characters of a name or a contact in a row: a stream sends hundreds of them at once."""


class Pause:
    """Lets others be served now and then, in the middle of long work."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def when_due(self) -> None:
        """Let others be served if it was long enough."""
        if time.perf_counter() - self._since > _AT_ONCE:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


async def sift(entries: Iterable[LedgerEntry], holds: Callable[[LedgerEntry], bool]) -> list[LedgerEntry]:
    """Return the requests for which this holds; others are served meanwhile."""
    found: list[LedgerEntry] = []
    pause = Pause()
    for entry in entries:
        if holds(entry):
            found.append(entry)
        await pause.when_due()
    return found


def show_entry(entry: LedgerEntry) -> dict[str, Any]:
    """Return all of a request; bytes that are no text are replaced, credentials in headers are masked."""
    shown = attrs.asdict(entry, recurse=False)
    shown["body"] = entry.body.decode(errors="replace")
    shown["headers"] = [(name, MASK if name in SECRET_HEADERS else text) for name, text in entry.headers]
    return {**shown, "email": entry.email, "phone": entry.phone}


def summarize(entry: LedgerEntry) -> dict[str, Any]:
    """Return what a list shows of a request; long texts are cut."""
    return {
        "sequence": entry.sequence,
        "received_at": entry.received_at,
        "door": entry.door,
        "event": _cut(entry.event),
        "email": _cut(entry.email),
        "phone": _cut(entry.phone),
        "status": entry.status,
        "error_code": entry.error_code,
        "is_taken": entry.is_taken,
        "size": len(entry.body),
        "findings": len(findings_of(entry)),
        "is_duplicate": entry.duplicate_of is not None,
    }


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}\N{HORIZONTAL ELLIPSIS}"
