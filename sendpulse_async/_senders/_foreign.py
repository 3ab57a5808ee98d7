"""Lets bulk runs and outboxes use any sender: one of the library's own as it is, another through the same verbs."""

from __future__ import annotations

import math
from typing import Any

from .._errors import ConfigurationError, DeliveryError, InvalidEventError, OutcomeStatus, UnknownDeliveryError
from .._hooks import Audience
from .._outcomes import Outcome
from ..typed._declaration import declaration_of
from ._job import Job, read_event, still_unknown
from ._sender import EventSender, Sender


class ForeignSender:
    """A sender of the caller's own, with the verbs of `Sender`; of how far it gets only its errors tell."""

    quota = None
    deadline: float = math.inf
    is_heard = False

    def __init__(self, sender: EventSender) -> None:
        self._sender = sender
        self.audience: Audience = Audience()

    def check(self, job: Job) -> None:
        """Leave it to the sender to read what it is given."""

    def address(self, job: Job) -> str:  # noqa: ARG002 - the verb's signature
        """Return what stands for where its events go: of that only the sender itself knows more."""
        kind = type(self._sender)
        return f"{kind.__module__}.{kind.__qualname__}"

    async def deliver(self, job: Job) -> Outcome:
        """Bring one event to its outcome, as `Sender.deliver` does."""
        try:
            # A class of the caller's own is read here, for a sender may know of none.
            given = job.given if declaration_of(job.given) is None else job.event or read_event(job.given)
        except InvalidEventError as error:
            return _failed(job, error.with_traceback(None))
        if job.before_first_byte is not None:
            await job.before_first_byte()
        try:
            return Outcome(job.index, job.given, OutcomeStatus.ACCEPTED, await self._sender.send_event(given))
        except (DeliveryError, InvalidEventError) as error:
            return _failed(job, error.with_traceback(None))
        except BaseException as fault:
            doubt = UnknownDeliveryError(f"a sender of your own had the event when {type(fault).__name__} was raised")
            job.outcome = Outcome(job.index, job.given, doubt.status, error=doubt)
            raise

    carry = deliver

    def note(self, job: Job, outcome: Outcome) -> None:
        """Count nothing: that is the sender's own affair."""

    async def tell(self, *_: object) -> None:
        """Tell nobody: it has told whom it wanted."""


def _failed(job: Job, error: DeliveryError | InvalidEventError) -> Outcome:
    if job.was_unknown and not isinstance(error, UnknownDeliveryError):
        error = still_unknown(error)
    status = error.status if isinstance(error, DeliveryError) else OutcomeStatus.REJECTED
    return Outcome(job.index, job.given, status, error=error)


def carrier_of(sender: Any) -> Sender | ForeignSender:
    """Return what a run works with; a subclass whose `send_event` is its own is as foreign as any other.

    Raises:
        ConfigurationError: It is no sender.
    """
    if isinstance(sender, type) or not isinstance(sender, EventSender | ForeignSender):
        raise ConfigurationError("sender must have send_event")
    if isinstance(sender, ForeignSender):
        return sender
    if isinstance(sender, Sender) and sender.is_own():
        return sender
    return ForeignSender(sender)
