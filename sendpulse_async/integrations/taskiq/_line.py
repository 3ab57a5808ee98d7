"""What is asked of RabbitMQ: the queue itself, that of the delayed events, and that of the dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import attrs
from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractRobustChannel
from aio_pika.exceptions import ChannelNotFoundEntity

from ..._errors import JournalError, SendPulseError
from ._logs import discreet
from ._messages import Queued
from ._options import Options
from ._values import QueueStats
from ._verdicts import Dead

_MOMENT = 0.05
"""Seconds."""
_MOMENTS = 20
"""That are waited for what should come, but which somebody else may have."""
_OUT_OF_REACH = "cannot be reached"


@asynccontextmanager
async def asking(options: Options, trouble: str) -> AsyncIterator[None]:
    """Bound what is asked of RabbitMQ, and say of a failure what it means.

    Raises:
        JournalError: RabbitMQ failed, or gave no answer in time.
    """
    try:
        async with asyncio.timeout(options.patience):
            yield
    except SendPulseError:
        raise
    except asyncio.CancelledError:  # also how the client tells those who wait that a connection is gone
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        raise _trouble(options, trouble, "ConnectionError") from None
    except Exception as fault:  # noqa: BLE001 - the client ends those who wait with RuntimeErrors and bare Exceptions too
        raise _trouble(options, trouble, type(fault).__name__) from None


def _trouble(options: Options, trouble: str, fault: str) -> JournalError:
    return JournalError(f"the queue {options.name!r} in RabbitMQ {trouble} ({fault})")


@attrs.define(eq=False)
class Line:
    """The three queues of an `EventQueue`, on a connection that somebody else opened and will close.

    Args:
        options: The queue's.
        connection: Opened.
        door: A channel that confirms what is put, and returns what finds no queue.
        desk: One for questions: a wrong one closes it.
    """

    options: Options
    connection: AbstractConnection
    door: AbstractChannel
    desk: AbstractChannel

    @classmethod
    async def on(cls, connection: AbstractConnection, options: Options) -> Line:
        """Open the channels."""
        door = await connection.channel(publisher_confirms=True, on_return_raises=True)
        return cls(options, connection, door, await connection.channel())

    @classmethod
    @asynccontextmanager
    async def opened(cls, options: Options) -> AsyncIterator[Line]:
        """Connect until the block ends, and make no queue that is not there.

        Raises:
            JournalError: RabbitMQ cannot be reached.
        """
        async with asking(options, _OUT_OF_REACH):
            with discreet():
                connection = await connect(options.url, timeout=options.patience)
        async with connection:
            yield await cls.on(connection, options)

    async def put(self, queued: Queued) -> None:
        """Put an event at the end of the queue; RabbitMQ has it on disk when this returns.

        Raises:
            JournalError: It may or may not be there.
        """
        await self._publish(queued.message(), self.options.name)

    async def delay(self, queued: Queued, seconds: float) -> None:
        """Put an event into the queue after some seconds, or when those before it may leave, if that is later.

        Raises:
            JournalError: As for `put`.
        """
        await self._publish(queued.message(delay=seconds), self.options.delayed)

    async def bury(self, queued: Queued, dead: Dead, at: float) -> None:
        """Make an event a dead letter.

        Raises:
            JournalError: As for `put`.
        """
        await self._publish(queued.message(dead, at=at), self.options.dead)

    async def _publish(self, message: Message, queue: str) -> None:
        async with asking(self.options, "cannot be reached, and no event was put there"):
            await _ready(self.door)
        async with asking(self.options, "did not confirm an event; it may be there all the same"):
            with discreet():
                await self.door.default_exchange.publish(message, routing_key=queue)

    async def stats(self) -> QueueStats:
        """Count.

        Raises:
            JournalError: RabbitMQ cannot be asked.
        """
        waiting, workers = await self._count(self.options.name)
        delayed, _ = await self._count(self.options.delayed)
        dead, _ = await self._count(self.options.dead)
        return QueueStats(waiting, delayed, dead, workers)

    async def _count(self, name: str) -> tuple[int, int]:
        """Return the messages and the consumers of a queue."""
        async with asking(self.options, _OUT_OF_REACH):
            await _ready(self.desk)
            channel = await self.desk.get_underlay_channel()
            try:
                told = await channel.queue_declare(name, passive=True)
            except ChannelNotFoundEntity:
                raise JournalError(f"there is no queue {name!r} in RabbitMQ") from None
        return told.message_count or 0, told.consumer_count or 0

    async def dead_messages(self) -> AsyncGenerator[AbstractIncomingMessage, None]:
        """Yield the dead letters that are there now; those that are not acknowledged go back where they were.

        Raises:
            JournalError: RabbitMQ cannot be asked.
        """
        count, _ = await self._count(self.options.dead)
        async with asking(self.options, _OUT_OF_REACH):
            channel = await self.connection.channel()
        held = 0
        try:
            queue = await channel.get_queue(self.options.dead, ensure=False)
            for _ in range(count):
                async with asking(self.options, _OUT_OF_REACH):
                    message = await queue.get(fail=False, timeout=None)
                if message is None:
                    return
                held += 1
                yield message
                held -= message.processed
        finally:
            await self._give_back(channel, held)

    async def _give_back(self, channel: AbstractChannel, held: int) -> None:
        """Close a channel that has messages, and wait a moment until they are back: who looks next is to see them."""
        others, _ = await self._count(self.options.dead)
        async with asking(self.options, _OUT_OF_REACH):
            await channel.close()
        for _ in range(_MOMENTS):
            count, _ = await self._count(self.options.dead)
            if count >= others + held:
                return
            await asyncio.sleep(_MOMENT)


async def _ready(channel: AbstractChannel) -> None:
    """Wait until a channel that opens itself again is open: for a moment it says so too early."""
    while isinstance(channel, AbstractRobustChannel):
        await channel.ready()
        if not channel.is_closed:
            return
        await asyncio.sleep(_MOMENT)
