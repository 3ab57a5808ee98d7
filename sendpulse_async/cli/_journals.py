"""`journal status`, `export` and `retry`: what a run's journal holds, and what can be done about it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from .. import ConfigurationError, Journal
from .._journal import Entry, EntryState
from ._consoles import Console, open_stdout
from ._exit_codes import ExitCode
from ._flags import ListPath, SendFlags
from ._input import InputFlags
from ._send_many import send_many

_MEANINGS = {
    EntryState.ACCEPTED: ("green", "SendPulse took them"),
    EntryState.REJECTED: ("red", "will not be taken as they are"),
    EntryState.REFUSED: ("red", "refused with the account, the URL or the event's name: sent again on resume"),
    EntryState.NOT_SENT: ("yellow", "surely not taken: sent again on resume"),
    EntryState.UNKNOWN: ("magenta", "may have been taken: sent again with --resend-unknown alone"),
    EntryState.INTENT: ("magenta", "on their way when the run was broken off: likewise"),
}


class ExportFormat(Enum):
    """How a journal is written out."""

    CSV = "csv"
    JSONL = "jsonl"


async def status(path: Path, /, *, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> ExitCode:
    """Show how many events of a run ended how; the exit code is 0 when all were accepted, else 3, with unknown ones 7.

    Args:
        path: The journal.
        as_json: Write one JSON object.
    """
    async with _existing(path) as journal:
        counts = await journal.counts()
    console = open_stdout()
    if as_json:
        console.say(json.dumps({state.value: count for state, count in counts.items()}))
    else:
        _show(console, counts)
    if counts[EntryState.UNKNOWN] or counts[EntryState.INTENT]:
        return ExitCode.UNKNOWN
    return ExitCode.ACCEPTED if counts[EntryState.ACCEPTED] == sum(counts.values()) else ExitCode.FAILED


async def export(
    path: Path,
    /,
    *,
    state: tuple[EntryState, ...] = (),
    format: ExportFormat = ExportFormat.CSV,  # noqa: A002 - the option's name
) -> ExitCode:
    """Write what a journal holds of each event to stdout: its row, what came of it, and why; no addresses, no payloads.

    Args:
        path: The journal.
        state: Only events of this state; may be repeated.
        format: csv or jsonl.
    """
    wanted = state or tuple(EntryState)
    async with _existing(path) as journal:
        write = _WRITERS[format]
        console = open_stdout()
        if format is ExportFormat.CSV:
            console.say(_csv_line([field.name for field in attrs.fields(_Exported)]))
        async for entry in journal.entries():
            if entry.state in wanted:
                console.say(write(_exported(entry)))
    return ExitCode.ACCEPTED


async def retry(
    path: Path,
    file: ListPath,
    /,
    *,
    reading: InputFlags = InputFlags(),  # noqa: B008 - a frozen value
    sending: SendFlags = SendFlags(),  # noqa: B008 - likewise
) -> ExitCode:
    """Go on with a journal's run: send-many FILE --journal PATH --resume, with the input and the options of that run.

    What was surely not taken is sent; with --resend-unknown also what may have been.

    Args:
        path: The journal.
        file: The run's input, given again: a journal holds no payloads.
        reading: How it is read.
        sending: How it is sent.
    """
    if sending.journal is not None:
        raise ConfigurationError("--journal: the command names its journal already")
    return await send_many(file, reading=reading, sending=attrs.evolve(sending, journal=path, resume=True))


def _existing(path: Path) -> Journal:
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no such journal")
    return Journal(path)


def _show(console: Console, counts: dict[EntryState, int]) -> None:
    total = sum(counts.values())
    console.say((f"{total:,} event{'' if total == 1 else 's'}", "bold"))
    for state, (style, meaning) in _MEANINGS.items():
        if counts[state] or state is EntryState.ACCEPTED:
            word = state.value.replace("_", " ")
            console.say("  ", (f"{word:<9}", style), f"{counts[state]:>9,}   ", (meaning, "dim"))


@attrs.frozen
class _Exported:
    """An entry as it is written out: rows count from 1, as people count."""

    row: int
    state: str
    attempts: int
    status_code: int | None
    at: str
    reason: str


def _exported(entry: Entry) -> _Exported:
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")
    return _Exported(entry.position + 1, entry.state.value, entry.attempts, entry.status_code, at, entry.reason)


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


_WRITERS: dict[ExportFormat, Callable[[_Exported], str]] = {
    ExportFormat.CSV: lambda entry: _csv_line(attrs.astuple(entry)),
    ExportFormat.JSONL: lambda entry: json.dumps(attrs.asdict(entry)),
}
