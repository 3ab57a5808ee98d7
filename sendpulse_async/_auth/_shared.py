"""The caller's token store, which must never stop a send: whatever it does, there is a token of one's own."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import anyio
import attrs

from .._tokens import Token, TokenStore, is_header_safe

T = TypeVar("T")

logger = logging.getLogger("sendpulse_async")

PATIENCE = 1.0
"""Seconds for one call of the store; a token of one's own is there sooner."""


@attrs.define(eq=False)
class SharedTokens:
    """What other processes left of an account's tokens.

    Args:
        store: Where they leave it; None: nowhere.
        account: See `TokenStore`.
        wall_clock: Unix time in seconds.
    """

    store: TokenStore | None = attrs.field(repr=False)
    account: str = attrs.field(repr=False)
    wall_clock: Callable[[], float]
    _has_warned: bool = attrs.field(default=False, init=False)

    async def news(self, known: Collection[str]) -> Token | None:
        """Return the store's token, unless it is expired or one of those that are known."""
        token = await self._guarded(self._load, PATIENCE)
        if token is None or token.text in known:
            return None
        return None if token.expires_at is not None and token.expires_at <= self.wall_clock() else token

    async def save(self, token: Token, patience: float = PATIENCE) -> None:
        """Leave a token for the others, within `patience` seconds."""
        if (store := self.store) is not None:
            await self._guarded(lambda: store.save(self.account, token), patience)

    async def _load(self) -> Token | None:
        token = None if self.store is None else await self.store.load(self.account)
        if token is None or (isinstance(token, Token) and is_header_safe(token.text) and _is_time(token.expires_at)):
            return token
        raise TypeError("the store gave something that is no token")

    async def _guarded(self, call: Callable[[], Awaitable[T]], patience: float) -> T | None:
        try:
            with anyio.fail_after(patience):
                return await call()
        except Exception as error:  # noqa: BLE001 - a foreign store, whatever it raises, never stops a send
            if not self._has_warned:
                self._has_warned = True
                logger.warning("the token store failed (%s); going on with a token of my own", type(error).__name__)
            return None


def _is_time(expires_at: object) -> bool:
    return expires_at is None or (isinstance(expires_at, int | float) and not math.isnan(expires_at))
