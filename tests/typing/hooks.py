"""Read by type checkers alone: hooks as users write them."""

from __future__ import annotations

from typing import assert_type

from sendpulse_async import (
    Attempt,
    BulkRun,
    Hooks,
    Outcome,
    OutcomeStatus,
    Pause,
    RawEventSender,
    Report,
    SenderStats,
    Sending,
    TokenRequest,
)
from sendpulse_async.integrations.opentelemetry import Telemetry


class Everything(Hooks):
    def on_start(self, sending: Sending) -> None:
        assert_type(sending.run, BulkRun | None)

    def on_attempt(self, attempt: Attempt, sending: Sending) -> None:
        assert_type(attempt.status, OutcomeStatus)
        assert_type(sending.event_name, str | None)

    def on_outcome(self, outcome: Outcome, sending: Sending) -> None: ...

    def on_pause(self, pause: Pause) -> None:
        assert_type(pause.seconds, float)

    def on_token(self, request: TokenRequest) -> None: ...

    def on_run(self, run: BulkRun) -> None: ...

    def on_report(self, report: Report, run: BulkRun) -> None: ...


class Misspelt(Hooks):
    def on_attempt(self, attempt: Pause, sending: Sending) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


sender = RawEventSender.from_env(hooks=[Everything(), Telemetry()])
assert_type(sender.stats(), SenderStats)
RawEventSender.from_env(hooks=Everything())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
