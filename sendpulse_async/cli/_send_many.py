"""`send-many`: one event for each row of a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from .. import ConfigurationError
from .._senders import SenderOptions
from ._consoles import open_stdout
from ._doors import load_env_file, open_sender
from ._examination import examine, show_plan
from ._exit_codes import ExitCode
from ._feed import Feed
from ._flags import ListPath, SendFlags, open_journal, parse_max_errors, parse_rate
from ._input import Input, InputError, InputFlags, InputOptions, Row, parse_options
from ._invocation import resume_command
from ._list import ListRun, Plan
from ._output import ForPeople, ForPrograms
from ._transports import open_transport


async def send_many(
    file: ListPath,
    /,
    *,
    reading: InputFlags = InputFlags(),  # noqa: B008 - a frozen value
    sending: SendFlags = SendFlags(),  # noqa: B008 - likewise
) -> ExitCode:
    """Send one event for each row of a list, and report what came of them.

    The list is CSV with a header line, JSON lines (one object a line) or Parquet; text is UTF-8, also packed (.gz). The
    fields email, phone and automation_id are the event's own, all others its variables; an empty cell is an absent
    field. A bad row is reported with its line, and the run goes on.

    Ctrl-C takes no more rows and lets the events in flight end; a second one aborts these too. With --journal the run
    can be resumed after that, and after a crash: what was accepted is not sent again.

    Args:
        file: FILE.csv, FILE.jsonl or FILE.parquet; - for stdin.
        reading: How it is read.
        sending: How it is sent.
    """
    options, journal = parse_options(file, reading), open_journal(sending)
    limit = None if sending.rate is None else parse_rate(sending.rate)
    load_env_file(sending.env_file)
    total, rows = _list(options, sending)
    plan = Plan(
        total=total,
        file=file,
        max_in_flight=sending.max_in_flight,
        max_failures=parse_max_errors(sending.max_errors, total),
        journal=journal,
        resend_unknown=sending.resend_unknown,
        failures=sending.failures,
        how_to_resume=resume_command(),
    )
    # By default a transport has 100 connections; events that wait for one would spend their deadline on it.
    async with open_transport(sending.transport, sending.max_in_flight) as transport:
        choices: SenderOptions = {"transport": transport}
        if limit is not None:
            choices["rate_limit"] = limit
        async with open_sender(sending.door, sending.event_name, choices) as sender:
            if sending.dry_run:
                return show_plan(open_stdout(), await examine(rows, sender), sender)
            output = ForPrograms(open_stdout()) if sending.json else ForPeople(open_stdout())
            return await ListRun(sender, Feed(rows), plan, output).send()


def _list(options: InputOptions, sending: SendFlags) -> tuple[int | None, Iterator[Row] | AsyncIterator[Row]]:
    """Return how many rows there are, if that can be known, and the rows as they are to be sent."""
    if sending.region is not None and not sending.normalize:
        raise ConfigurationError("--region goes with --normalize")
    source = Input(options)
    try:
        # Read once before anything is sent: half of a list is worse than none, and the bar needs the number.
        total, rows = source.count(), source.rows()
    except InputError as error:
        raise InputError(f"{options.file}: {error}") from error
    if not sending.normalize:
        return total, rows
    from ._normalized import normalized  # noqa: PLC0415 - what it imports is an extra

    return total, normalized(rows, sending.region)
