"""A local stand-in for SendPulse: its doors under one origin, a ledger of what arrived, and faults on request."""

from __future__ import annotations

from ._faults import Fault
from ._ledger import LedgerEntry
from ._sandbox import Sandbox
from ._switches import Switches

__all__ = ["Fault", "LedgerEntry", "Sandbox", "Switches"]
