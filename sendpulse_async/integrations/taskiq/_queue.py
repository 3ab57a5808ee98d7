"""The queue as its users hold it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self

from taskiq_aio_pika import AioPikaBroker  # pip install 'sendpulse-async[taskiq]'

from ..._arguments import check_whole
from ..._errors import ConfigurationError, JournalError
from ..._loops import PerLoop, is_asyncio
from ..._records import record_of
from ..._senders import read_event
from ...typed import EventLike
from .._connect import Connect
from ._broker import EventBroker
from ._letters import Replay, dead_letters
from ._life import Life
from ._line import Line
from ._messages import Queued, key_of
from ._options import Options
from ._values import DeadLetter, QueueStats


class EventQueue:
    """Hands events from any process to worker processes, by RabbitMQ: `put` returns when an event is safe there.

    `taskiq worker module:broker`, where `broker = queue.broker`, runs workers. Each of them asks the delivery log
    before it sends an event and tells it after, so that whatever ends a worker, a connection, RabbitMQ or Redis, no
    event that was put is lost, and none is sent again that may have been taken:

    - Accepted: it is done.
    - NOT_SENT, or the log is out of reach: it is tried again after `retry_delay` seconds, or when SendPulse asks for it
      where that is later (up to five minutes), for ever.
    - Rejected, or UNKNOWN: it becomes a dead letter, which `dead_letters` shows and `replay` puts back. After five
      UNKNOWN in a row a worker sends one event at a time, ever less often, until one has a certain outcome.
    - It comes to a worker although another one had claimed it, since RabbitMQ gives it to the next one when a
      connection breaks: for the sender's deadline and `grace` seconds it may still be under way there, and waits. After
      that it is UNKNOWN. Each worker that is killed leaves at most `max_in_flight` such events.

    Events come in any order. What waits to be tried again stands in a queue of its own, and leaves it in the order in
    which it came: what SendPulse told to wait for five minutes holds up, for as long, what came there after it, but
    nothing that was newly put. In such a pause little else could be sent anyway.

    Events with one `event_id` that go to one address are the same event: however often it is put, it is sent once, as
    long as the delivery log remembers. The queues `name`, `name.delay` and `name.dead` are made where they are not
    there. They are quorum queues and hold events in plain text. RabbitMQ 3.10 or later; asyncio only.

    Args:
        url: amqp://user:password@host/vhost, or amqps://.
        connect: Called once in each worker process: returns an async context manager that yields the sender, and the
            delivery log that all workers share. It is left when the worker ends.
        name: Of the queue.
        retry_delay: Seconds until an event is tried again.
        max_in_flight: Events that one worker process has in its hands at a time.
        grace: Seconds, beyond the sender's deadline (five minutes where it has none), for which a claimed event counts
            as under way: the clocks' differences, and the time to tell the log.
        patience: Seconds for one question to RabbitMQ.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        url: str,
        connect: Connect,
        *,
        name: str = "sendpulse",
        retry_delay: float = 10.0,
        max_in_flight: int = 32,
        grace: float = 30.0,
        patience: float = 10.0,
    ) -> None:
        self._options = Options(url, name, retry_delay, max_in_flight, grace, patience)
        self._broker = EventBroker(self._options, Life(connect, self._options))
        self._locks = PerLoop(asyncio.Lock)
        self._is_closed = False

    @property
    def broker(self) -> AioPikaBroker:
        """What `taskiq worker` runs; it carries events alone."""
        return self._broker

    async def open(self) -> None:
        """Connect to RabbitMQ. A queue that was closed may be opened again.

        Raises:
            ConfigurationError: The event loop is not asyncio's, or the queues are there with other settings.
            JournalError: RabbitMQ cannot be reached, or the queue is open in another event loop.
        """
        _check_asyncio()
        async with self._locks.get():
            self._is_closed = False
            if self._broker.is_left_behind:
                self._broker.forget()
            if self._broker.line is not None:
                self._check_loop()
            elif self._broker.is_worker_process:
                raise JournalError(f"the queue {self._options.name!r} is not open yet: in a worker taskiq opens it")
            else:
                await self._broker.connect()

    async def put(self, event: EventLike, *, event_name: str | None = None) -> str:
        """Put an event; RabbitMQ has it on disk when this returns. A queue that is not open is opened.

        Whether the worker's sender can send it under this name, only the worker finds out: if not, it becomes a dead
        letter.

        Args:
            event: An `Event`, the flat mapping of SendPulse's documentation, or an object of a class with `@event`.
            event_name: Its name, for a sender that takes one; it beats the event's own and the sender's.

        Returns:
            The key of the event in this queue, the same one for the same `event_id`.

        Raises:
            InvalidEventError: It could not be sent as it is; nothing was put.
            JournalError: RabbitMQ did not confirm it. The text says whether it may be there all the same; to put it
                again is harmless where it has an `event_id`.
        """
        checked = read_event(event)
        key = key_of(checked)
        queued = Queued(record_of(checked, event_name).encode(), key)
        await (await self._opened()).put(queued)
        return key

    async def stats(self) -> QueueStats:
        """Count what is where.

        Raises:
            JournalError: RabbitMQ cannot be asked.
        """
        return await (await self._opened()).stats()

    async def dead_letters(self) -> AsyncGenerator[DeadLetter, None]:
        """Yield the dead letters that are there, each event once; they stay where they are.

        The oldest come first, unless somebody broke off a look at them. Until this one ends, nobody else sees what it
        has yielded, `replay` included.

        Raises:
            JournalError: RabbitMQ cannot be asked.
        """
        async with aclosing(dead_letters(await self._opened())) as letters:
            async for letter in letters:
                yield letter

    async def replay(self, *, resend_unknown: bool = False, limit: int | None = None) -> int:
        """Put dead letters back into the queue.

        However often a letter is replayed, by whom, and whatever copies there are of it: it is sent once more, until it
        dies again. What cannot be read stays.

        Args:
            resend_unknown: Also those that may have been taken; a person may then get it twice.
            limit: The most that are put back; None: all.

        Returns:
            How many events were put back.

        Raises:
            ConfigurationError: `limit` is no positive whole number.
            JournalError: RabbitMQ failed; each letter is in the queue again, or still a dead letter, or both.
        """
        if limit is not None:
            check_whole("limit", limit)
        return await Replay(await self._opened(), resend_unknown, limit).run()

    async def aclose(self) -> None:
        """Disconnect. Closing again does nothing; in a worker process taskiq does it.

        Raises:
            ConfigurationError: The event loop is not asyncio's.
            JournalError: The queue is open in another event loop.
        """
        _check_asyncio()
        if self._broker.is_worker_process:
            return
        async with self._locks.get():
            self._is_closed = True
            if self._broker.is_left_behind:
                self._broker.forget()
            if self._broker.line is not None:
                self._check_loop()
                await self._broker.shutdown()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        broker = getattr(self, "_broker", None)
        if broker is not None and broker.line is not None:
            warnings.warn(f"unclosed {self!r}; use async with or await aclose()", ResourceWarning, 1, self)

    def __repr__(self) -> str:
        return f"EventQueue(name={self._options.name!r})"

    async def _opened(self) -> Line:
        _check_asyncio()
        if self._is_closed:
            raise JournalError(f"the queue {self._options.name!r} is closed")
        if self._broker.line is None or self._broker.is_left_behind:
            await self.open()
        self._check_loop()
        assert self._broker.line is not None  # noqa: S101 - it was opened just now
        return self._broker.line

    def _check_loop(self) -> None:
        if self._broker.loop is not asyncio.get_running_loop():
            raise JournalError(f"the queue {self._options.name!r} is open in another event loop; close it there")


def _check_asyncio() -> None:
    if not is_asyncio():
        raise ConfigurationError("an EventQueue works in asyncio's event loop only")
