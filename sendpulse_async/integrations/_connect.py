"""What a caller's `connect` opens where events are sent: a sender, and the delivery log that knows what was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from .._errors import ConfigurationError
from .._journal import DeliveryLog
from .._senders import EventSender

T = TypeVar("T")
Connect = Callable[[], AbstractAsyncContextManager[tuple[EventSender, DeliveryLog | None]]]
"""Opens what sends and what remembers; its credentials are those of the process in which it is called."""


def context_of(connect: Callable[[], AbstractAsyncContextManager[T]]) -> AbstractAsyncContextManager[T]:
    """Call a caller's function that must return an async context manager.

    Raises:
        ConfigurationError: It returns something else.
    """
    context: Any = connect()
    if isinstance(context, AbstractAsyncContextManager):
        return context
    if isinstance(context, Coroutine):
        context.close()  # lest it be said as well that nobody awaited it
    raise ConfigurationError("connect must return an async context manager: decorate it with asynccontextmanager")


@asynccontextmanager
async def opened(connect: Connect) -> AsyncIterator[tuple[EventSender, DeliveryLog | None]]:
    """Open what it takes to send, if that is what a type checker would let it be.

    Raises:
        ConfigurationError: It is something else.
    """
    async with context_of(connect) as given:
        if not isinstance(given, tuple) or len(given) != 2:
            raise ConfigurationError("connect must give two things: a sender, and a delivery log or None")
        sender, log = given
        if log is not None and not isinstance(log, DeliveryLog):
            raise ConfigurationError(f"connect must give a delivery log, or None, not {type(log).__name__}")
        yield sender, log
