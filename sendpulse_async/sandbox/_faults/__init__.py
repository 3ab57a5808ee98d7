"""Faults on request, and the board of those in play."""

from ._board import FaultBoard
from ._fault import Fault

__all__ = ["Fault", "FaultBoard"]
