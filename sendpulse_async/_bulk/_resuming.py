"""What a run does with its journal: asks it before an event, tells it before the first byte and after the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from .._errors import FailureScope, InvalidEventError, JournalError, OutcomeStatus, UnknownDeliveryError
from .._journal import (
    Entry,
    EntryState,
    Identity,
    Intent,
    OtherEventError,
    RepeatedEventError,
    RunLog,
    identify,
    identify_invalid,
)
from .._outcomes import Outcome
from .._senders import ForeignSender, Job, Sender, read_event
from .._telling import to_its_end


@attrs.define(eq=False)
class Resuming:
    """The journal, or shared log, of one run.

    Args:
        journal: In this run's hands.
        sender: Says where an event goes.
        resend_unknown: Send again what earlier runs may have had taken.
        on_settled: Told of each event that earlier runs settled, by its number: it has no outcome again.
    """

    journal: RunLog
    sender: Sender | ForeignSender
    resend_unknown: bool
    on_settled: Callable[[int, Entry], None] | None = None
    _intents: dict[int, Intent] = attrs.field(factory=dict[int, Intent], init=False)

    async def admit(self, job: Job, refused: Outcome | None) -> Outcome | None:
        """Look up what earlier runs did with an event; return its outcome where it is not to be sent.

        Notes in `job` whether it is settled, whether there is doubt (there is, until the journal has spoken), and what
        is told should it be cancelled now. A cancellation waits for the journal's word, lest it is told as another. Of
        two events with one id, that of the first call is the first one.

        Args:
            job: Pulled from the input.
            refused: Its outcome, if it is no event.

        Raises:
            JournalError: The journal cannot be read, or knows another event at this position.
        """
        identity, refused = self._identity(job, refused)
        if self.journal.is_new(identity):
            return self._decided(job, identity, None, refused)
        asked = self.journal.find(identity)  # before anything is awaited, so that the order is that of the input
        return await to_its_end(self._asked(job, identity, asked, refused))

    async def _asked(
        self, job: Job, identity: Identity, asked: Awaitable[Entry | None], refused: Outcome | None
    ) -> Outcome | None:
        try:
            return self._decided(job, identity, await asked, refused)
        except OtherEventError as other:
            job.was_unknown = False
            raise JournalError(str(other)) from None
        except RepeatedEventError as other:
            job.was_unknown = False
            self._intents[job.index] = Intent(self.journal, identity.repeated)
            repeated = other.outcome_error()
            job.outcome = Outcome(job.index, job.given, repeated.status, error=repeated)
            return job.outcome

    def _decided(self, job: Job, identity: Identity, entry: Entry | None, refused: Outcome | None) -> Outcome | None:
        """Note in a job what an earlier run's entry means for it, and return its outcome where that is known."""
        job.was_unknown = entry is not None and entry.state.is_doubtful
        job.is_settled = entry is not None and entry.state.is_settled
        if entry is not None and job.is_settled:
            if self.on_settled is not None:
                self.on_settled(job.index, entry)
            return None
        if entry is not None and job.was_unknown and not self.resend_unknown:
            return self._doubt(job, identity, entry)
        intent = self._intents[job.index] = Intent(self.journal, identity, entry)
        job.before_first_byte = intent.write
        job.outcome = refused
        return refused

    async def settle(self, outcome: Outcome) -> None:
        """Put an outcome on disk, unless it stands there already.

        Raises:
            JournalError: The disk fails.
        """
        if (intent := self._intents.pop(outcome.index, None)) is not None:
            await intent.settle(outcome)

    async def put_back(self, outcome: Outcome) -> None:
        """Note that an event waits for the end of a pause: a crash meanwhile must not leave doubt.

        Raises:
            JournalError: The disk fails.
        """
        await self._intents[outcome.index].take_back(outcome)

    def _identity(self, job: Job, refused: Outcome | None) -> tuple[Identity, Outcome | None]:
        error = None if refused is None else refused.error
        if not isinstance(error, InvalidEventError):
            try:
                job.event = job.event or read_event(job.given)
                return identify(job.event, job.index, self.sender.address(job)), None
            except InvalidEventError as invalid:
                error = invalid
            except (TypeError, ValueError, RecursionError) as fault:
                error = InvalidEventError([f"event: was changed after it was checked ({type(fault).__name__})"])
            refused = Outcome(job.index, job.given, OutcomeStatus.REJECTED, error=error)
        return identify_invalid(error, job.index), refused

    def _doubt(self, job: Job, identity: Identity, entry: Entry) -> Outcome:
        """Report what an earlier run left unknown: it is not this run's failure, and says nothing of the service."""
        job.is_old = True
        if entry.state is EntryState.INTENT:
            self._intents[job.index] = Intent(self.journal, identity)
            text = "an earlier run ended when the event may have left, and before an answer came"
        else:
            text = f"in an earlier run: {entry.reason}"
        error = UnknownDeliveryError(text, scope=FailureScope.EVENT, status_code=entry.status_code)
        error.attempts = entry.attempts
        return Outcome(job.index, job.given, error.status, error=error)
