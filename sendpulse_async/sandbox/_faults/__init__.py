"""Faults on request, and the board of those in play."""

from ._board import FaultBoard, PlacedFault
from ._fault import Fault

__all__ = ["Fault", "FaultBoard", "PlacedFault"]
