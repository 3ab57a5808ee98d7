"""What both senders do: bring one event to its outcome, whatever happens on the way."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import anyio

from .._errors import DeliveryError, FailureScope, InvalidEventError, NotSentError, OutcomeStatus
from .._events import Event
from .._hooks import Audience, Sending
from .._http import Progress, Request, Target
from .._logging import facts, logger
from .._loops import forget_unused_limits, within
from .._outcomes import Outcome, Receipt
from .._quota import GatedTransport, Quota
from .._retrying import RetryingSender
from .._telling import tell, tell_interrupted
from .._wire import Answer, Way
from ..typed import EventLike
from ._job import Job, progress_of, read_event
from ._settings import Settings, check_deadline
from ._stats import Counts, SenderStats
from ._verdicts import Result, outcome_of, verdict


@runtime_checkable
class EventSender(Protocol):
    """What sends one event; both senders are one, and so is anything with this verb."""

    async def send_event(self, event: EventLike) -> Receipt:
        """Send one event.

        Raises:
            InvalidEventError: It cannot be sent as it is.
            DeliveryError: It was not accepted.
        """
        ...


class Door(Protocol):
    """Turns an event into a request."""

    def request(self, event: Event, way: Way) -> Request:
        """Return the request for `event`."""
        ...

    def address(self, event: Event, event_name: str | None) -> str:
        """Return the URL that `event` goes to; a raw event's is a secret."""
        ...

    def name(self, event: Event | None, event_name: str | None) -> str | None:
        """Return the name that `event` goes by, if it has one."""
        ...


class Layer(Protocol):
    """The uppermost layer of a sender's pile."""

    async def send(self, request: Request) -> Answer:
        """Return the answer that accepted the request, or raise a `DeliveryError`."""
        ...


OwnVerb: TypeAlias = Callable[..., Any] | None


class Sender:
    """The part that the public senders share.

    Attributes:
        own_verb: The `send_event` that a class of this library has, to be told from one of a subclass, or of a mock.
        quota: What its requests wait for.
        audience: Hears what it does.
    """

    own_verb: ClassVar[OwnVerb] = None

    def __init__(self, settings: Settings, door: Door, target: Target) -> None:
        self._settings = settings
        self._door = door
        self._target = target
        self._transport = settings.opened_transport()
        self.quota: Quota = settings.quota(target.host)
        self.audience: Audience = Audience(settings.hooks)
        self._counts = Counts()
        gated = GatedTransport(self._transport, self.quota, on_pause=self.audience.pause)
        self._retrying = RetryingSender(gated, settings.retry, next_place=self.quota.next_place)
        self._pile: Layer = self._retrying
        self._numbers = itertools.count()
        self._is_used = False
        self._is_closed = False

    @property
    def deadline(self) -> float:
        """Seconds for one event, where the call names none."""
        return self._settings.deadline

    @classmethod
    def is_own(cls) -> bool:
        """Tell whether `send_event` does no more than `deliver` and `tell`."""
        return cls.own_verb is not None and getattr(cls, "send_event", None) is cls.own_verb

    def check(self, job: Job) -> Outcome | None:
        """Read the event that was given; return its outcome where it is none."""
        try:
            job.event = read_event(job.given)
        except InvalidEventError as error:
            return Outcome(job.index, job.given, OutcomeStatus.REJECTED, error=error)
        return None

    def address(self, job: Job) -> str:
        """Return the URL that a checked event goes to; a raw event's is a secret.

        Raises:
            InvalidEventError: It goes nowhere: its name is missing, or cannot be one.
        """
        assert job.event is not None  # noqa: S101 - see above
        return self._door.address(job.event, job.event_name)

    async def deliver(self, job: Job) -> Outcome:
        """Bring one event to its outcome, and count it; nothing but cancellation and a fault of the code is raised."""
        try:
            return await self.carry(job)
        finally:
            if job.outcome is not None:
                self.note(job, job.outcome)

    async def carry(self, job: Job) -> Outcome:
        """Do the same for one that may be put back; when it is not, `note` has to follow."""
        if job.event is None and (refused := self.check(job)) is not None:
            job.outcome = refused
            return refused
        self._is_used = True
        self._offer(job)
        progress, began = progress_of(job), time.monotonic()
        result: Result
        try:
            answer = await within(job.deadline, self._pile.send(self._request(job, progress, began)))
            result = answer or _broken_off(progress, f"the deadline of {job.deadline:g} s passed")
        except (DeliveryError, InvalidEventError) as error:
            result = error
        except anyio.get_cancelled_exc_class():
            _settle(job, progress, began, _broken_off(progress, "the call was cancelled"))
            raise
        except Exception as error:
            _settle(job, progress, began, _broken_off(progress, f"{type(error).__name__} was raised"))
            raise
        return _settle(job, progress, began, result)

    def note(self, job: Job, outcome: Outcome) -> None:
        """Count what finally came of an event, and tell the hooks; it may never have set out."""
        self._offer(job)
        self._counts.settle(outcome.status)
        if job.watch is not None:
            job.watch.end(outcome)

    def stats(self) -> SenderStats:
        """Return what this sender was given so far, and what came of it."""
        return self._counts.stats()

    @property
    def is_heard(self) -> bool:
        """Whether there is anybody to tell."""
        return self._settings.on_outcome is not None

    async def tell(self, outcome: Outcome, call: Callable[..., Awaitable[None]] = tell) -> None:
        """Tell the sender's `on_outcome`; its own fault must not make an accepted event look failed."""
        try:
            await call(self._settings.on_outcome, outcome)
        except Exception as error:  # noqa: BLE001 - see above
            logger.error("on_outcome raised %s; the outcome stands", type(error).__name__, extra=facts(error=error))

    async def aclose(self) -> None:
        """Close what this sender opened; a transport that was given to it stays open."""
        self._is_closed = True
        forget_unused_limits()
        if self._settings.transport is None:
            await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if getattr(self, "_is_used", False) and not self._is_closed:
            warnings.warn(f"unclosed {self!r}; use async with or await aclose()", ResourceWarning, 1, self)

    async def _one(self, event: EventLike, event_name: str | None, deadline: float | None) -> Receipt:
        seconds = self.deadline if deadline is None else check_deadline(deadline)
        job = Job(next(self._numbers), event, event_name, seconds)
        try:
            outcome = await self.deliver(job)
        except BaseException:
            if job.outcome is not None:
                await self.tell(job.outcome, tell_interrupted)
            raise
        if self.is_heard:
            await self.tell(outcome)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.receipt is not None  # noqa: S101 - an outcome has one or the other
        return outcome.receipt

    def _offer(self, job: Job) -> None:
        """Count an event, once, and tell that it sets out."""
        if job.is_offered:
            return
        job.is_offered = True
        self._counts.offered += 1
        job.watch = self.audience.start(partial(self._sending, job))

    def _sending(self, job: Job) -> Sending:
        target, name = self._target, self._door.name(job.event, job.event_name)
        return Sending(job.index, name, target.scheme, target.host, target.port, job.run)

    def _request(self, job: Job, progress: Progress, began: float) -> Request:
        if self._is_closed:
            raise NotSentError("not sent: the sender is closed", scope=FailureScope.ACCOUNT)
        assert job.event is not None  # noqa: S101 - it was checked before it came here
        way = Way(job.event_name, began + job.deadline, progress, job.before_first_byte)
        try:
            return self._door.request(job.event, way)
        except InvalidEventError:
            raise
        except (TypeError, ValueError, RecursionError) as error:
            problem = f"event: was changed after it was checked, and cannot be sent ({type(error).__name__})"
            raise InvalidEventError([problem]) from None


def _broken_off(progress: Progress, why: str) -> Answer | DeliveryError:
    """Say what an exchange that was broken off means, and tell of the attempt that was under way."""
    result = verdict(progress, why)
    progress.end_attempt(time.monotonic(), result.status_code, None if isinstance(result, Answer) else result)
    return result


def _settle(job: Job, progress: Progress, began: float, result: Result) -> Outcome:
    job.outcome = outcome_of(job, progress, time.monotonic() - began, result)
    return job.outcome
