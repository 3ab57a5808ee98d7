"""What arrived: the entries, and the ledger that keeps the newest of them."""

from ._entry import MASK, LedgerEntry
from ._ledger import MAX_BODY_BYTES, MAX_ENTRIES, Ledger

__all__ = ["MASK", "MAX_BODY_BYTES", "MAX_ENTRIES", "Ledger", "LedgerEntry"]
