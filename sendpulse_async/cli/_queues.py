"""`queue status`, `dead-letters` and `replay`: their extra is imported only when they run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ._exit_codes import ExitCode
from ._queue_flags import QueueFlags

_Switch = Parameter(negative=())


async def status(
    *,
    where: QueueFlags = QueueFlags(),  # noqa: B008 - a frozen value
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> ExitCode:
    """Show how many events of a queue wait, are delayed or dead; the exit code is 0 without dead letters, else 3.

    Args:
        where: Which queue.
        as_json: Write one JSON object.
    """
    from ._dead_letters import show_status  # noqa: PLC0415 - see the module's docstring

    return await show_status(where, as_json=as_json)


async def dead_letters(
    *,
    where: QueueFlags = QueueFlags(),  # noqa: B008 - likewise
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> ExitCode:
    """List the events of a queue that were given up, addresses masked; they stay where they are.

    Args:
        where: Which queue.
        as_json: Write one JSON object a line.
    """
    from ._dead_letters import show_letters  # noqa: PLC0415 - likewise

    return await show_letters(where, as_json=as_json)


async def replay(
    *,
    where: QueueFlags = QueueFlags(),  # noqa: B008 - likewise
    resend_unknown: Annotated[bool, _Switch] = False,
    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
) -> ExitCode:
    """Put dead letters back into their queue; workers send each of them once more.

    Args:
        where: Which queue.
        resend_unknown: Also those that may have been taken; a person may then get it twice.
        limit: The most that are put back.
    """
    from ._dead_letters import put_back  # noqa: PLC0415 - likewise

    return await put_back(where, resend_unknown=resend_unknown, limit=limit)
