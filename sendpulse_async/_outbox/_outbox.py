"""The outbox as its users hold it."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import Self

from .._errors import JournalError
from .._loops import PerLoop
from .._records import record_of
from .._senders import EventSender, Job, carrier_of, read_event
from .._telling import OnOutcome
from ..typed import EventLike
from ._checks import Options, check_asyncio, check_drain, check_whole
from ._file import FileShelf
from ._memory import MemoryShelf
from ._session import Session
from ._shelf import Shelf
from ._values import DeadLetter, Drained, OutboxStats, letter_of


class Outbox:
    """Keeps events on disk until SendPulse has them: `put` returns when an event is safe, a worker delivers it.

    The file outlives the process: whatever ends it, no event that was put is lost, and none is sent again that may
    have been taken. The worker notes on disk that an event is about to leave just before its first byte does. Whoever
    is killed between that and the answer finds it as a dead letter of status UNKNOWN: at most one each time.

    One event after the other is delivered, in the order in which they were put, within the sender's limits:

    - Accepted: it is deleted.
    - Rejected as it is, or UNKNOWN: it becomes a dead letter, and the next one follows.
    - NOT_SENT, or refused for a reason of the account (402, 403): it stays first in line and is tried again after a
      random time below 1 s, doubling to 60 s, or after what SendPulse asks for where that is longer. UNKNOWN slows
      down what follows likewise, so that an outage spoils few events. The log has one warning when trouble begins.
    - NOT_SENT five times in a row, and not for a reason of the account or its quota: further tries alternate with
      tries of other events, one each. When one of these gets through and the event fails once more, it goes to the end
      of the line. So an event in trouble holds nobody up for ever, and an outage leaves the order as it is.

    The file holds pending events and dead letters in plain text, for its owner's eyes only (mode 0600). What is
    accepted is deleted and overwritten; its text may remain in SQLite's `-wal` file beside it until that is written
    over, and goes with that file when the outbox is closed. What a disk does with overwritten sectors nobody knows.

    It works in one asyncio event loop at a time, and one process has the file. A sender of your own is told its events
    as `Event`, under the name that `put` was given. An outbox starts nothing before its first use.

    Args:
        path: The file; made where there is none.
        sender: Sends one event; it stays open when the outbox is closed, and must outlive it.
        max_pending: While so many events are pending `put` waits; None: it never does.
        on_outcome: Called with the `Outcome` of an event that was accepted or became a dead letter, once that is on
            disk, after the sender's own `on_outcome`; sync or async. Its `index` is the number that `put` returned.
            The next event waits for it; one that itself puts may wait for ever where `max_pending` is given.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sender: EventSender,
        *,
        max_pending: int | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        self._prepare(FileShelf(path), sender, Options(max_pending, on_outcome))

    @classmethod
    def in_memory(
        cls, sender: EventSender, *, max_pending: int | None = 1000, on_outcome: OnOutcome | None = None
    ) -> Self:
        """Make an outbox without a file: what it holds ends with the process. The arguments are those of the class."""
        outbox = cls.__new__(cls)
        outbox._prepare(MemoryShelf(), sender, Options(max_pending, on_outcome))  # noqa: SLF001 - the class's own
        return outbox

    def _prepare(self, shelf: Shelf, sender: EventSender, options: Options) -> None:
        self._sender = carrier_of(sender)
        self._shelf = shelf
        self._options = options
        self._locks = PerLoop(asyncio.Lock)
        self._session: Session | None = None
        self._drained: Drained | None = None

    async def open(self) -> None:
        """Open the file, and go on with what an earlier process left. An outbox that was closed may be opened again.

        Raises:
            ConfigurationError: The event loop is not asyncio's.
            JournalError: The file is in use, of another kind, or cannot be read or made; or the outbox is open in
                another event loop, or was opened before a fork.
        """
        check_asyncio()
        async with self._locks.get():
            if self._is_left_behind:
                self._forget()
            if self._session is not None:
                return self._session.check()
            await self._shelf.open()
            try:
                session = Session(self._shelf, self._sender, self._options)
                await session.begin()
            except BaseException:
                self._shelf.abandon()
                raise
            self._session, self._drained = session, None
            return None

    async def put(self, event: EventLike, *, event_name: str | None = None) -> int:
        """Store an event for delivery; it is on disk when this returns. An outbox that is not open is opened.

        A `put` that is cancelled while it waits for room stores nothing; one that is cancelled later may have stored
        its event.

        Args:
            event: An `Event`, the flat mapping of SendPulse's documentation, or an object of a class with `@event`.
            event_name: Its name, for a sender that takes one; it beats the event's own and the sender's.

        Returns:
            A number that no other event of this outbox ever has.

        Raises:
            InvalidEventError: The sender could not send it as it is; nothing was stored.
            JournalError: The file cannot be written (the disk is full), or the outbox was closed; nothing was stored.
            Exception: What stopped the worker since the last call; nothing was stored. The next call finds it at work.
        """
        record = self._checked(event, event_name)
        return await (await self._opened()).put(record)

    async def stats(self) -> OutboxStats:
        """Return the counts since the file was made.

        Raises:
            Exception: As for `put`.
        """
        await self._opened()
        return await self._shelf.stats()

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Return the events that were given up, by their numbers.

        Args:
            limit: The most that are returned.

        Raises:
            ConfigurationError: `limit` is no positive whole number.
            Exception: As for `put`.
        """
        check_whole("limit", limit)
        await self._opened()
        return [letter_of(burial) for burial in await self._shelf.dead(limit)]

    async def requeue(self, letter: DeadLetter | int) -> None:
        """Put a dead letter back at the end of the line, room or no room; one of status UNKNOWN may double.

        Args:
            letter: It, or its number.

        Raises:
            JournalError: There is no such dead letter.
            Exception: As for `put`.
        """
        number = letter.number if isinstance(letter, DeadLetter) else letter
        check_whole("letter", number)
        if not await (await self._opened()).requeue(number):
            raise JournalError(f"{self._shelf.name}: the outbox has no dead letter {number}")

    async def aclose(self, drain: float = 10.0) -> Drained:
        """Take no more, go on delivering for a while, and close the file. Closing again does nothing.

        The event that is under way at the end is cancelled, and its outcome is settled by how far it got. A cancelled
        `aclose` waits for nothing else, but ends the worker and closes the file.

        Args:
            drain: Seconds to wait at most until nothing is pending; `math.inf`: until then.

        Returns:
            What was done since the outbox was opened, and what is left.

        Raises:
            ConfigurationError: `drain` is no number of seconds, or the event loop is not asyncio's.
            JournalError: The outbox is open in another event loop.
            Exception: What stopped the worker since the last call; the file was closed all the same.
        """
        check_drain(drain)
        check_asyncio()
        async with self._locks.get():  # whoever is opening it just now comes first
            session = self._session
        if session is None or session.is_childs or session.loop.is_closed():
            self._forget()
            await self._shelf.aclose()
            self._drained = self._drained or Drained()
            return self._drained
        try:
            await session.aclose(drain)
        finally:
            if session.is_over and self._session is session:
                self._session, self._drained = None, session.drained
        return session.drained

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            await self.aclose()
        except Exception:
            if kind is None:  # else it was logged, and must not hide what ends the block
                raise

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None and not session.is_childs:
            session.forget()
            warnings.warn(f"unclosed {self!r}; use async with or await aclose()", ResourceWarning, 1, self)

    def __repr__(self) -> str:
        return f"Outbox({self._shelf.name!r})" if isinstance(self._shelf, FileShelf) else "Outbox.in_memory(…)"

    def _checked(self, given: EventLike, event_name: str | None) -> str:
        event = read_event(given)
        self._sender.address(Job(0, given, event_name, event=event))
        return record_of(event, event_name)

    @property
    def _is_left_behind(self) -> bool:
        """Whether the event loop ended in which it was open; another one may take over."""
        session = self._session
        return session is not None and session.loop.is_closed() and not session.is_childs

    def _forget(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.forget()

    async def _opened(self) -> Session:
        check_asyncio()
        if self._session is None and self._drained is not None:
            raise JournalError(f"{self._shelf.name}: the outbox is closed")
        if self._session is None or self._is_left_behind:
            await self.open()
        assert self._session is not None  # noqa: S101 - it was opened just now
        self._session.check()
        return self._session
