"""What arrived: the entries, the ledger that keeps the newest of them, and what can be asked and said of them."""

from ._entry import MASK, LedgerEntry
from ._findings import Finding, findings_of
from ._ledger import MAX_BODY_BYTES, MAX_ENTRIES, Ledger
from ._query import Query, QueryError, parse_query

__all__ = [
    "MASK",
    "MAX_BODY_BYTES",
    "MAX_ENTRIES",
    "Finding",
    "Ledger",
    "LedgerEntry",
    "Query",
    "QueryError",
    "findings_of",
    "parse_query",
]
