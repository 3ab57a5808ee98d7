"""What a sandbox saw, in a few lines for the report of a test that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._expectations import counted

if TYPE_CHECKING:
    from ..sandbox import LedgerEntry, Sandbox

_SHOWN: Final = 10


def what_it_saw(sandbox: Sandbox) -> str:
    """Return the counts, and the newest events and refused requests in the order of arrival."""
    refused = sandbox.refused
    counts = (
        counted(sandbox.accepted_count, "event"),
        counted(len(refused), "refused request"),
        counted(sandbox.token_requests, "token request"),
    )
    newest = sorted((*sandbox.events[-_SHOWN:], *refused[-_SHOWN:]), key=lambda entry: entry.sequence)[-_SHOWN:]
    return "\n".join([", ".join(counts), *map(_line, newest)])


def _line(entry: LedgerEntry) -> str:
    words = (entry.event or f"({entry.door})", entry.email, entry.phone)
    answered = "no answer" if entry.status is None else f"{entry.status:<9}"
    return f"#{entry.sequence:<4} {answered}  {', '.join(word for word in words if word)}"
