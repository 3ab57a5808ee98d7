"""A sender on a real Redis or memcached that is away, frozen or lying: the event is sent, soon, with one warning."""

from __future__ import annotations

import contextlib
import time

import aiomcache
import anyio
import pytest
import redis.asyncio
from canaries import own_records

from sendpulse_async import AuthorizedEventSender, ClientCredentials, Token
from sendpulse_async.sandbox import Sandbox
from sendpulse_async.stores.memcached import MemcachedTokenStore
from sendpulse_async.stores.redis import RedisTokenStore

from .places import memcached_store, redis_store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

QUICK = 1.5
"""Seconds that an event takes at most while the store is in trouble: three quarters for the store, and something."""
CROWD = 10
KINDS = {"redis": (redis_store, RedisTokenStore), "memcached": (memcached_store, MemcachedTokenStore)}


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def auth(sandbox):
    return ClientCredentials(sandbox.client_id, sandbox.client_secret)


@pytest.fixture
def open_sender(kind, server, sandbox, auth):
    """Return a function that makes a sender on the store, some of whose verbs may be others."""
    opened, base = KINDS[kind]

    @contextlib.asynccontextmanager
    async def open_sender(**verbs):
        lying = type("Lying", (base,), verbs)
        async with (
            opened(server.port, kind=lying) as store,
            AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=store, event_name="order") as sender,
        ):
            yield sender

    return open_sender


async def crowd(sender):
    """Send some events at once; return the seconds that the slowest took."""
    began = time.monotonic()
    async with anyio.create_task_group() as group:
        for number in range(CROWD):
            group.start_soon(sender.send_event, {"email": "someone@example.com", "n": number})
    return time.monotonic() - began


def levels(caplog):
    return [record.levelname for record in own_records(caplog) if record.levelname != "INFO"]


# Away


async def test_a_server_that_is_away_from_the_start(server, sandbox, open_sender, caplog):
    """Nobody listens: a token of one's own, each time that one is needed."""
    server.stop()

    async with open_sender() as sender:
        took = await crowd(sender)
        sandbox.revoke_tokens()
        took_again = await crowd(sender)

    assert (sandbox.accepted_count, sandbox.token_requests) == (2 * CROWD, 2)
    assert max(took, took_again) < QUICK
    assert levels(caplog) == ["WARNING"]


async def test_a_server_that_is_killed_between_events(server, sandbox, open_sender, caplog):
    """It was there for the first token, and not for the second."""
    async with open_sender() as sender:
        await crowd(sender)
        server.stop()
        sandbox.revoke_tokens()
        took = await crowd(sender)

    assert (sandbox.accepted_count, sandbox.token_requests) == (2 * CROWD, 2)
    assert took < QUICK
    assert levels(caplog) == ["WARNING"]


async def test_a_server_that_is_killed_while_it_is_asked(server, sandbox, open_sender, caplog):
    """It has taken the question when it dies."""
    async with open_sender() as sender:
        await crowd(sender)
        sandbox.revoke_tokens()
        server.freeze()
        began = time.monotonic()
        async with anyio.create_task_group() as group:
            group.start_soon(crowd, sender)
            await anyio.sleep(0.1)
            server.stop()
        took = time.monotonic() - began

    assert (sandbox.accepted_count, sandbox.token_requests) == (2 * CROWD, 2)
    assert took < QUICK
    assert levels(caplog) == ["WARNING"]


async def test_a_server_that_freezes_and_thaws(server, sandbox, open_sender, caplog):
    """It takes connections and answers nothing; when it answers again, tokens are shared again."""
    server.freeze()
    async with open_sender() as sender, open_sender() as other:
        took = await crowd(sender)
        sandbox.revoke_tokens()
        took_again = await crowd(sender)
        server.thaw()
        sandbox.revoke_tokens()
        await crowd(sender)
        await sender.aclose()  # its token is saved
        await crowd(other)

    assert (sandbox.accepted_count, sandbox.token_requests) == (4 * CROWD, 3)
    assert max(took, took_again) < QUICK
    assert levels(caplog) == ["WARNING"]


# Lying


@pytest.mark.parametrize("rubbish", ["two words", "", "x" * 20_000, "\u0442\u043e\u043a\u0435\u043d", "a\r\nb: c"])
async def test_a_server_that_holds_rubbish(sandbox, auth, open_sender, rubbish, caplog):
    """What is no token reaches no header, and a token takes its place."""
    async with open_sender() as sender, open_sender() as other:
        await sender._tokens._shared.store.save(auth.account, Token(rubbish))
        took = await crowd(sender)
        await sender.aclose()
        await crowd(other)

    assert (sandbox.accepted_count, sandbox.token_requests, sandbox.refused) == (2 * CROWD, 1, ())
    assert took < QUICK
    assert levels(caplog) == []


async def test_a_server_that_holds_an_old_token_for_ever(sandbox, open_sender, caplog):
    """It is refused once, and not tried again however often the store brings it back."""

    async def load(self, account):
        return Token("old")

    async with open_sender(load=load) as sender:
        took = await crowd(sender)
        sandbox.revoke_tokens()
        took_again = await crowd(sender)

    assert (sandbox.accepted_count, sandbox.token_requests) == (2 * CROWD, 2)
    assert max(took, took_again) < QUICK
    assert levels(caplog) == []


async def test_a_server_that_gives_no_lock(sandbox, open_sender, caplog):
    """Three seconds, once; then each token is fetched at once."""

    async def try_lock(self, account, owner):
        return False

    async with open_sender(try_lock=try_lock) as sender:
        took = await crowd(sender)
        sandbox.revoke_tokens()
        took_again = await crowd(sender)

    assert (sandbox.accepted_count, sandbox.token_requests) == (2 * CROWD, 2)
    assert 3 <= took < 3 + QUICK
    assert took_again < QUICK
    assert levels(caplog) == ["WARNING"]


async def test_a_server_that_gives_everybody_the_lock(sandbox, open_sender, caplog):
    """A token request each, as without a lock; one of the two tokens is in the store."""

    async def try_lock(self, account, owner):
        return True

    async with (
        open_sender(try_lock=try_lock) as first,
        open_sender(try_lock=try_lock) as second,
        anyio.create_task_group() as group,
    ):
        began = time.monotonic()
        group.start_soon(crowd, first)
        group.start_soon(crowd, second)

    assert sandbox.accepted_count == 2 * CROWD
    assert sandbox.token_requests <= 2
    assert time.monotonic() - began < QUICK + 1
    assert levels(caplog) == []


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_client_that_knows_no_trio(kind, server, sandbox, auth, caplog):
    """The servers' clients work in asyncio alone; on trio the sender goes on without them."""
    redis_client, memcached_client = redis.asyncio.Redis(port=server.port), aiomcache.Client("127.0.0.1", server.port)
    store = RedisTokenStore(redis_client) if kind == "redis" else MemcachedTokenStore(memcached_client)

    async with AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=store, event_name="order") as sender:
        took = await crowd(sender)

    assert (sandbox.accepted_count, sandbox.token_requests) == (CROWD, 1)
    assert took < QUICK
    assert levels(caplog) == ["WARNING"]
