"""A sender and an outbox that live as long as an application of FastAPI, or Starlette, and are its dependencies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, TypeAlias

import attrs
from fastapi import Depends  # pip install 'sendpulse-async[fastapi]'
from fastapi.requests import HTTPConnection
from starlette.applications import Starlette

from .._errors import ConfigurationError
from .._outbox import Outbox
from .._senders import EventSender
from ._web import DRAIN, NAME, Connect, Opening, OutboxChoice

__all__ = ["OutboxDep", "SendPulse", "SenderDep", "get_outbox", "get_sender"]


# Both are async though they await nothing: FastAPI runs plain functions in its threads, all of which may be busy.


async def get_sender(connection: HTTPConnection) -> EventSender:
    """Return the sender of the application that a request or a WebSocket came to; a dependency of its handler.

    In tests `app.dependency_overrides[get_sender]` puts another one in its place.

    Raises:
        ConfigurationError: None is open; the text says what to add.
    """
    return _sender_of(connection, NAME)


async def get_outbox(connection: HTTPConnection) -> Outbox:
    """Return the outbox of the application; see `get_sender`.

    Raises:
        ConfigurationError: None is open; the text says what to add.
    """
    return _outbox_of(connection, NAME)


SenderDep: TypeAlias = Annotated[EventSender, Depends(get_sender)]
"""The type of a handler's parameter that is to be the application's sender."""
OutboxDep: TypeAlias = Annotated[Outbox, Depends(get_outbox)]
"""The type of a handler's parameter that is to be the application's outbox."""


@attrs.frozen
class Opened:
    """What an application has open.

    Attributes:
        owner: The `SendPulse` that opened it.
        sender: None: something else stands in its place.
        outbox: None: there is none, or something else stands in its place.
    """

    owner: object = attrs.field(repr=False)
    sender: EventSender | None = None
    outbox: Outbox | None = None


class SendPulse:
    """Opens a sender, and an outbox over it, when an application starts, and closes them when it ends.

    Give it to the application, as `FastAPI(lifespan=SendPulse(RawEventSender.from_env))`, or to one of its routers; or
    call it with the application within a lifespan of your own, and yield the state that its block gives among yours.
    What cannot be opened ends the start, before the first request. At the end, when the server has let its requests
    end, the outbox goes on delivering for a while; then it is closed, and the sender after it.

    What `app.dependency_overrides` has in its place when the application starts is not opened; but an outbox that is
    opened opens its sender.

    Args:
        connect: Called at each start: returns an async context manager that gives the sender, such as
            `RawEventSender.from_env` itself.
        outbox: The path of an outbox's file, or a function that makes an `Outbox` of the sender, such as
            `Outbox.in_memory`. None: no outbox.
        drain: Seconds for which the outbox goes on delivering at the end, 5 by default. They come after those that the
            server gives its requests, and both must fit into what is left until somebody kills it.
        name: One of its own for each further `SendPulse` of the application: the attributes of that one are then its
            dependencies.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self, connect: Connect, *, outbox: OutboxChoice = None, drain: float = DRAIN, name: str = NAME
    ) -> None:
        self._opening = Opening(connect, outbox, drain, name)

    @property
    def get_sender(self) -> Callable[[HTTPConnection], Awaitable[EventSender]]:
        """The dependency that returns its sender; without a name of its own it is the module's `get_sender`."""
        return get_sender if self._opening.name == NAME else self._get_sender

    @property
    def get_outbox(self) -> Callable[[HTTPConnection], Awaitable[Outbox]]:
        """The dependency that returns its outbox; without a name of its own it is the module's `get_outbox`."""
        return get_outbox if self._opening.name == NAME else self._get_outbox

    @asynccontextmanager
    async def __call__(self, app: Starlette) -> AsyncIterator[dict[str, Any]]:
        """Open what there is to open, for as long as the block runs.

        Args:
            app: The application; its `state` shows what is open, for what has no request.

        Returns:
            The state for a lifespan to yield: under the name, an object with a `sender` and an `outbox`.

        Raises:
            ConfigurationError: The sender cannot be made, or its name is taken in the application's state.
            JournalError: The outbox cannot be opened.
        """
        name = self._opening.name
        before = getattr(app.state, name, None)
        if not (before is None or (isinstance(before, Opened) and before.owner is self)):
            text = f"the application's state has a {name!r} already: give this SendPulse another name, by name="
            raise ConfigurationError(text)
        async with AsyncExitStack() as stack:
            opened = await self._open(app, stack)
            setattr(app.state, name, opened)
            stack.callback(_hide, app, name, opened)
            yield {name: opened}

    async def _open(self, app: Starlette, stack: AsyncExitStack) -> Opened:
        overridden = getattr(app, "dependency_overrides", {})  # Starlette's own applications have none
        needs_outbox = self._opening.outbox is not None and self.get_outbox not in overridden
        if not needs_outbox and self.get_sender in overridden:
            return Opened(self)
        sender = await stack.enter_async_context(self._opening.sender())
        outbox = await stack.enter_async_context(self._opening.outbox_over(sender)) if needs_outbox else None
        return Opened(self, sender, outbox)

    async def _get_sender(self, connection: HTTPConnection) -> EventSender:
        return _sender_of(connection, self._opening.name)

    async def _get_outbox(self, connection: HTTPConnection) -> Outbox:
        return _outbox_of(connection, self._opening.name)


def _hide(app: Starlette, name: str, opened: Opened) -> None:
    if getattr(app.state, name, None) is opened:  # an application that starts twice at a time shows the later one
        delattr(app.state, name)


def _sender_of(connection: HTTPConnection, name: str) -> EventSender:
    opened = _opened(connection, name)
    if opened is None or opened.sender is None:
        raise _absent("sender", name, "…")
    return opened.sender


def _outbox_of(connection: HTTPConnection, name: str) -> Outbox:
    opened = _opened(connection, name)
    if opened is None or opened.outbox is None:
        raise _absent("outbox", name, "…, outbox='events.db'")
    return opened.outbox


def _absent(what: str, name: str, arguments: str) -> ConfigurationError:
    if name != NAME:
        arguments += f", name={name!r}"
    return ConfigurationError(
        f"the application has no {what}: give it FastAPI(lifespan=SendPulse({arguments})), or let a lifespan of your "
        f"own yield the state that `async with SendPulse({arguments})(app) as state` gives; in a test enter "
        f"TestClient(app) by `with`, or override get_{what}"
    )


def _opened(connection: HTTPConnection, name: str) -> Opened | None:
    """Look in the lifespan's state first: below a mounted application that is still the one of the server's."""
    states = connection.state, getattr(connection.scope.get("app"), "state", None)
    found = (getattr(state, name, None) for state in states)
    return next((opened for opened in found if isinstance(opened, Opened)), None)
