"""Keeps tokens in memcached, as SendPulse's official PHP and Python clients do."""

from __future__ import annotations

import asyncio
from typing import Any

from aiomcache import ClientException, FlagClient  # pip install 'sendpulse-async[memcached]'
from aiomcache.client import acquire
from aiomcache.pool import Connection

from .._errors import ConfigurationError
from .._tokens import LOCK_SECONDS, Token
from ._kept import KEPT_SECONDS, bare, checked, seconds_left


class MemcachedTokenStore:
    """A token store in memcached, shared by every process that reaches it, SendPulse's official clients among them.

    The bare token stands under the account alone, for an hour at most, as pysendpulse and SendPulse's PHP client leave
    theirs, so that all use the same one. Of processes that lack a token together one is told to fetch it. What cannot
    be a token is as good as absent. asyncio only.

    Args:
        client: Stays open. A connection on which a command was broken off is closed, and the client opens another.

    Raises:
        ConfigurationError: `client` is no `aiomcache.Client`.
    """

    def __init__(self, client: FlagClient[Any]) -> None:
        if not isinstance(client, FlagClient):
            raise ConfigurationError(f"client must be an aiomcache.Client, not {type(client).__name__}")
        self._client = client

    async def load(self, account: str) -> Token | None:
        """Return the account's token, or None where there is none that can be read.

        Raises:
            OSError: memcached does not answer.
            aiomcache.ClientException: It says something else.
        """
        text = bare(await self._get(checked(account)))
        return Token(text) if text else None

    async def save(self, account: str, token: Token) -> None:
        """Keep `token` in place of any other, for an hour or until it expires.

        Raises:
            OSError: memcached does not answer.
            aiomcache.ClientException: It says something else.
        """
        seconds = int(min(seconds_left(token), KEPT_SECONDS))
        if seconds > 0:  # which to memcached would mean for ever
            await self._store("set", checked(account), token.text, seconds)

    async def try_lock(self, account: str, owner: str) -> bool:
        """Tell whether `owner` is to fetch the account's token.

        Raises:
            OSError: memcached does not answer.
            aiomcache.ClientException: It says something else.
        """
        return await self._store("add", _lock(account), owner, LOCK_SECONDS)

    async def unlock(self, account: str, owner: str) -> None:
        """Let another process lock, if `owner` is the one that did.

        Raises:
            OSError: memcached does not answer.
            aiomcache.ClientException: It says something else.
        """
        key = _lock(account)
        if await self._get(key) == owner.encode():
            await _ask(self._client, f"delete {key}\r\n".encode(), "DELETED", "NOT_FOUND")

    async def _get(self, key: str) -> bytes:
        _, value = await _ask(self._client, f"get {key}\r\n".encode(), "END", f"VALUE {key} ")
        return value

    async def _store(self, verb: str, key: str, text: str, seconds: int) -> bool:
        value = text.encode()
        command = f"{verb} {key} 0 {seconds} {len(value)}\r\n".encode() + value + b"\r\n"
        line, _ = await _ask(self._client, command, "STORED", "NOT_STORED")
        return line == "STORED"


def _lock(account: str) -> str:
    return f"{checked(account)}:lock"


# The client's own commands will not do (aiomcache 0.8). One that is cancelled gives its connection back with the answer
# unread, and the next one takes that for its own; one that changes something spins for ever, and its event loop with
# it, where memcached hangs up (aio-libs/aiomcache#502); and a get fails where another client has set flags.
@acquire
async def _ask(
    client: FlagClient[Any],  # noqa: ARG001 - whose connection it is
    connection: Connection,
    command: bytes,
    *expected: str,
) -> tuple[str, bytes]:
    """Return the line that memcached answers, and the value where it brings one.

    The pool closes a connection whose reader has failed.
    """
    try:
        connection.writer.write(command)
        await connection.writer.drain()
        return await _read(connection.reader, expected)
    except asyncio.CancelledError:
        connection.reader.set_exception(ConnectionAbortedError("a command was broken off"))
        raise
    except (EOFError, LookupError, ValueError):
        raise ClientException("memcached answered something else") from None


async def _read(reader: asyncio.StreamReader, expected: tuple[str, ...]) -> tuple[str, bytes]:
    line = await _read_line(reader)
    if not line.startswith(expected):  # an answer to somebody else's command, for one
        raise ClientException("memcached answered something else")
    if not line.startswith("VALUE"):
        return line, b""
    value = await reader.readexactly(int(line.split()[3]))
    if await _read_line(reader) or await _read_line(reader) != "END":
        raise ClientException("memcached sent more than was asked for")
    return line, value


async def _read_line(reader: asyncio.StreamReader) -> str:
    line = await reader.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionResetError("memcached hung up")
    return line[:-2].decode()
