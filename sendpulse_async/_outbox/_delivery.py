"""One worker that brings the line of a shelf to its outcomes, from the shelf's opening to its end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import anyio
import attrs

from .._errors import OutcomeStatus, SendPulseError, UnknownDeliveryError
from .._logging import facts, logger
from .._outcomes import Outcome
from .._records import event_of
from .._senders import ForeignSender, Job, Sender
from .._telling import OnOutcome, briefly, tell, to_its_end
from ._shelf import Shelf
from ._turns import Turns, is_final
from ._values import Burial, Entry, Grave

MAX_REASON = 500
"""Characters of an error's text that are kept: a sender of the caller's own may say anything."""


@attrs.frozen
class World:
    """What lies outside: the monotonic clock and the wall's, in seconds, a sleep, and a random number from 0 to 1."""

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    jitter: Callable[[], float] = random.random


@attrs.define(eq=False)
class Turn:
    """One event's turn.

    Attributes:
        is_probe: See `Turns`.
        is_intended: The shelf was asked to note it.
        goes_to_end: It stays pending, but not at its place.
    """

    entry: Entry
    is_probe: bool
    is_intended: bool = False
    goes_to_end: bool = False


@attrs.define(eq=False)
class Delivery:
    """Brings one event after the other to its outcome; `pending` and `on_settled` tie it to who puts them.

    Args:
        shelf: Opened.
        sender: Sends one event.
        on_outcome: Told each final outcome.
        on_settled: Called when an event has left the line.
        world: What lies outside.

    Attributes:
        pending: Events in the line.
        delivered: Events that were accepted.
        dead: Events that became dead letters.
        is_ended: No further event is begun.
    """

    shelf: Shelf
    sender: Sender | ForeignSender
    on_outcome: OnOutcome | None
    on_settled: Callable[[], None]
    world: World
    pending: int = attrs.field(default=0, init=False)
    delivered: int = attrs.field(default=0, init=False)
    dead: int = attrs.field(default=0, init=False)
    is_ended: bool = attrs.field(default=False, init=False)
    _turns: Turns = attrs.field(init=False)
    _rests_until: float = attrs.field(default=0.0, init=False)
    _untold: list[Outcome] = attrs.field(factory=list[Outcome], init=False)
    _unsettled: tuple[Turn, Outcome | None] | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = Turns(self.world.jitter)

    @property
    def has_work(self) -> bool:
        """Whether `work` would do anything."""
        return bool(self.pending or self._untold or self._unsettled) and not self.is_ended

    async def begin(self) -> None:
        """Give up what an earlier process left under way, and count what it left in the line."""
        lost = Grave(OutcomeStatus.UNKNOWN, "the process ended while it was being sent", self.world.wall_clock())
        buried = await self.shelf.recover(lost)
        self._untold = [_outcome_of(burial) for burial in buried]
        self.dead = len(buried)
        self.pending = (await self.shelf.stats()).pending

    async def work(self) -> None:
        """Work until the line is empty, or `is_ended`.

        Raises:
            JournalError: The shelf failed. What was settled meanwhile is settled when `work` is called again.
            Exception: A fault of the code.
        """
        if self._unsettled is not None:
            await to_its_end(self._settle())
        while self._untold:
            await to_its_end(self._tell(self._untold.pop(0)))
        while self.pending and not self.is_ended:
            if (seconds := self._rests_until - self.world.clock()) > 0:
                await self.world.sleep(seconds)
            await self._bring(await self._next_turn())

    async def _next_turn(self) -> Turn:
        head = await self.shelf.first()
        assert head is not None  # noqa: S101 - something is pending
        if self._turns.is_probe_due:
            other = await self.shelf.first(max(self._turns.probe_after, head.place))
            if (other := other or await self.shelf.first(head.place)) is not None:
                return Turn(other, is_probe=True)
        return Turn(head, is_probe=False)

    async def _bring(self, turn: Turn) -> None:
        """Bring an event to its outcome, and that on the shelf, whoever cancels."""
        job = self._job(turn)
        try:
            if (quota := self.sender.quota) is not None:
                if not quota.is_open:
                    await quota.wait()
                job.place_at = quota.now()
            outcome = await self.sender.deliver(job)
        except asyncio.CancelledError:
            # Without an outcome the sender never had it: it was waiting for the quota, or for its intent to be noted.
            self._unsettled = turn, job.outcome
            await briefly(self._settle())
            raise
        except Exception:
            self._unsettled = turn, job.outcome
            await to_its_end(self._settle())
            raise
        except BaseException:  # a signal's: the event loop stops, and nothing can be awaited
            self._unsettled = turn, job.outcome or _doubt(job, turn)
            raise
        self._judge(turn, outcome)
        self._unsettled = turn, outcome
        await to_its_end(self._settle())

    def _job(self, turn: Turn) -> Job:
        async def intend() -> None:
            if not turn.is_intended:
                turn.is_intended = True
                await self.shelf.intend(turn.entry.number)

        event = event_of(turn.entry.record)
        job = Job(turn.entry.number, event, deadline=self.sender.deadline, before_first_byte=intend)
        job.event = event  # it was checked before it was stored
        return job

    def _judge(self, turn: Turn, outcome: Outcome) -> None:
        """Decide what comes next, and say once when trouble begins."""
        failures = self._turns.failures
        if is_final(outcome):
            self._turns.note_final(turn.entry, outcome.status, is_probe=turn.is_probe)
        else:
            turn.goes_to_end = self._turns.note_failure(turn.entry, outcome.error, is_probe=turn.is_probe)
        if is_final(outcome) and outcome.status is not OutcomeStatus.UNKNOWN:
            self._rests_until = 0.0
            return
        self._rests_until = self.world.clock() + self._turns.rest(outcome.error)
        if not failures:
            how = outcome.status.value, type(outcome.error).__name__
            about = facts(outbox=self.shelf.name, status=outcome.status, error=outcome.error)
            text = "an outbox (%s) is in trouble and slows down: an event ended %s, %s"
            logger.warning(text, self.shelf.name, *how, extra=about)

    async def _settle(self) -> None:
        """Put what came of the latest turn on the shelf, then tell it."""
        assert self._unsettled is not None  # noqa: S101 - it was set just before
        turn, outcome = self._unsettled
        if outcome is None or not is_final(outcome):
            if turn.is_intended or turn.goes_to_end:
                await self.shelf.put_back(turn.entry.number, to_end=turn.goes_to_end)
            self._unsettled = None
            return
        if outcome.status is OutcomeStatus.ACCEPTED:
            await self.shelf.accept(turn.entry.number)
            self.delivered += 1
        else:
            await self.shelf.bury(turn.entry.number, _grave_of(outcome, self.world.wall_clock()))
            self.dead += 1
        self._unsettled = None
        self.pending -= 1
        self.on_settled()
        await self._tell(outcome)

    async def _tell(self, outcome: Outcome) -> None:
        """Tell the sender's `on_outcome` and the outbox's; what these raise must not harm the delivery of others."""
        await self.sender.tell(outcome)
        try:
            await tell(self.on_outcome, outcome)
        except Exception as error:  # noqa: BLE001 - see above
            logger.error("on_outcome raised %s; the outcome stands", type(error).__name__, extra=facts(error=error))


def _grave_of(outcome: Outcome, at: float) -> Grave:
    reason = str(outcome.error).encode(errors="replace").decode()[:MAX_REASON]
    return Grave(outcome.status, reason, at)


def _doubt(job: Job, turn: Turn) -> Outcome | None:
    if not turn.is_intended:
        return None
    error = UnknownDeliveryError("the program was interrupted while it was being sent")
    return Outcome(job.index, job.given, error.status, error=error)


def _outcome_of(burial: Burial) -> Outcome:
    error: SendPulseError = UnknownDeliveryError(burial.grave.reason)
    return Outcome(burial.number, event_of(burial.record), burial.grave.status, error=error)
