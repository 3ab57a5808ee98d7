"""The caller's token store, which must never stop a send: whatever it does, there is a token of one's own."""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import anyio
import attrs

from .._logging import facts, logger
from .._tokens import LockingTokenStore, Token, TokenStore, is_header_safe

T = TypeVar("T")

PATIENCE = 0.25
"""Seconds for one call of the store; a token of one's own is there sooner."""
TURN_PATIENCE = 3.0
"""Seconds for the token that another process fetches: should it die, its lock ends in time for one more to fetch it."""
GLANCE = 0.05
"""Seconds between two looks for that token."""


@attrs.define(eq=False)
class SharedTokens:
    """What other processes left of an account's tokens, and whose turn it is to fetch the next one.

    Args:
        store: Where they leave it; None: nowhere.
        account: See `TokenStore`.
        clock: Seconds, monotonic.
        wall_clock: Unix time in seconds.

    Attributes:
        has_turn: This process fetches, or may be expected to; the others wait until it passes the turn on.
    """

    store: TokenStore | None = attrs.field(repr=False)
    account: str = attrs.field(repr=False)
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    has_turn: bool = attrs.field(default=False, init=False)
    _owner: str = attrs.field(default="", init=False, repr=False)
    _waited_in_vain: bool = attrs.field(default=False, init=False)
    _has_warned: bool = attrs.field(default=False, init=False)

    async def news(self, known: Collection[str], deadline: float = math.inf) -> Token | None:
        """Return a token that others left or are about to leave, or None where one is to be fetched.

        Args:
            known: Those that are of no use; nor is one that has expired.
            deadline: Of who needs it. Half of the time until then is left for a token request of one's own.
        """
        if (store := self.store) is None:
            return None
        now = self.clock()
        waits_until = now + min(TURN_PATIENCE, (deadline - now) / 2)
        return await self._guarded(lambda: self._news(store, known, waits_until))

    async def save(self, token: Token) -> None:
        """Leave a token for the others."""
        if (store := self.store) is not None:
            await self._guarded(lambda: _patiently(lambda: store.save(self.account, token)))

    async def pass_on(self) -> None:
        """Let another process have the turn, however this one was ended in it."""
        if self.has_turn and isinstance(store := self.store, LockingTokenStore):
            self.has_turn = False
            with anyio.CancelScope(shield=True):
                await self._guarded(lambda: _patiently(lambda: store.unlock(self.account, self._owner)))

    async def _news(self, store: TokenStore, known: Collection[str], waits_until: float) -> Token | None:
        token = await self._find(store, known)
        if token is not None or not isinstance(store, LockingTokenStore):
            return token
        while not await self._take_turn(store):
            self._waited_in_vain |= self.clock() >= waits_until
            if self._waited_in_vain:
                raise TimeoutError
            await anyio.sleep(GLANCE)
            if (token := await self._find(store, known)) is not None:
                return token
        return await self._find(store, known)  # again: who had the turn before may have left one since

    async def _find(self, store: TokenStore, known: Collection[str]) -> Token | None:
        token = await _patiently(lambda: store.load(self.account))
        if token is None:
            return None
        if not (isinstance(token, Token) and is_header_safe(token.text) and _is_time(token.expires_at)):
            raise TypeError("the store gave something that is no token")
        is_expired = token.expires_at is not None and token.expires_at <= self.wall_clock()
        return None if is_expired or token.text in known else token

    async def _take_turn(self, store: LockingTokenStore) -> bool:
        if not self.has_turn:
            self._owner = secrets.token_hex(8)
            self.has_turn = True  # until the answer is here: without one it may be so
            is_mine = await _patiently(lambda: store.try_lock(self.account, self._owner))
            if not isinstance(is_mine, bool):
                raise TypeError("the store gave no answer")
            self.has_turn = is_mine
            self._waited_in_vain &= not is_mine
        return self.has_turn

    async def _guarded(self, work: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - a foreign store, whatever it raises, never stops a send
            if not self._has_warned:
                self._has_warned = True
                text = "the token store failed (%s); going on with a token of my own"
                logger.warning(text, type(error).__name__, extra=facts(error=error))
            return None


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    with anyio.fail_after(PATIENCE):
        return await call()


def _is_time(expires_at: object) -> bool:
    return expires_at is None or (isinstance(expires_at, int | float) and not math.isnan(expires_at))
