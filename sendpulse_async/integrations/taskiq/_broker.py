"""taskiq's side of a queue: it hands messages of RabbitMQ to the worker, which alone decides when one is done with."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import attrs
from aio_pika import ExchangeType
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelPreconditionFailed
from taskiq import AckableMessage, BrokerMessage, TaskiqFormatter, TaskiqMessage
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue

from ..._errors import ConfigurationError
from ..._logging import facts, logger
from ..._telling import briefly, to_its_end
from ._life import Life
from ._line import Line, asking
from ._logs import discreet
from ._messages import Queued
from ._options import Options

TASK = "sendpulse_async:deliver"
"""The name of the one task."""
MOST_RETURNS = 100
"""How often a message may come back before RabbitMQ itself gives it up; one that is delayed is counted anew."""
_AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
"""What is moved from one queue to another, the other has before the one forgets it (RabbitMQ 3.10)."""
_UNLIMITED = 2**31 - 1
"""Each look at the dead letters counts as a return, and RabbitMQ 4 throws away what returns more than 20 times."""
_RECONNECT_INTERVAL = 1.0
"""Seconds."""
_EVENTS_ALONE = "the broker of an EventQueue carries events alone: put them there, and give your tasks another broker"


@attrs.define(eq=False)
class Delivery:
    """A message in a worker's hands; see `_worker.Delivery`."""

    queued: Queued
    _message: AbstractIncomingMessage = attrs.field(repr=False)

    async def ack(self) -> None:
        """Let go of it; where the connection is gone RabbitMQ gives it to somebody again, and the log knows."""
        with suppress(*CONNECTION_EXCEPTIONS):
            await self._message.ack()

    async def put_back(self) -> None:
        """Let RabbitMQ give it to anybody again; where the connection is gone it does so by itself."""
        with suppress(*CONNECTION_EXCEPTIONS):
            await self._message.nack(requeue=True)


class _Formatter(TaskiqFormatter):
    """Gives each delivery to the task as it is: what taskiq itself sees, and might log, is a number."""

    def __init__(self, deliveries: dict[bytes, Delivery]) -> None:
        self._deliveries = deliveries

    def dumps(self, message: TaskiqMessage) -> BrokerMessage:  # noqa: ARG002 - taskiq's verb
        """Refuse: what is no event has no place here."""
        raise ConfigurationError(_EVENTS_ALONE)

    def loads(self, message: bytes) -> TaskiqMessage:
        """Return the task of a token."""
        delivery = self._deliveries.pop(message)
        task_id = f"{delivery.queued.key}.{delivery.queued.generation}"
        return TaskiqMessage(task_id=task_id, task_name=TASK, labels={}, args=[delivery], kwargs={})


class EventBroker(AioPikaBroker):
    """The broker of one queue.

    Args:
        options: The queue's.
        life: Brings deliveries to their ends, where the process is a worker.

    Attributes:
        line: What is asked of RabbitMQ, while it is connected.
        loop: The event loop in which it is.
    """

    def __init__(self, options: Options, life: Life) -> None:
        back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": options.name}
        super().__init__(
            options.url,
            exchange=Exchange(name=options.name, type=ExchangeType.DIRECT),
            task_queues=[Queue(name=options.name, arguments={**_AT_LEAST_ONCE, "x-delivery-limit": MOST_RETURNS})],
            delay_queue=Queue(name=options.delayed, arguments={**_AT_LEAST_ONCE, **back}),
            dead_letter_queue=Queue(name=options.dead, arguments={"x-delivery-limit": _UNLIMITED}),
            qos=options.max_in_flight,
            reconnect_interval=_RECONNECT_INTERVAL,
            timeout=options.patience,
        )
        self._options = options
        self._life = life
        self._deliveries: dict[bytes, Delivery] = {}
        self._numbers = itertools.count()
        self.line: Line | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.formatter = _Formatter(self._deliveries)
        self.register_task(_task_of(life), TASK)

    async def startup(self) -> None:
        """Connect, make the queues that are not there yet, and let a worker begin.

        Raises:
            ConfigurationError: The queues are there with other settings.
            JournalError: RabbitMQ cannot be reached.
        """
        name = self._options.name
        async with asking(attrs.evolve(self._options, patience=3 * self._options.patience), "cannot be opened"):
            try:
                with discreet():
                    await super().startup()
                    assert self.write_conn is not None  # noqa: S101 - it was opened just now
                    line = await Line.on(self.write_conn, self._options)
            except ChannelPreconditionFailed:
                text = f"the queue {name!r} is there with other settings: remove it, or give this one another name"
                raise ConfigurationError(text) from None
        if self.is_worker_process:
            await self._life.start(line)
        self.line, self.loop = line, asyncio.get_running_loop()

    async def connect(self) -> None:
        """Start up, or leave nothing behind; `startup` says what is raised."""
        try:
            await to_its_end(self.startup())  # half a connection would go on to connect for ever
        except BaseException:
            await briefly(self._abandon())
            raise

    @property
    def is_left_behind(self) -> bool:
        """Whether the event loop ended in which it was connected."""
        return self.loop is not None and self.loop.is_closed()

    async def shutdown(self) -> None:
        """Let a worker end, and disconnect, be RabbitMQ there or not."""
        if self.is_worker_process:
            await self._life.end()
        try:
            async with asyncio.timeout(self._options.patience):
                await super().shutdown()
        except CONNECTION_EXCEPTIONS as fault:  # a TimeoutError is an OSError
            name = self._options.name
            logger.debug("the queue %r was left: %s", name, type(fault).__name__, extra=facts(queue=name, error=fault))
        self.forget()

    async def _abandon(self) -> None:
        with suppress(*CONNECTION_EXCEPTIONS):
            if self.write_conn is not None:
                await self.write_conn.close()
        self.forget()

    def forget(self) -> None:
        """Let go of connections that are closed, or belong to an event loop that is."""
        self.line = self.loop = None
        self.write_conn = self.read_conn = self.write_channel = self.read_channel = None

    async def kick(self, message: BrokerMessage) -> None:  # noqa: ARG002 - taskiq's verb
        """Refuse: what is no event has no place here."""
        raise ConfigurationError(_EVENTS_ALONE)

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yield a token for each message; see `_Formatter`."""
        assert self.read_channel is not None  # noqa: S101 - see `startup`
        await self.read_channel.set_qos(prefetch_count=self._options.max_in_flight)
        queue = await self.read_channel.get_queue(self._options.name)
        async with queue.iterator() as messages:
            async for message in messages:
                token = b"%d" % next(self._numbers)
                self._deliveries[token] = Delivery(Queued.of(message), message)
                yield AckableMessage(data=token, ack=_leave_alone)


def _task_of(life: Life) -> Callable[[Any], Awaitable[None]]:
    async def deliver(delivery: Any) -> None:
        await life.work(delivery)

    return deliver


def _leave_alone() -> None:
    """Acknowledge nothing: taskiq would do so after a failure too."""
