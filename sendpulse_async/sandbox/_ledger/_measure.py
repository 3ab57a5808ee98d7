"""How much memory an entry keeps, and a digest that equal payloads share."""

from __future__ import annotations

from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._entry import LedgerEntry

_FIXED: Final = 1_200
"""Bytes of the entry itself, its path, and its places in shelf and index, rounded up."""
_HEADER: Final = 170
"""Bytes of a pair of texts beside their letters."""


def measure(payload: Any) -> tuple[int, int]:
    """Return the bytes that this JSON value keeps, and a digest of it.

    Equal JSON values have equal digests, whatever the order of their keys; the reverse is likely, not sure.
    """
    weight, digest = getsizeof(payload), 0
    waiting = [payload]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            pairs: Iterable[tuple[Any, Any]] = node.items()
        elif isinstance(node, list):
            pairs = enumerate(node)
        else:
            digest += _hash("", node)
            continue
        for key, value in pairs:
            weight += getsizeof(key) + getsizeof(value)
            if isinstance(value, dict | list):
                digest += hash((key, len(value)))
                waiting.append(value)
            else:
                digest += _hash(key, value)
    return weight, digest


def _hash(key: Any, value: Any) -> int:
    # Python takes true for 1, JSON does not.
    return hash((key, value, isinstance(value, bool)))


def weigh(entry: LedgerEntry, payload_weight: int) -> int:
    """Return the bytes that this entry keeps, its payload's included."""
    headers = sum(len(name) + len(text) + _HEADER for name, text in entry.headers)
    texts = 4 * (len(entry.path) + len(entry.event or "")) + len(entry.content_type or "")
    return _FIXED + len(entry.body) + headers + texts + payload_weight
