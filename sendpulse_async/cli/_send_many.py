"""`send-many`: one event for each row of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from .. import AuthorizedEventSender, ConfigurationError, RateLimit, RawEventSender, stream_many
from .._senders import SenderOptions
from ._consoles import complain, open_stderr, open_stdout
from ._doors import Door, load_env_file, open_sender
from ._exit_codes import ExitCode, code_of_report
from ._interrupts import Interrupts
from ._progress import open_progress
from ._report import show_report
from ._rows import InputError, Row, count_rows, read_rows
from ._transports import TransportName, open_transport

_RATE = re.compile(r"(\d+(?:\.\d+)?)/([sm])", re.ASCII)
_SECONDS = {"s": 1, "m": 60}
_STOPPING = "Stopping: no more lines are taken, the events in flight will end. Ctrl-C again aborts them."


async def send_many(
    file: Path,
    /,
    *,
    event_name: str | None = None,
    door: Door | None = None,
    env_file: Path | None = None,
    max_in_flight: Annotated[int, Parameter(validator=Number(gte=1))] = 32,
    rate: str | None = None,
    max_errors: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    transport: TransportName | None = None,
) -> ExitCode:
    """Send one event for each row of a file, and report what came of them.

    The file is CSV with a header line, or JSON lines (.jsonl, one object a line), in UTF-8. The fields email, phone
    and automation_id are the event's own, all others its variables; an empty cell is an absent field. A bad row is
    reported with its line, and the run goes on.

    Ctrl-C takes no more rows and lets the events in flight end; a second one aborts these too.

    Args:
        file: FILE.csv or FILE.jsonl.
        event_name: The events' name, for the door "name"; by default SENDPULSE_EVENT_NAME.
        door: Where to send if both are set up: raw (the event's own URL) or name (the authorised endpoint).
        env_file: A file of SENDPULSE_ variables; they beat those of the environment.
        max_in_flight: Events on their way at a time.
        rate: Requests a second or a minute at most, such as 5/s or 300/m; by default 10/s, SendPulse's own limit.
        max_errors: Stop when more events than this have failed; by default any number may.
        transport: What carries the events: direct (the faster one; needs the extra "fast") or httpx; by default direct
            where it is installed.
    """
    limit = None if rate is None else parse_rate(rate)
    load_env_file(env_file)
    # By default a transport has 100 connections; events that wait for one would spend their deadline on it.
    async with open_transport(transport, max_in_flight) as opened:
        options: SenderOptions = {"transport": opened}
        if limit is not None:
            options["rate_limit"] = limit
        async with open_sender(door, event_name, options) as sender:
            return await _run(sender, file, max_in_flight, max_errors)


def parse_rate(text: str) -> RateLimit:
    """Return the limit that a text such as `10/s` or `600/m` stands for.

    Raises:
        ConfigurationError: It is no such text, or no rate at all.
    """
    match = _RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise ConfigurationError("--rate must be a number a second or a minute, such as 10/s or 600/m")
    return RateLimit(per_second=float(match[1]) / _SECONDS[match[2]])


class _Feed:
    """Hands rows on until Ctrl-C, and knows how far it got.

    Attributes:
        line: The line of the latest row, from 1.
        is_read: The file was read to its end.
    """

    def __init__(self, rows: Iterator[Row], interrupts: Interrupts) -> None:
        self.line = 0
        self.is_read = False
        self._rows = rows
        self._interrupts = interrupts

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            if self._interrupts.is_stopping:
                return
            self.line = row.line
            yield row
        self.is_read = True


async def _run(
    sender: RawEventSender | AuthorizedEventSender, file: Path, max_in_flight: int, max_errors: int | None
) -> ExitCode:
    # Read once before anything is sent: half of a list is worse than none, and the bar needs the number.
    progress = open_progress(stderr := open_stderr(), _count(file))
    fault: InputError | None = None
    with Interrupts(lambda: stderr.say(_STOPPING)) as interrupts:
        feed = _Feed(read_rows(file), interrupts)
        events = stream_many(sender, feed, max_in_flight=max_in_flight, max_failures=max_errors)
        async with progress, events as outcomes:
            try:
                with interrupts.scope:
                    async for outcome in outcomes:
                        progress.note(outcome)
            except InputError as error:  # it changed meanwhile
                fault = error
    show_report(open_stdout(), outcomes.report, None if feed.is_read else feed.line)
    if fault is not None:
        complain(f"{file}: {fault}")
    if interrupts.is_stopping:
        return ExitCode.INTERRUPTED
    return code_of_report(outcomes.report) if fault is None else ExitCode.UNREADABLE


def _count(file: Path) -> int:
    try:
        return count_rows(file)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
