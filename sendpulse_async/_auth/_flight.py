"""What a token manager has in one event loop: those who wait for a token, and on asyncio the tasks that fetch it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio

from .._errors import FailureScope, NotSentError
from .._tokens import Token

Result = Token | NotSentError
Fetch = Callable[[], Coroutine[Any, Any, Result]]


def closed() -> NotSentError:
    """Return what those are told who need a token of a closed sender."""
    return NotSentError("not sent: the sender was closed, and there is no token", scope=FailureScope.ACCOUNT)


class Flight:
    """One fetch at a time, joined by all who need it.

    On asyncio it is a task of its own, so that no caller's cancellation ends it for the others. Trio has none: there
    who waits first fetches for all, under the lock.

    Attributes:
        lock: Held on trio by the caller who fetches.
        saving: Held by who saves a token.
    """

    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.saving = anyio.Lock()
        self._landing = anyio.Event()
        self._fetch: asyncio.Task[Result] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, fetch: Fetch) -> asyncio.Task[Result]:
        """Begin to fetch, on asyncio, unless that is under way."""
        if self._fetch is None or self._fetch.done():
            self._fetch = self.spawn(fetch(), "refresh")
        return self._fetch

    async def join(self, fetch: Fetch) -> Result:
        """Return what comes of the fetch that is under way, or of a new one, on asyncio."""
        task = self.start(fetch)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if task.cancelled() and caller is not None and not caller.cancelling():
                return closed()
            raise

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Let a task of the sender's own do some work, on asyncio."""
        task = asyncio.get_running_loop().create_task(work, name=f"sendpulse_async: token {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def landing(self) -> None:
        """Wait until somebody has news."""
        await self._landing.wait()

    def land(self) -> None:
        """Wake all who wait: there are news."""
        self._landing.set()
        self._landing = anyio.Event()

    async def aclose(self) -> None:
        """End the fetch, wake all who wait, and let what was begun to be saved be saved."""
        self.land()
        if self._fetch is not None:
            self._fetch.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
