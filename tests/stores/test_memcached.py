"""What memcached and its client make possible: flags, answers to somebody else, and a server that hangs up."""

from __future__ import annotations

import asyncio
import contextlib

import aiomcache
import anyio
import pytest

from sendpulse_async import ClientCredentials, Token
from sendpulse_async.stores.memcached import MemcachedTokenStore

from .places import ask, memcached_store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

ACCOUNT = ClientCredentials("id", "secret").account


@contextlib.asynccontextmanager
async def scripted(*answers):
    """A store whose server gives these answers to commands; None: it hangs up. Then it is a memcached without keys.

    Yields the store, and how many commands came on each connection.
    """
    script, commands, ended = list(answers), [], []

    async def serve(reader, writer):
        index, end = len(commands), anyio.Event()
        commands.append(0)
        ended.append(end)
        answer = b""
        while answer is not None and (line := await reader.readline()):
            if line.startswith((b"set", b"add")):
                await reader.readline()
            commands[index] += 1
            answer = script.pop(0) if script else b"END\r\n"
            writer.write(answer or b"")
        writer.close()
        end.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, memcached_store(server.sockets[0].getsockname()[1], pool_size=1) as store:
        yield store, commands
    for end in ended:
        await end.wait()


@pytest.mark.parametrize(
    ("flags", "content", "text"),
    [(16, b"abc", "abc"), (1, b"\x80\x04\x95\x07.", None), (8, b"x\x9cKLJ\x06", None), (2**32 - 1, b"abc", "abc")],
)
async def test_flags_are_no_error(memcached_server, flags, content, text):
    """How another client marks a value is its own affair: bare text is a token, what was packed is none."""
    command = f"set {ACCOUNT} {flags} 0 {len(content)}\r\n".encode() + content
    assert ask(memcached_server.port, command) == b"STORED"

    async with memcached_store(memcached_server.port) as store:
        loaded = await store.load(ACCOUNT)
        await store.save(ACCOUNT, Token("new"))
        latest = await store.load(ACCOUNT)

    assert loaded == (text and Token(text))
    assert latest == Token("new")


@pytest.mark.parametrize("verb", ["load", "save", "try_lock", "unlock"])
async def test_a_server_that_hangs_up_is_an_error(verb):
    """It neither holds up the event loop nor is taken for an answer, and the next call gets a connection of its own."""
    arguments = {"load": (), "save": (Token("abc"),), "try_lock": ("me",), "unlock": ("me",)}[verb]
    async with scripted(None) as (store, commands):
        with pytest.raises(ConnectionResetError):
            await getattr(store, verb)(ACCOUNT, *arguments)

        assert await store.load(ACCOUNT) is None

    assert commands == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        f"VALUE {'b' * 32} 0 6\r\ncanary\r\nEND\r\n".encode(),
        b"VALUE\r\n",
        f"VALUE {ACCOUNT} 0\r\n".encode(),
        f"VALUE {ACCOUNT} 0 many\r\n".encode(),
        f"VALUE {ACCOUNT} 0 -5\r\n".encode(),
        f"VALUE {ACCOUNT} 0 3\r\nabcdef\r\nEND\r\n".encode(),
        f"VALUE {ACCOUNT} 0 3\r\nabc\r\nVALUE {ACCOUNT} 0 3\r\nabc\r\nEND\r\n".encode(),
        b"STORED\r\n",
        b"SERVER_ERROR out of memory\r\n",
        b"\r\n",
        b"\xff\r\n",
        b"x" * 100_000 + b"\r\n",
    ],
    ids=lambda answer: repr(answer[:12]),
)
async def test_an_answer_to_something_else_is_an_error(answer):
    """A value of another key above all: it is never taken for a token, and its connection serves no longer."""
    async with scripted(answer) as (store, commands):
        with pytest.raises(aiomcache.ClientException) as caught:
            await store.load(ACCOUNT)

        assert await store.load(ACCOUNT) is None

    assert "canary" not in repr(caught.value)
    assert commands == [1, 1]


async def test_a_server_that_will_not_store_is_an_error():
    """A full server is no success."""
    async with scripted(b"SERVER_ERROR out of memory storing object\r\n") as (store, _):
        with pytest.raises(aiomcache.ClientException):
            await store.save(ACCOUNT, Token("abc"))


async def test_one_connection_serves_all_calls_that_end_well(memcached_server):
    """Only a call that is broken off costs a connection; the caller's client goes on with the same ones."""
    client = aiomcache.Client("127.0.0.1", memcached_server.port, pool_size=1)
    store = MemcachedTokenStore(client)

    await store.save(ACCOUNT, Token("abc"))
    before = (await client.stats())[b"total_connections"]
    for _ in range(5):
        await store.load(ACCOUNT)
        await store.try_lock(ACCOUNT, "me")
        await store.unlock(ACCOUNT, "me")
    after = (await client.stats())[b"total_connections"]
    await client.close()

    assert before == after
