"""What the commands of a queue do; it imports the extra that they need."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import attrs

from .. import ConfigurationError, OutcomeStatus
from .._masking import mask_email, mask_phone
from ..integrations.taskiq import DeadLetter
from ..integrations.taskiq._letters import Replay, dead_letters
from ..integrations.taskiq._line import Line
from ..integrations.taskiq._options import Options
from ._consoles import Console, how_to_call, open_stdout
from ._doors import load_env_file
from ._exit_codes import ExitCode
from ._queue_flags import QueueFlags

_URL = "SENDPULSE_QUEUE_URL"
_MEANINGS = {
    "waiting": ("bold", "for a worker"),
    "delayed": ("yellow", "until they are tried again"),
    "dead": ("red", "rejected or unknown: see dead-letters, replay"),
    "workers": ("bold", "processes that take events"),
}
_STYLES = {OutcomeStatus.UNKNOWN: "magenta", OutcomeStatus.REJECTED: "red", None: "yellow"}


async def show_status(where: QueueFlags, *, as_json: bool) -> ExitCode:
    """See `queue status`."""
    async with _line(where) as line:
        stats = await line.stats()
    console = open_stdout()
    if as_json:
        console.say(json.dumps(attrs.asdict(stats)))
    else:
        for name, (style, meaning) in _MEANINGS.items():
            console.say((f"{name:<8}", style), f" {getattr(stats, name):>9,}   ", (meaning, "dim"))
    return ExitCode.FAILED if stats.dead else ExitCode.ACCEPTED


async def show_letters(where: QueueFlags, *, as_json: bool) -> ExitCode:
    """See `queue dead-letters`."""
    console = open_stdout()
    count = 0
    async with _line(where) as line:
        async for letter in dead_letters(line):
            count += 1
            if as_json:
                console.say(json.dumps(_shown(letter)))
            else:
                _show(console, letter)
    if not as_json:
        console.say((f"{count:,} dead letter{'' if count == 1 else 's'}", "bold"))
    return ExitCode.ACCEPTED


async def put_back(where: QueueFlags, *, resend_unknown: bool, limit: int | None) -> ExitCode:
    """See `queue replay`."""
    async with _line(where) as line:
        count = await Replay(line, resend_unknown, limit).run()
        left = (await line.stats()).dead
    console = open_stdout()
    console.say((f"{count:,} event{'' if count == 1 else 's'} put back", "bold"))
    if left and limit is None and not resend_unknown:
        console.say(f"{left:,} left; those of status unknown are sent again with --resend-unknown alone")
    elif left:
        console.say(f"{left:,} left: {how_to_call()} queue dead-letters")
    return ExitCode.ACCEPTED


@asynccontextmanager
async def _line(where: QueueFlags) -> AsyncIterator[Line]:
    load_env_file(where.env_file)
    url = os.environ.get(_URL, "").strip()
    if not url:
        raise ConfigurationError(
            f"{_URL} is not set: give RabbitMQ's URL in the environment or in a file for --env-file"
        )
    for name in ("aio_pika", "aiormq"):  # what they say of a failure is said below, in one line
        logging.getLogger(name).addHandler(logging.NullHandler())
    async with Line.opened(Options(url, where.name)) as line:
        yield line


def _shown(letter: DeadLetter) -> dict[str, object]:
    """Return what may be shown of a letter: addresses are masked, and other fields left out."""
    event = letter.event
    at = None if letter.at is None else datetime.fromtimestamp(letter.at, UTC).isoformat(timespec="milliseconds")
    return {
        "key": letter.key,
        "at": at,
        "status": letter.status and letter.status.value,
        "event_name": letter.event_name,
        "email": event and event.email and mask_email(event.email),
        "phone": event and event.phone and mask_phone(event.phone),
        "generation": letter.generation,
        "reason": letter.reason,
    }


def _show(console: Console, letter: DeadLetter) -> None:
    shown = _shown(letter)
    status = "given up" if letter.status is None else letter.status.value
    who = [str(shown[field]) for field in ("event_name", "email", "phone") if shown[field] is not None]
    at = str(shown["at"] or "at no known time")
    console.say(
        (at, "dim"), "  ", (f"{status:<8}", _STYLES.get(letter.status, "")), f"  {' '.join(who)}  {letter.reason}"
    )
