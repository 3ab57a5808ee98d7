"""The one token that all senders of an account use: fetched once however many wait, swapped once when refused."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from copy import copy
from functools import partial

import anyio

from .._errors import FailureScope, NotSentError, RateLimitedError, ServiceUnavailableError
from .._loops import PerLoop, is_asyncio, within
from .._tokens import Token, TokenStore
from ._endpoint import TokenEndpoint
from ._flight import Flight, Result, closed
from ._lease import Lease
from ._shared import SharedTokens

EARLY_PATIENCE = 0.5
"""Seconds that an event on trio spends on an early refresh: on asyncio that is a task."""
TRIES = 4
"""Token requests, whoever makes them, that an event sees fail before it is told that there is none."""
REFUSED_KEPT = 4
"""Refused tokens that are remembered: a store in which another process puts an old one back does not bring it back."""


_NONE_YET: Result = NotSentError("no token was asked for yet")


class TokenManager:
    """Keeps the account's token.

    Args:
        endpoint: Where a new token comes from.
        store: Where other processes keep theirs; None: nowhere.
        clock: Seconds, monotonic.
        wall_clock: Unix time in seconds.
        wait: Waits for something, some seconds at most.
        next_place: Says when an attempt could begin at the earliest, from a moment on.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        store: TokenStore | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        wait: Callable[[float, Awaitable[None]], Awaitable[None]] = within,
        next_place: Callable[[float], float] = lambda start: start,
    ) -> None:
        self._endpoint = endpoint
        self._shared = SharedTokens(store, endpoint.credentials.account, clock, wall_clock)
        self._clock = clock
        self._wall_clock = wall_clock
        self._wait = wait
        self._next_place = next_place
        self._lease: Lease | None = None
        self._refused: deque[str] = deque(maxlen=REFUSED_KEPT)
        self._given = "", 0
        self._ended, self._result = 0, _NONE_YET
        self._unsaved: Token | None = None
        self._skips_store = False
        self._is_closed = False
        self._flights = PerLoop(Flight)

    async def get(self, deadline: float = math.inf) -> Token:
        """Return a token that serves, fetching one where there is none.

        Args:
            deadline: Of who asks, in the manager's clock; no wait begins that would last longer.

        Raises:
            NotSentError: There is none to be had; an `AuthenticationError` where the credentials are wrong.
        """
        return await self._serve(deadline)

    async def replace(self, refused: Token, deadline: float = math.inf, *, afresh: bool = False) -> Token:
        """Return another token than `refused`, which the event endpoint did not take.

        A late refusal of a token that was swapped already costs nothing.

        Args:
            refused: The token that was sent.
            deadline: As for `get`.
            afresh: Do not look into the store: what it had was refused too.

        Raises:
            NotSentError: As for `get`.
        """
        if self._lease is not None and self._lease.token.text == refused.text:
            self._lease = None
            self._refused.append(refused.text)
        return await self._serve(deadline, afresh=afresh)

    @property
    def asked(self) -> int:
        """How often the token endpoint was asked so far."""
        return self._endpoint.begun

    def is_fresh(self, token: Token, asked: int) -> bool:
        """Tell whether the token endpoint gave it as its latest one, in answer to a later request than so many.

        One that expired meanwhile, while its event waited for the quota, is fresh no more.
        """
        (text, number), lease = self._given, self._live_lease()
        return lease is not None and lease.token.text == token.text == text and number > asked

    def distrust(self) -> None:
        """Note that even a fresh token was refused: asking for more would only get the account blocked."""
        self._endpoint.cool_down()

    async def aclose(self) -> None:
        """Begin no other refresh; end the one that is under way in this event loop and those who wait for another one.

        On trio a refresh is a part of the event that makes it, and ends with that.
        """
        self._is_closed = True
        if (flight := self._flights.peek()) is not None:
            await flight.aclose()

    async def _serve(self, deadline: float, *, afresh: bool = False) -> Token:
        if (lease := self._live_lease()) is not None:
            if self._clock() >= lease.refresh_at:
                await self._refresh_early()
            return lease.token
        result = await self._refresh(deadline, afresh=afresh)
        if isinstance(result, Token):
            return result
        raise copy(result)  # one failure may be raised to many who waited: each gets attempts and times of its own

    async def _refresh(self, deadline: float, *, afresh: bool) -> Result:
        """Look for a token until there is one, the endpoint was asked often enough, or no time is left to ask again."""
        last, result = self._endpoint.ended + TRIES, await self._look(deadline, afresh=afresh)
        while isinstance(result, NotSentError) and result.scope is not FailureScope.ACCOUNT:
            if (lease := self._live_lease()) is not None:  # somebody else was there meanwhile
                return lease.token
            if self._is_closed:
                return closed()
            if self._endpoint.ended >= last:
                break
            if (wait := self._endpoint.wait) <= 0:
                result = await self._look(deadline, afresh=afresh)
                continue
            now = self._clock()
            if (place := self._next_place(now + wait)) >= deadline:
                return _with_wait(result, place - now)
            await self._wait(wait, self._flights.get().landing())
        return result

    async def _look(self, deadline: float, *, afresh: bool) -> Result:
        """Look once; all who look at the same time look together."""
        if self._is_closed:
            return closed()
        self._skips_store |= afresh
        flight, ended = self._flights.get(), self._ended
        if is_asyncio():
            return await flight.join(partial(self._fetch_in_task, deadline))
        async with flight.lock:
            if self._ended > ended:
                return self._result
            result = await self._fetch(deadline)
        await self._leave()
        return result

    async def _refresh_early(self) -> None:
        if self._is_closed:
            return
        flight = self._flights.get()
        if is_asyncio():
            flight.start(self._fetch_in_task)
        elif not flight.lock.locked():
            self._postpone()  # before, since whoever waits for it may be cancelled
            with anyio.move_on_after(EARLY_PATIENCE):
                async with flight.lock:
                    await self._fetch()
                await self._leave()

    async def _fetch_in_task(self, deadline: float = math.inf) -> Result:
        result = await self._fetch(deadline)
        if self._unsaved is not None or self._shared.has_turn:
            self._flights.get().spawn(self._leave(), "save")  # those who wait for the token do not wait for this
        return result

    async def _fetch(self, deadline: float = math.inf) -> Result:
        """Bring a token, of the store or a new one, and tell all who wait for one."""
        try:
            shared = await self._look_into_store(deadline)
            result = shared or await self._endpoint.request()
        except BaseException:  # a cancellation, as a rule: nobody is to wait for a token that does not come
            await self._shared.pass_on()
            raise
        if isinstance(result, NotSentError):
            self._postpone()
        else:
            self._lease = Lease.begun(result, self._clock(), self._wall_clock())
            if result is not shared:
                self._given, self._unsaved = (result.text, self._endpoint.begun), result
            self._flights.get().land()
        self._ended, self._result = self._ended + 1, result
        return result

    async def _look_into_store(self, deadline: float) -> Token | None:
        in_hand = () if self._lease is None else (self._lease.token.text,)
        skips_store, self._skips_store = self._skips_store, True  # who is cancelled while the store hangs leaves word
        token = None if skips_store else await self._shared.news({*self._refused, *in_hand}, deadline)
        self._skips_store = False
        return token

    async def _leave(self) -> None:
        """Save the latest token for the others, and then let another process have the turn to fetch.

        One call at a time, so that an older token never lands last.
        """
        try:
            async with self._flights.get().saving:
                token, self._unsaved = self._unsaved, None
                if token is not None:
                    await self._shared.save(token)
        finally:
            await self._shared.pass_on()

    def _live_lease(self) -> Lease | None:
        lease = self._lease
        return lease if lease is not None and self._clock() < lease.expires_at else None

    def _postpone(self) -> None:
        """Let the old token, where there is one, serve on."""
        if self._lease is not None:
            self._lease = self._lease.postponed(self._clock())


def _with_wait(failure: NotSentError, seconds: float) -> NotSentError:
    """Return a failure that says how long the wait would be, where its kind can."""
    told = copy(failure)
    if isinstance(told, RateLimitedError | ServiceUnavailableError):
        told.retry_after = seconds
    return told
