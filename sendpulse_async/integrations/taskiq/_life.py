"""A worker from the start of its process to the end: it holds open what the caller's function opens, and works."""

from __future__ import annotations

import asyncio

from ..._errors import ConfigurationError
from ..._journal import DeliveryLog, Journal
from ..._senders import carrier_of
from .._connect import Connect, opened
from ._options import Options
from ._worker import Delivery, Exits, Worker


class Life:
    """What `connect` opens is held in a task of its own: what a task enters, that very task must leave.

    Args:
        connect: The caller's; see `EventQueue`.
        options: The queue's.
    """

    def __init__(self, connect: Connect, options: Options) -> None:
        if not callable(connect):
            raise ConfigurationError("connect must be a function that returns an async context manager")
        self._connect = connect
        self._options = options
        self._worker: Worker | None = None
        self._is_over: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, exits: Exits) -> None:
        """Open the sender and the log.

        Raises:
            ConfigurationError: They are no sender, and no log that processes can share.
            Exception: What `connect` raises.
        """
        self._is_over = asyncio.Event()
        has_begun = asyncio.Event()
        self._task = asyncio.create_task(self._hold(exits, has_begun, self._is_over))
        begun = asyncio.create_task(has_begun.wait())
        await asyncio.wait([self._task, begun], return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._task.done():
            await self._task

    async def work(self, delivery: Delivery) -> None:
        """Bring a message to its end."""
        assert self._worker is not None  # noqa: S101 - messages come after the start
        await self._worker.work(delivery)

    async def end(self) -> None:
        """Close the sender and the log."""
        if self._is_over is not None and self._task is not None and not self._task.done():
            self._is_over.set()
            await self._task

    async def _hold(self, exits: Exits, has_begun: asyncio.Event, is_over: asyncio.Event) -> None:
        async with opened(self._connect) as (sender, log):
            self._worker = Worker(carrier_of(sender), _shared(log), exits, self._options)
            has_begun.set()
            await is_over.wait()


def _shared(log: DeliveryLog | None) -> DeliveryLog:
    if log is None or isinstance(log, Journal):
        raise ConfigurationError("connect must give a log that processes can share, such as a RedisDeliveryLog")
    return log
