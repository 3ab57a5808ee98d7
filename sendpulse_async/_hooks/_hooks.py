"""What a program overrides to hear what its senders do."""

from __future__ import annotations

from .._outcomes import Outcome, Report
from ._values import Attempt, BulkRun, Pause, Sending, TokenRequest


class Hooks:
    """Hears what a sender does, by the methods that a subclass overrides; the others do nothing.

    They are called in the middle of the work, in its event loop: they must not block, and cannot await. One that raises
    changes nothing; the log has a line of it.
    """

    def on_start(self, sending: Sending) -> None:
        """Hear that an event sets out. `on_outcome` follows for each."""

    def on_attempt(self, attempt: Attempt, sending: Sending) -> None:
        """Hear what came of one request for an event, also of one that a deadline or a cancellation broke off."""

    def on_outcome(self, outcome: Outcome, sending: Sending) -> None:
        """Hear what came of an event: once for each, before the sender's own `on_outcome=` does.

        What an `Outbox` or a worker of a queue tries again is another event here each time. What an earlier run left
        unknown, and this one did not send, is none.
        """

    def on_pause(self, pause: Pause) -> None:
        """Hear that a request of this sender met the end of the quota, and for how long nobody begins another one."""

    def on_token(self, request: TokenRequest) -> None:
        """Hear what came of a request for a token."""

    def on_run(self, run: BulkRun) -> None:
        """Hear that a bulk run of this sender begins. `on_report` follows for each."""

    def on_report(self, report: Report, run: BulkRun) -> None:
        """Hear what came of a bulk run, also of one that was cancelled, or ended by an error of its input."""
