"""What arrived: the entries, the ledger that keeps the newest of them, and what can be asked and said of them."""

from ._entry import MASK, SECRET_HEADERS, LedgerEntry
from ._findings import Finding, findings_of
from ._ledger import MAX_ENTRIES, MAX_WEIGHT, Ledger
from ._query import Query, QueryError, parse_query
from ._snippets import to_curl, to_python

__all__ = [
    "MASK",
    "MAX_ENTRIES",
    "MAX_WEIGHT",
    "SECRET_HEADERS",
    "Finding",
    "Ledger",
    "LedgerEntry",
    "Query",
    "QueryError",
    "findings_of",
    "parse_query",
    "to_curl",
    "to_python",
]
