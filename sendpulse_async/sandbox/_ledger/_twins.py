"""Which accepted events are the same: one path, one payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from ._entry import LedgerEntry

Key: TypeAlias = "tuple[str, int]"
"""A path, and the digest of a payload."""


class Twins:
    """Finds what equals an event without a look at every other.

    Entries that share a key stand in groups of equal payloads, oldest first.
    """

    def __init__(self) -> None:
        self._groups: dict[Key, list[list[LedgerEntry]]] = {}

    def of(self, key: Key, payload: Any) -> list[LedgerEntry]:
        """Return the kept events with this path and payload, oldest first."""
        for group in self._groups.get(key, ()):
            if group[0].payload == payload:
                return group
        return []

    def add(self, key: Key, entry: LedgerEntry) -> None:
        """Keep an event, the newest of its group."""
        group = self.of(key, entry.payload)
        if not group:
            self._groups.setdefault(key, []).append(group)
        group.append(entry)

    def drop(self, key: Key, entry: LedgerEntry) -> None:
        """Forget an event, the oldest of its group."""
        groups = self._groups[key]
        group = self.of(key, entry.payload)
        group.pop(0)
        if not group:
            # By identity: an empty list equals any other.
            groups[:] = [other for other in groups if other is not group]
        if not groups:
            del self._groups[key]

    def groups(self) -> list[list[LedgerEntry]]:
        """Return the groups of two and more, the largest first."""
        several = [list(group) for groups in self._groups.values() for group in groups if len(group) > 1]
        return sorted(several, key=len, reverse=True)
