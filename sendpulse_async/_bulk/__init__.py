"""Sends many events: any input, bounded in flight, every event with its outcome."""

from ._calls import Options, OutcomeStream, check_whole, send_many, stream_many
from ._parts import PartedRun, run_in_parts

__all__ = ["Options", "OutcomeStream", "PartedRun", "check_whole", "run_in_parts", "send_many", "stream_many"]
