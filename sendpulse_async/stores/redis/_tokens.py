"""Keeps tokens in Redis, for all machines that reach it, and tells one of them to fetch."""

from __future__ import annotations

import time

from redis.asyncio import Redis

from ..._errors import ConfigurationError
from ..._tokens import LOCK_SECONDS, Token
from .._kept import bare, checked, seconds_left

LONGEST_KEPT = 86_400.0
"""Seconds for a token that says more."""
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class RedisTokenStore:
    """A token store in Redis, shared by every process that reaches it, on one machine or many.

    The bare token stands under `prefix` and the account, and expires by Redis's own clock, so that machines whose
    clocks differ agree on its life. Of processes that lack a token together one is told to fetch it. What cannot be a
    token is as good as absent. asyncio only.

    Args:
        client: Stays open; with `decode_responses=True` or without.
        prefix: What the names of all its keys begin with.

    Raises:
        ConfigurationError: `client` is no `redis.asyncio.Redis`, or `prefix` no string.
    """

    def __init__(self, client: Redis, *, prefix: str = "sendpulse:token:") -> None:
        if not isinstance(client, Redis):
            raise ConfigurationError(f"client must be a redis.asyncio.Redis, not {type(client).__name__}")
        if not isinstance(prefix, str):
            raise ConfigurationError(f"prefix must be a string, not {type(prefix).__name__}")
        self._client = client
        self._prefix = prefix

    async def load(self, account: str) -> Token | None:
        """Return the account's token, or None where there is none that can be read.

        Raises:
            RedisError: Redis does not answer, or will not.
        """
        key = self._key(account)
        async with self._client.pipeline(transaction=True) as both:
            both.get(key)
            both.pttl(key)
            try:
                content, milliseconds = await both.execute(raise_on_error=False)
            except UnicodeDecodeError:  # the caller's client decodes
                return None
        if not isinstance(content, bytes | str):  # None, or the error that says that the key holds no string
            return None
        text = bare(content if isinstance(content, bytes) else content.encode())
        if text is None:
            return None
        return Token(text, time.time() + milliseconds / 1000 if milliseconds >= 0 else None)

    async def save(self, account: str, token: Token) -> None:
        """Keep `token` in place of any other, until it expires.

        Raises:
            RedisError: Redis does not answer, or will not.
        """
        milliseconds = int(min(seconds_left(token), LONGEST_KEPT) * 1000)
        if milliseconds > 0:
            await self._client.set(self._key(account), token.text, px=milliseconds)

    async def try_lock(self, account: str, owner: str) -> bool:
        """Tell whether `owner` is to fetch the account's token.

        Raises:
            RedisError: Redis does not answer, or will not.
        """
        return bool(await self._client.set(self._key(account, ":lock"), owner, nx=True, px=LOCK_SECONDS * 1000))

    async def unlock(self, account: str, owner: str) -> None:
        """Let another process lock, if `owner` is the one that did.

        Raises:
            RedisError: Redis does not answer, or will not.
        """
        await self._client.eval(_UNLOCK, 1, self._key(account, ":lock"), owner)

    def _key(self, account: str, suffix: str = "") -> str:
        return f"{self._prefix}{checked(account)}{suffix}"
