"""A sender and an outbox that live as long as an aiohttp application and stand under its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web  # pip install 'sendpulse-async[aiohttp]'

from .._errors import ConfigurationError
from .._outbox import Outbox
from .._senders import EventSender
from ._web import DRAIN, NAME, Connect, Opening, OutboxChoice

__all__ = ["OUTBOX", "SENDER", "SendPulse", "get_outbox", "get_sender"]

SENDER = web.AppKey[EventSender](f"{NAME}_sender")
"""The key of the application's sender."""
OUTBOX = web.AppKey[Outbox](f"{NAME}_outbox")
"""The key of the application's outbox."""
_OWNER = web.AppKey["SendPulse"](f"{NAME}_owner")


def get_sender(request: web.Request) -> EventSender:
    """Return the sender of the application that a request came to, or of one above it.

    In tests `app[SENDER] = …`, before the application starts, puts another one in its place.

    Raises:
        ConfigurationError: There is none; the text says what to add.
    """
    return _sender_of(request, SENDER)


def get_outbox(request: web.Request) -> Outbox:
    """Return the outbox of the application; see `get_sender`.

    Raises:
        ConfigurationError: There is none; the text says what to add.
    """
    return _outbox_of(request, OUTBOX)


class SendPulse:
    """Opens a sender, and an outbox over it, when an application starts, and closes them when it ends.

    It is one of the application's contexts: `app.cleanup_ctx.append(SendPulse(RawEventSender.from_env))`. What cannot
    be opened ends the start, before the first request. At the end, when the server has let its requests end, the
    outbox goes on delivering for a while; then it is closed, and the sender after it.

    What stands under `sender_key` or `outbox_key` already when the application starts is used and not opened, and
    stays open at the end.

    Args:
        connect: Called at the start: returns an async context manager that gives the sender, such as
            `RawEventSender.from_env` itself.
        outbox: The path of an outbox's file, or a function that makes an `Outbox` of the sender, such as
            `Outbox.in_memory`. None: no outbox.
        drain: Seconds for which the outbox goes on delivering at the end, 5 by default. They come after those that the
            server gives its requests, and both must fit into what is left until somebody kills it.
        name: One of its own for each further `SendPulse` of the application: the attributes of that one then find what
            it opened.

    Attributes:
        sender_key: The key of its sender; without a name of its own it is `SENDER`.
        outbox_key: The key of its outbox; without a name of its own it is `OUTBOX`.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self, connect: Connect, *, outbox: OutboxChoice = None, drain: float = DRAIN, name: str = NAME
    ) -> None:
        self._opening = Opening(connect, outbox, drain, name)
        is_first = name == NAME
        self.sender_key: web.AppKey[EventSender] = SENDER if is_first else web.AppKey(f"{name}_sender")
        self.outbox_key: web.AppKey[Outbox] = OUTBOX if is_first else web.AppKey(f"{name}_outbox")
        self._owner_key: web.AppKey[SendPulse] = _OWNER if is_first else web.AppKey(f"{name}_owner")

    def get_sender(self, request: web.Request) -> EventSender:
        """Return its sender, as the module's `get_sender` does where it has no name of its own.

        Raises:
            ConfigurationError: There is none; the text says what to add.
        """
        return _sender_of(request, self.sender_key)

    def get_outbox(self, request: web.Request) -> Outbox:
        """Return its outbox, as the module's `get_outbox` does where it has no name of its own.

        Raises:
            ConfigurationError: There is none; the text says what to add.
        """
        return _outbox_of(request, self.outbox_key)

    async def __call__(self, app: web.Application) -> AsyncIterator[None]:
        """Open what there is to open until the application ends; aiohttp calls it.

        Raises:
            ConfigurationError: The sender cannot be made, or another `SendPulse` of the application has this name.
            JournalError: The outbox cannot be opened.
        """
        self._check_owner(app)
        async with AsyncExitStack() as stack:
            await self._open(app, stack)
            app[self._owner_key] = self
            yield

    def _check_owner(self, app: web.Application) -> None:
        owner = app.get(self._owner_key)
        if owner is self:
            raise ConfigurationError("a SendPulse is appended to an application once, and an application started once")
        if owner is not None:
            name = self._opening.name
            raise ConfigurationError(
                f"two SendPulse of the application have the name {name!r}: give one another, by name="
            )

    async def _open(self, app: web.Application, stack: AsyncExitStack) -> None:
        if self.sender_key not in app:
            app[self.sender_key] = await stack.enter_async_context(self._opening.sender())
        if self._opening.outbox is not None and self.outbox_key not in app:
            opening = self._opening.outbox_over(app[self.sender_key])
            app[self.outbox_key] = await stack.enter_async_context(opening)


def _sender_of(request: web.Request, key: web.AppKey[EventSender]) -> EventSender:
    if (sender := request.config_dict.get(key)) is None:
        raise _absent("sender", "…")
    return sender


def _outbox_of(request: web.Request, key: web.AppKey[Outbox]) -> Outbox:
    if (outbox := request.config_dict.get(key)) is None:
        raise _absent("outbox", "…, outbox='events.db'")
    return outbox


def _absent(what: str, arguments: str) -> ConfigurationError:
    return ConfigurationError(
        f"the application has no {what}: append SendPulse({arguments}) to its cleanup_ctx, or in a test set "
        f"app[{what.upper()}] before it starts"
    )
