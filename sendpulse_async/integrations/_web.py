"""What a web application opens when it starts, and closes when it ends: a sender, and an outbox over it."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import attrs

from .._errors import ConfigurationError
from .._logging import facts, logger
from .._outbox import Outbox
from .._senders import EventSender, carrier_of
from ._connect import context_of

NAME = "sendpulse"
"""What is opened under no other name."""
DRAIN = 5.0
"""Seconds; `docker stop` kills after ten."""

Connect = Callable[[], AbstractAsyncContextManager[EventSender]]
"""Opens what sends: a sender's `from_env`, or a function of the caller's."""
OutboxChoice = str | os.PathLike[str] | Callable[[EventSender], Outbox] | None
"""An outbox's file, or what makes an outbox of a sender."""


@attrs.frozen
class Opening:
    """The checked arguments of a `SendPulse`."""

    connect: Connect
    outbox: OutboxChoice
    drain: float
    name: str

    def __attrs_post_init__(self) -> None:
        if not callable(self.connect):
            raise ConfigurationError(
                "connect must be a function that opens a sender, such as RawEventSender.from_env without its "
                "parentheses: each start of the application opens one of its own"
            )
        if not (self.outbox is None or isinstance(self.outbox, str | os.PathLike) or callable(self.outbox)):
            raise ConfigurationError("outbox must be the path of its file, or a function that makes one of a sender")
        is_number = isinstance(self.drain, int | float) and not isinstance(self.drain, bool)
        if not is_number or not 0 <= self.drain < math.inf:
            raise ConfigurationError("drain must be a number of seconds, 0 or more: a server must come to its end")
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ConfigurationError("name must be a word of letters, digits and _, such as 'marketing'")

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[EventSender]:
        """Open the sender.

        Raises:
            ConfigurationError: `connect` gives none, or has not what it takes.
        """
        async with context_of(self.connect) as sender:
            try:
                carrier_of(sender)
            except ConfigurationError:
                raise ConfigurationError(f"connect must give a sender, not {type(sender).__name__}") from None
            yield sender

    @asynccontextmanager
    async def outbox_over(self, sender: EventSender) -> AsyncIterator[Outbox]:
        """Open the outbox, and at the end go on delivering for `drain` seconds at most; who is cancelled does not wait.

        Raises:
            ConfigurationError: `outbox` makes none.
            JournalError: Its file is in use, or cannot be opened.
        """
        assert self.outbox is not None  # noqa: S101 - asked for by those who have one
        outbox = self.outbox(sender) if callable(self.outbox) else Outbox(self.outbox, sender)
        if not isinstance(outbox, Outbox):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"outbox must make an Outbox, not {type(outbox).__name__}")
        async with outbox:
            drain = self.drain
            try:
                yield outbox
            except BaseException as fault:
                if not isinstance(fault, Exception):
                    drain = 0.0
                raise
            finally:
                drained = attrs.asdict(await outbox.aclose(drain))
                text = "%r was closed: %d delivered, %d pending, %d given up"
                logger.info(text, outbox, *drained.values(), extra=facts(**drained))
