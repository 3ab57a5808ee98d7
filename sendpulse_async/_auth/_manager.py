"""The one token that all senders of an account use: fetched once however many wait, swapped once when refused."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from copy import copy
from typing import Any

import anyio
import attrs

from .._errors import FailureScope, NotSentError, RateLimitedError, ServiceUnavailableError
from .._loops import PerLoop, is_asyncio
from .._tokens import Token, TokenStore
from ._endpoint import TokenEndpoint
from ._shared import SharedTokens

EARLY_SHARE = 0.2
"""The last share of a token's life, in which it still serves while the next one is fetched."""
LONGEST_EARLY = 300.0
"""Seconds of that share at most."""

EARLY_PATIENCE = 0.5
"""Seconds that an event on trio waits for that; on asyncio none does, for there it is a task of its own."""
TRIES = 4
"""Token requests, whoever makes them, that an event sees fail before it is told that there is none."""
REFUSED_KEPT = 4
"""Refused tokens that are remembered: a store in which another process puts an old one back does not bring it back."""


@attrs.frozen
class Lease:
    """A token with its times in the monotonic clock, which no change of the wall clock moves."""

    token: Token
    refresh_at: float = math.inf
    expires_at: float = math.inf


Result = Token | NotSentError
_NONE_YET: Result = NotSentError("no token was asked for yet")


class _Flight:
    """On asyncio a refresh is a task of its own, so that no caller's cancellation ends it for the others."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Result] | None = None

    def start(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> asyncio.Task[Result]:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(work(), name="sendpulse_async: token refresh")
        return self._task

    async def join(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        task = self.start(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if task.cancelled() and caller is not None and not caller.cancelling():
                return _closed()
            raise

    async def aclose(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])


class TokenManager:
    """Keeps the account's token.

    Args:
        endpoint: Where a new token comes from.
        store: Where other processes keep theirs; None: nowhere.
        clock: Seconds, monotonic.
        wall_clock: Unix time in seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        store: TokenStore | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._shared = SharedTokens(store, endpoint.credentials.account, wall_clock)
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._lease: Lease | None = None
        self._refused: deque[str] = deque(maxlen=REFUSED_KEPT)
        self._given = "", 0
        self._ended, self._result = 0, _NONE_YET
        self._is_closed = False
        self._flights = PerLoop(_Flight)
        self._locks = PerLoop(anyio.Lock)

    async def get(self, deadline: float = math.inf) -> Token:
        """Return a token that serves, fetching one where there is none.

        Args:
            deadline: Of who asks, in the manager's clock; no wait begins that would last longer.

        Raises:
            NotSentError: There is none to be had; an `AuthenticationError` where the credentials are wrong.
        """
        if (lease := self._live_lease()) is not None:
            if self._clock() >= lease.refresh_at:
                await self._refresh_early()
            return lease.token
        result = await self._refresh(deadline)
        if isinstance(result, Token) and result.text in self._refused:
            result = await self._refresh(deadline)  # the first was refused while it was being kept
        if isinstance(result, Token):
            return result
        raise copy(result)  # one failure may be raised to many who waited: each gets attempts and times of its own

    async def replace(self, refused: Token, deadline: float = math.inf) -> Token:
        """Return another token than `refused`, which the event endpoint did not take.

        A late refusal of a token that was swapped already costs nothing.

        Args:
            refused: The token that was sent.
            deadline: As for `get`.

        Raises:
            NotSentError: As for `get`.
        """
        if self._lease is not None and self._lease.token.text == refused.text:
            self._lease = None
            self._refused.append(refused.text)
        return await self.get(deadline)

    @property
    def asked(self) -> int:
        """How often the token endpoint was asked so far."""
        return self._endpoint.begun

    def is_fresh(self, token: Token, asked: int) -> bool:
        """Tell whether the token endpoint gave it as its latest one, in answer to a later request than so many."""
        text, number = self._given
        return token.text == text and number > asked

    def distrust(self) -> None:
        """Note that even a fresh token was refused: asking for more would only get the account blocked."""
        self._endpoint.cool_down()

    async def aclose(self) -> None:
        """End a refresh that is under way in this event loop, and begin no other."""
        self._is_closed = True
        if is_asyncio() and (flight := self._flights.peek()) is not None:
            await flight.aclose()

    async def _refresh(self, deadline: float) -> Result:
        """Look for a token until there is one, the endpoint was asked often enough, or no time is left to ask again."""
        last, result = self._endpoint.ended + TRIES, await self._look()
        while isinstance(result, NotSentError) and result.scope is not FailureScope.ACCOUNT:
            wait = self._endpoint.wait
            if (lease := self._live_lease()) is not None:  # somebody else, who woke up earlier, was there
                return lease.token
            if self._endpoint.ended >= last:
                break
            if wait <= 0:
                result = await self._look()
            elif self._clock() + wait >= deadline:
                return _with_wait(result, wait)
            else:
                await self._sleep(wait)
        return result

    async def _look(self) -> Result:
        """Look once; all who look at the same time look together."""
        if self._is_closed:
            return _closed()
        if is_asyncio():
            return await self._flights.get().join(self._work)
        ended = self._ended
        async with self._locks.get():  # trio has no task of the sender's own: who waits first fetches for all
            return self._result if self._ended > ended else await self._work()

    async def _refresh_early(self) -> None:
        if self._is_closed:
            return
        if is_asyncio():
            self._flights.get().start(self._work)
        elif not (lock := self._locks.get()).locked():
            async with lock:
                self._postpone()  # before, since whoever waits for it may be cancelled
                with anyio.move_on_after(EARLY_PATIENCE):
                    await self._work()

    async def _work(self) -> Result:
        in_hand = () if self._lease is None else (self._lease.token.text,)
        shared = await self._shared.news({*self._refused, *in_hand})
        result = shared or await self._endpoint.request()
        if isinstance(result, Token):
            self._keep(result)
            if result is not shared:
                self._given = result.text, self._endpoint.begun
                await self._shared.save(result)
        else:
            self._postpone()
        self._ended, self._result = self._ended + 1, result
        return result

    def _live_lease(self) -> Lease | None:
        lease = self._lease
        return lease if lease is not None and self._clock() < lease.expires_at else None

    def _keep(self, token: Token) -> None:
        if token.expires_at is None:
            self._lease = Lease(token)
            return
        now, life = self._clock(), token.expires_at - self._wall_clock()
        self._lease = Lease(token, now + life - min(life * EARLY_SHARE, LONGEST_EARLY), now + life)

    def _postpone(self) -> None:
        """Let the old token, where there is one, serve on, and ask again after half of what is left of it."""
        if self._lease is not None:
            now = self._clock()
            self._lease = attrs.evolve(self._lease, refresh_at=now + (self._lease.expires_at - now) / 2)


def _with_wait(failure: NotSentError, seconds: float) -> NotSentError:
    """Return a failure that says how long the wait would be, where its kind can."""
    told = copy(failure)
    if isinstance(told, RateLimitedError | ServiceUnavailableError):
        told.retry_after = seconds
    return told


def _closed() -> NotSentError:
    return NotSentError("not sent: the sender was closed, and there is no token", scope=FailureScope.ACCOUNT)
