"""Lets a bulk run use any sender: one of the library's own as it is, another through the same verbs."""

from __future__ import annotations

import math
from typing import Any

from .._errors import DeliveryError, InvalidEventError, OutcomeStatus, UnknownDeliveryError
from .._outcomes import Outcome
from .._senders import AuthorizedEventSender, EventSender, Job, RawEventSender, Sender

_OWN_VERBS = (RawEventSender.send_event, AuthorizedEventSender.send_event)


class ForeignSender:
    """A sender of the caller's own, with the verbs of `Sender`; of how far it gets only its errors tell."""

    quota = None
    deadline = math.inf
    is_heard = False

    def __init__(self, sender: EventSender) -> None:
        self._sender = sender

    def check(self, job: Job) -> None:
        """Leave it to the sender to read what it is given."""

    async def deliver(self, job: Job) -> Outcome:
        """Bring one event to its outcome, as `Sender.deliver` does."""
        try:
            return Outcome(job.index, job.given, OutcomeStatus.ACCEPTED, await self._sender.send_event(job.given))
        except InvalidEventError as error:
            return Outcome(job.index, job.given, OutcomeStatus.REJECTED, error=error.with_traceback(None))
        except DeliveryError as error:
            return Outcome(job.index, job.given, error.status, error=error.with_traceback(None))
        except BaseException as fault:
            doubt = UnknownDeliveryError(f"a sender of your own had the event when {type(fault).__name__} was raised")
            job.outcome = Outcome(job.index, job.given, doubt.status, error=doubt)
            raise

    async def tell(self, *_: object) -> None:
        """Tell nobody: it has told whom it wanted."""


def carrier_of(sender: Any) -> Sender | ForeignSender:
    """Return what a run works with; a subclass whose `send_event` is its own is as foreign as any other."""
    if isinstance(sender, ForeignSender):
        return sender
    if isinstance(sender, RawEventSender | AuthorizedEventSender) and type(sender).send_event in _OWN_VERBS:
        return sender
    return ForeignSender(sender)
