"""What SendPulse means by a URL, a body and an answer; no I/O, no clock."""

from ._answers import Answer, is_over_quota, read_answer
from ._bodies import BodyFormat
from ._doors import NamedDoor, RawDoor, TokenDoor, Way
from ._judgement import judge, judge_failure
from ._oauth import read_token
from ._urls import is_sendpulse_host, named_event_path, parse_base_url, parse_event_url

__all__ = [
    "Answer",
    "BodyFormat",
    "NamedDoor",
    "RawDoor",
    "TokenDoor",
    "Way",
    "is_over_quota",
    "is_sendpulse_host",
    "judge",
    "judge_failure",
    "named_event_path",
    "parse_base_url",
    "parse_event_url",
    "read_answer",
    "read_token",
]
