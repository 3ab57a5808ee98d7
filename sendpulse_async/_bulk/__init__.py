"""Sends many events: any input, bounded in flight, every event with its outcome."""

from ._calls import Options, OutcomeStream, send_many, stream_many
from ._parts import PartedRun, run_in_parts

__all__ = ["Options", "OutcomeStream", "PartedRun", "run_in_parts", "send_many", "stream_many"]
