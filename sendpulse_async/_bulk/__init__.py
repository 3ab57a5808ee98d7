"""Sends many events: any input, bounded in flight, every event with its outcome."""

from ._calls import OutcomeStream, send_many, stream_many

__all__ = ["OutcomeStream", "send_many", "stream_many"]
