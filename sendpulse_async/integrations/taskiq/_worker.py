"""What a worker does with a message: it asks the log, sends, tells the log, and only then lets go of the message."""

from __future__ import annotations

import asyncio
import itertools
from typing import Protocol

import attrs

from ..._errors import (
    DeliveryError,
    InvalidEventError,
    JournalError,
    NotSentError,
    OutcomeStatus,
    RejectedError,
    UnknownDeliveryError,
)
from ..._journal import ClaimedError, DeliveryLog, identify_message
from ..._logging import facts, logger
from ..._outcomes import Outcome
from ..._senders import ForeignSender, Job, Sender, still_unknown
from ..._telling import briefly
from ._claim import Claim, World
from ._messages import Queued, UnreadableError
from ._options import Options
from ._verdicts import LOST, UNREADABLE, Breaker, Dead, Later, Rules, Verdict

LONGEST = 300.0
"""Seconds that an event may take where its sender names no deadline."""
BRAKE = 1.0
"""Seconds for which a message that was not sent keeps its place in a worker, lest the queue spins in an outage."""


class Exits(Protocol):
    """Where an event may go; see `Line`."""

    async def delay(self, queued: Queued, seconds: float) -> None:
        """Let it come again after some seconds."""
        ...

    async def bury(self, queued: Queued, dead: Dead, at: float) -> None:
        """Make it a dead letter."""
        ...


class Delivery(Protocol):
    """A message in a worker's hands: if the connection breaks, RabbitMQ gives it to another one."""

    queued: Queued

    async def ack(self) -> None:
        """Let go of it: what is to follow is safe."""
        ...

    async def put_back(self) -> None:
        """Let RabbitMQ give it to anybody again."""
        ...


@attrs.define(eq=False)
class Worker:
    """Brings messages to their ends, in one worker process.

    Args:
        carrier: Sends one event.
        log: Knows what any worker sent.
        exits: Where an event goes that is not accepted.
        options: The queue's.
        world: What lies outside.
    """

    carrier: Sender | ForeignSender
    log: DeliveryLog
    exits: Exits
    options: Options
    world: World = attrs.field(factory=World)
    _seconds: float = attrs.field(init=False)
    _rules: Rules = attrs.field(init=False)
    _breaker: Breaker = attrs.field(init=False)
    _is_in_trouble: bool = attrs.field(default=False, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count, init=False)

    def __attrs_post_init__(self) -> None:
        self._seconds = min(self.carrier.deadline, LONGEST)
        self._rules = Rules(self.options.retry_delay, self._seconds + self.options.grace)
        self._breaker = Breaker(self._seconds, self.world.clock)

    async def work(self, delivery: Delivery) -> None:
        """Bring a message to its end, or let it come back; nothing is raised but a cancellation."""
        try:
            await self._obey(await self._judge(delivery.queued), delivery)
        except Exception as fault:  # noqa: BLE001 - whatever fails, the message must not be lost, nor a payload be logged
            about = facts(queue=self.options.name, error=fault)
            text = "an event of the queue %r is put back: %s"
            logger.error(text, self.options.name, type(fault).__name__, extra=about)
            await self.world.sleep(BRAKE)
            await delivery.put_back()

    async def _obey(self, verdict: Verdict, delivery: Delivery) -> None:
        """Put a message where it goes, and only then let go of it: a crash between the two leaves a copy, not a gap."""
        if isinstance(verdict, Later):
            await self.world.sleep(BRAKE)
            await self.exits.delay(delivery.queued, verdict.delay)
        elif isinstance(verdict, Dead):
            await self.exits.bury(delivery.queued, verdict, self.world.wall_clock())
            about = facts(queue=self.options.name, status=verdict.status)
            text = "an event of the queue %r is a dead letter: %s"
            logger.warning(text, self.options.name, verdict.status.value, extra=about)
        await delivery.ack()

    async def _judge(self, queued: Queued) -> Verdict:
        try:
            event = queued.event()
        except UnreadableError:
            return Dead(OutcomeStatus.REJECTED, UNREADABLE)
        job = Job(next(self._numbers), event, deadline=self._seconds)
        job.event = event  # it was checked before it was put
        try:
            address = self.carrier.address(job)
        except InvalidEventError as error:
            refused = Outcome(job.index, job.given, OutcomeStatus.REJECTED, error=error)
            return await self._told(_doubted(queued, refused))
        try:
            return await self._looked_up(queued, job, address)
        except JournalError as error:
            self._warn(OutcomeStatus.NOT_SENT, error)
            return Later(self.options.retry_delay)

    async def _looked_up(self, queued: Queued, job: Job, address: str) -> Verdict:
        assert queued.key is not None  # noqa: S101 - it could be read
        identity = identify_message(queued.key, queued.generation, address)
        async with self.log.run() as run:
            entry = await run.find(identity)
            verdict = self._rules.of_entry(entry, self.world.wall_clock())
            if isinstance(verdict, Dead) and verdict.reason == LOST:
                return await self._told(_failed(job, UnknownDeliveryError(LOST)))
            if verdict is not None:
                return verdict
            if not self._breaker.lets_pass():
                return Later(self.options.retry_delay)
            outcome = await self._sent(queued, job, Claim(run, identity, entry, self.world.sleep))
        self._breaker.note(OutcomeStatus.NOT_SENT if outcome is None else outcome.status)
        return Later(self.options.retry_delay) if outcome is None else await self._told(outcome)

    async def _sent(self, queued: Queued, job: Job, claim: Claim) -> Outcome | None:
        """Return what came of an event, once it is in the log; None: another worker has it."""
        job.before_first_byte = claim.write
        try:
            async with asyncio.timeout(job.deadline + 1):  # a sender of the caller's own need not know the deadline
                outcome = await self.carrier.deliver(job)
        except ClaimedError:
            return None
        except asyncio.CancelledError:
            if job.outcome is not None:
                await briefly(claim.settle(_doubted(queued, job.outcome)))
            raise
        except Exception as fault:  # noqa: BLE001 - the log is out of reach, or a sender of the caller's own at fault
            outcome = job.outcome or _failed(job, NotSentError(f"not sent: {type(fault).__name__} was raised"))
            self._warn(outcome.status, fault)
        outcome = _doubted(queued, outcome)
        await claim.settle(outcome)
        return outcome

    async def _told(self, outcome: Outcome) -> Verdict:
        """Tell an outcome, if it is final, and return what follows from it."""
        if outcome.status is OutcomeStatus.NOT_SENT:
            self._warn(outcome.status, outcome.error)
        else:
            self._is_in_trouble &= outcome.status is OutcomeStatus.UNKNOWN
            await self.carrier.tell(outcome)
        return self._rules.of_outcome(outcome)

    def _warn(self, status: OutcomeStatus, error: Exception | None) -> None:
        """Say once when trouble begins."""
        if not self._is_in_trouble:
            self._is_in_trouble = True
            about = facts(queue=self.options.name, status=status, error=error)
            text = "the queue %r is in trouble: an event ended %s, %s"
            logger.warning(text, self.options.name, status.value, type(error).__name__, extra=about)


def _failed(job: Job, error: DeliveryError) -> Outcome:
    return Outcome(job.index, job.given, error.status, error=error)


def _doubted(queued: Queued, outcome: Outcome) -> Outcome:
    """Return what a refusal means for an event that may have been taken before it was replayed."""
    error = outcome.error
    if queued.was_unknown and isinstance(error, RejectedError | InvalidEventError):
        doubt = still_unknown(error)
        return attrs.evolve(outcome, status=doubt.status, error=doubt)
    return outcome
