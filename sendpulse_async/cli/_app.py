"""The commands, and how what they raise becomes an exit code."""

from __future__ import annotations

from collections.abc import Sequence

import cyclopts  # pip install 'sendpulse-async[cli]'

from .. import ConfigurationError, InvalidEventError, JournalError, __version__
from . import _queues
from ._check import check
from ._commands import demo, sandbox
from ._consoles import PROGRAM, complain
from ._exit_codes import ExitCode
from ._input import InputError
from ._invocation import invocation
from ._journals import export, retry, status
from ._send import send
from ._send_many import send_many

_CODES = "\n".join(f"- {code.value}: {code.meaning}" for code in ExitCode)
_HELP = f"""Send events to SendPulse, and know of each what came of it.

Secrets come from the environment or from a file for `--env-file`, never from an argument: `SENDPULSE_EVENT_URL`, or
`SENDPULSE_CLIENT_ID` and `SENDPULSE_CLIENT_SECRET`, or `SENDPULSE_API_KEY`. No account is needed for `demo` and
`sandbox`.

Exit codes; where several hold, the first of 130, 4, 5, 6, 7 and 3 counts:

{_CODES}
"""


def run(tokens: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    Args:
        tokens: The arguments, without the program's name.
    """
    app = cyclopts.App(PROGRAM, help=_HELP, version=__version__, suppress_keyboard_interrupt=False)
    for command in (demo, send, send_many, check, sandbox):
        app.command(command)
    journal = cyclopts.App("journal", help="What the journal of a send-many run holds, and how to go on with it.")
    for part in (status, export, retry):
        journal.command(part)
    app.command(journal)
    queue = cyclopts.App("queue", help="What a queue in RabbitMQ (SENDPULSE_QUEUE_URL) holds, and its dead letters.")
    for command in (_queues.status, _queues.dead_letters, _queues.replay):
        queue.command(command)
    app.command(queue)
    try:
        with invocation(tokens):
            return _run(app, tokens)
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED


def _run(app: cyclopts.App, tokens: Sequence[str]) -> int:
    try:
        return app(tokens, exit_on_error=False, result_action="return_value") or ExitCode.ACCEPTED
    except cyclopts.CycloptsError:  # it printed what is wrong
        return ExitCode.USAGE
    except (ConfigurationError, InvalidEventError, JournalError) as error:
        complain(error)
        return ExitCode.USAGE
    except InputError as error:
        complain(error)
        return ExitCode.UNREADABLE
