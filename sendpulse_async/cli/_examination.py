"""Looks at every row of a list without sending it: `check`, and `send-many --dry-run`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs

from .. import AuthorizedEventSender, Event, InvalidEventError, RawEventSender
from .._masking import mask_email, mask_phone, mask_url
from .._senders import Job, read_event
from ._consoles import Console
from ._exit_codes import ExitCode
from ._input import Row
from ._report import PROBLEMS_SHOWN

_EXAMPLES = 3


@attrs.define
class Examination:
    """What was seen.

    Attributes:
        total: Rows.
        wrong: Rows that would be rejected.
        problems: The first of these, by line, each with all of its problems.
        examples: The first events that are right.
    """

    total: int = 0
    wrong: int = 0
    problems: list[tuple[int, InvalidEventError]] = attrs.field(factory=list[tuple[int, InvalidEventError]])
    examples: list[Event] = attrs.field(factory=list[Event])

    def look_at(self, row: Row, check: Callable[[Row], Event]) -> None:
        """Take in one row."""
        self.total += 1
        try:
            event = check(row)
        except InvalidEventError as error:
            self.wrong += 1
            if len(self.problems) < PROBLEMS_SHOWN:
                self.problems.append((row.line, error))
        else:
            if len(self.examples) < _EXAMPLES:
                self.examples.append(event)


async def examine(
    rows: Iterator[Row] | AsyncIterator[Row], sender: RawEventSender | AuthorizedEventSender | None = None
) -> Examination:
    """Check every row as `send-many` does before it sends; what goes where, too, where there is a sender.

    Raises:
        InputError: The input cannot be read to its end.
    """
    seen = Examination()

    def check(row: Row) -> Event:
        event = read_event(row)
        if sender is not None:
            sender.address(Job(0, row, event=event))
        return event

    if isinstance(rows, AsyncIterator):
        async for row in rows:
            seen.look_at(row, check)
    else:
        for row in rows:
            seen.look_at(row, check)
    return seen


def show_examination(console: Console, seen: Examination) -> ExitCode:
    """Write the counts and the problems, and return the code."""
    right = seen.total - seen.wrong
    console.say((f"{seen.total:,} row{'' if seen.total == 1 else 's'}", "bold"), ", nothing was sent")
    console.say("  ", (f"{'good':<9}", "green"), f"{right:>9,}")
    if seen.wrong:
        console.say("  ", (f"{'wrong':<9}", "red"), f"{seen.wrong:>9,}   ", ("would be rejected", "dim"))
        console.say()
        console.say(("Problems, by line of the file:", "bold"))
        width = len(str(seen.problems[-1][0]))
        for line, error in seen.problems:
            console.say(f"  line {line:>{width}}  {error}")
        if rest := seen.wrong - len(seen.problems):
            console.say(f"  and {rest:,} more")
    return ExitCode.FAILED if seen.wrong else ExitCode.ACCEPTED


def show_plan(console: Console, seen: Examination, sender: RawEventSender | AuthorizedEventSender) -> ExitCode:
    """Write what `show_examination` does, and the first requests with nothing of anybody in them."""
    code = show_examination(console, seen)
    if seen.examples:
        console.say()
        console.say(("The first requests, masked:", "bold"))
    for event in seen.examples:
        console.say(f"  POST {mask_url(sender.address(Job(0, event, event=event)))}")
        fields = (f"{name}: {_masked(name, value)}" for name, value in event.to_payload().items())
        console.say(f"       {{{', '.join(fields)}}}")
    return code


def _masked(name: str, value: Any) -> str:
    if name == "email":
        return mask_email(value)
    if name == "phone":
        return mask_phone(value)
    return f"<{type(value).__name__}>"
