"""The options of the commands that send a list, and what they mean."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter
from cyclopts.validators import Number

from .. import ConfigurationError, Journal, RateLimit
from ._doors import Door
from ._transports import TransportName

_RATE = re.compile(r"(\d+(?:\.\d+)?)/([sm])", re.ASCII)
_SECONDS = {"s": 1, "m": 60}
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)%", re.ASCII)
_Switch = Parameter(negative=())
ListPath = Annotated[Path, Parameter(allow_leading_hyphen=True)]
"""A list; `-`, which is no option, is stdin."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class SendFlags:
    """How a list is sent.

    Attributes:
        event_name: The events' name, for the door "name"; by default SENDPULSE_EVENT_NAME.
        door: Where to send if both are set up: raw (the event's own URL) or name (the authorised endpoint).
        env_file: A file of SENDPULSE_ variables; they beat those of the environment.
        max_in_flight: Events on their way at a time.
        rate: Requests a second or a minute at most, such as 5/s or 300/m; by default 10/s, SendPulse's own limit.
        max_errors: Stop when more events than this have failed, a number or a part of the list such as 5%; by default
            any number may.
        transport: What carries the events: direct (the faster one; needs the extra "fast") or httpx; by default direct
            where it is installed.
        journal: A new file in which each event's intent and outcome are kept, so that the run can be resumed.
        resume: Go on with the run of an existing --journal: with the same FILE and options.
        resend_unknown: Send again what an earlier run left unknown; a person may then get it twice.
        failures: A new file for the events that were not accepted, each as given and with the reason; it can be sent as
            FILE.jsonl, with the same options, and of what was left unknown nothing is sent again unasked.
        normalize: Bring addresses and numbers into one spelling, and refuse wrong ones; needs the extra "validate".
        region: With --normalize, the country of numbers without a country code, such as UA.
        json: Write one JSON object a line to stdout: each event's outcome, then the report.
        dry_run: Check every row and show the first requests, masked; nothing is sent.
    """

    event_name: str | None = None
    door: Door | None = None
    env_file: Path | None = None
    max_in_flight: Annotated[int, Parameter(validator=Number(gte=1))] = 32
    rate: str | None = None
    max_errors: str | None = None
    transport: TransportName | None = None
    journal: Path | None = None
    resume: Annotated[bool, _Switch] = False
    resend_unknown: Annotated[bool, _Switch] = False
    failures: Path | None = None
    normalize: Annotated[bool, _Switch] = False
    region: str | None = None
    json: Annotated[bool, _Switch] = False
    dry_run: Annotated[bool, _Switch] = False


def parse_rate(text: str) -> RateLimit:
    """Return the limit that a text such as `10/s` or `600/m` stands for.

    Raises:
        ConfigurationError: It is no such text, or no rate at all.
    """
    match = _RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise ConfigurationError("--rate must be a number a second or a minute, such as 10/s or 600/m")
    return RateLimit(per_second=float(match[1]) / _SECONDS[match[2]])


def parse_max_errors(text: str | None, total: int | None) -> int | None:
    """Return how many events may fail; None: any number.

    Args:
        text: A number, or a part of the list such as `5%`.
        total: Rows of the list, where it could be read twice.

    Raises:
        ConfigurationError: It is neither, or a part of nobody knows what.
    """
    if text is None:
        return None
    if _COUNT.fullmatch(text):
        return int(text)
    match = _PERCENT.fullmatch(text)
    if match is None or float(match[1]) > 100:
        raise ConfigurationError("--max-errors must be a number of events, or a part of the list such as 5%")
    if total is None:
        raise ConfigurationError("--max-errors: stdin has no known length; give a number of events")
    return math.floor(total * float(match[1]) / 100)


def open_journal(flags: SendFlags) -> Journal | None:
    """Return the journal that the options ask for.

    Raises:
        ConfigurationError: It is there and was not to be, or the other way round.
    """
    path = flags.journal
    if path is None:
        for option, is_given in (("--resume", flags.resume), ("--resend-unknown", flags.resend_unknown)):
            if is_given:
                raise ConfigurationError(f"{option} needs the --journal of the earlier run")
        return None
    if flags.resume and not path.exists():
        raise ConfigurationError(f"--journal {path}: there is none to resume; leave out --resume to begin it")
    if not flags.resume and path.exists():
        raise ConfigurationError(f"--journal {path}: exists already; add --resume to go on with its run")
    return Journal(path)
