"""What the stores on servers add to the contract: a life, a lock, and a client of the caller's."""

from __future__ import annotations

import time

import pytest
import redis

from sendpulse_async import ClientCredentials, ConfigurationError, LockingTokenStore, Token
from sendpulse_async._tokens import LOCK_SECONDS
from sendpulse_async.stores.memcached import MemcachedTokenStore
from sendpulse_async.stores.redis import RedisTokenStore

from .places import SHARED, ask

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

ACCOUNT = ClientCredentials("id", "secret").account
OTHER = ClientCredentials("id", "other").account
HOUR, DAY = 3600, 86_400


class Redis:
    """The server as another client sees it."""

    def __init__(self, port):
        self._client = redis.Redis(port=port, protocol=2)

    def put(self, content, key=ACCOUNT):
        self._client.set(f"sendpulse:token:{key}", content)

    def content(self):
        return self._client.get(f"sendpulse:token:{ACCOUNT}")

    def seconds(self, key=ACCOUNT):
        """How long a key is kept still."""
        return self._client.pttl(f"sendpulse:token:{key}") / 1000

    def close(self):
        self._client.close()


class Memcached:
    """The server as another client sees it."""

    def __init__(self, port):
        self._port = port

    def put(self, content, key=ACCOUNT, flags=0):
        command = f"set {key} {flags} 0 {len(content)}\r\n".encode() + content
        assert ask(self._port, command) == b"STORED"

    def content(self):
        answer = ask(self._port, f"get {ACCOUNT}".encode())
        return answer.splitlines()[1] if answer.startswith(b"VALUE") else None

    def seconds(self, key=ACCOUNT):
        answer = ask(self._port, f"mg {key} t".encode())
        return int(answer.removeprefix(b"HD t"))

    def close(self):
        """Do nothing: each command has a connection of its own."""


@pytest.fixture(params=SHARED, ids=str)
def place(request):
    return request.param


@pytest.fixture
async def store(place, request, tmp_path):
    async with place.open(request, tmp_path) as store:
        yield store


@pytest.fixture
def server(place, request):
    """The store's server, beside the store."""
    kind = Redis if place.name == "redis" else Memcached
    server = kind(request.getfixturevalue(place.server).port)
    yield server
    server.close()


# A token's life


async def test_a_token_is_kept_bare(store, server):
    """Another program finds the token's text, and nothing else."""
    await store.save(ACCOUNT, Token("abc.def", time.time() + 100))

    assert server.content() == b"abc.def"


@pytest.mark.parametrize(
    ("life", "in_redis", "in_memcached"),
    [
        (None, HOUR, HOUR),
        (100, 100, 100),
        (2, 2, 2),
        (DAY, DAY, HOUR),
        (365 * DAY, DAY, HOUR),
        (float("inf"), DAY, HOUR),
    ],
)
async def test_a_token_is_kept_until_it_expires(store, server, place, life, in_redis, in_memcached):
    """The server forgets it by itself, no later than it says; where it says nothing, after an hour."""
    await store.save(ACCOUNT, Token("abc", None if life is None else time.time() + life))

    most = in_redis if place.name == "redis" else in_memcached
    assert most - 2 <= server.seconds() <= most


@pytest.mark.parametrize("life", [0, -1, -1e9, 0.0001])
async def test_an_expired_token_is_not_kept(store, server, life):
    """It is not kept for ever, and takes no other's place."""
    server.put(b"another")

    await store.save(ACCOUNT, Token("abc", time.time() + life))

    assert server.content() == b"another"


async def test_an_expiry_is_the_servers_word_or_none(store, server, place):
    """Redis tells how long a token lives still; memcached does not, nor does Redis of one that does not expire."""
    await store.save(ACCOUNT, Token("abc", time.time() + 100))
    told = (await store.load(ACCOUNT)).expires_at
    server.put(b"abc")
    untold = (await store.load(ACCOUNT)).expires_at

    assert told == (pytest.approx(time.time() + 100, abs=2) if place.name == "redis" else None)
    assert untold is None


@pytest.mark.parametrize("hours", [2, -2])
async def test_the_machines_clocks_may_differ(store, place, hours, monkeypatch):
    """A token that one machine saved lives as long for another one whose clock is hours ahead or behind."""
    await store.save(ACCOUNT, Token("abc", time.time() + 100))
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + hours * HOUR)

    loaded = await store.load(ACCOUNT)

    assert loaded.text == "abc"
    if place.name == "redis":
        assert loaded.expires_at - time.time() == pytest.approx(100, abs=2)


# What is no token


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"abc\n", "abc"),
        (b"b'abc.def'", "abc.def"),
        (b"x" * 16_384, "x" * 16_384),
        (b"", None),
        (b" \n", None),
        (b"two words", None),
        (b"abc\nX-Evil: 1", None),
        (b"abc\r\nEND\r\n", None),
        (b"\xff\xfe", None),
        (b"\x80\x04\x95", None),
        ("\u0442\u043e\u043a\u0435\u043d".encode(), None),
        (b"x" * 16_385, None),
        (b"x" * 1_000_000, None),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_what_cannot_be_a_token_is_as_good_as_absent(store, server, content, text):
    """Rubbish is no token and no error, and the next token takes its place."""
    server.put(content)

    loaded = await store.load(ACCOUNT)
    await store.save(ACCOUNT, Token("abc"))

    assert loaded == (text and Token(text))
    assert (await store.load(ACCOUNT)).text == "abc"


@pytest.mark.parametrize("account", ["", "a" * 31, "A" * 32, "a" * 32 + "\r\nflush_all", f"{'a' * 32} 0 0 1"])
async def test_an_account_is_no_command(store, account):
    """Only 32 lower-case hex digits are a part of a key."""
    for call in (
        store.load(account),
        store.save(account, Token("abc")),
        store.try_lock(account, "me"),
        store.unlock(account, "me"),
    ):
        with pytest.raises(ConfigurationError, match="account"):
            await call


# The lock


async def test_one_owner_at_a_time_gets_the_lock(store):
    """Until it unlocks nobody is told to fetch, not even the owner himself; afterwards somebody else is."""
    granted = [await store.try_lock(ACCOUNT, owner) for owner in ("first", "second", "first")]
    await store.unlock(ACCOUNT, "first")
    granted += [await store.try_lock(ACCOUNT, "second")]

    assert granted == [True, False, False, True]


async def test_only_its_owner_unlocks(store):
    """Who lost his lock, since it ended by itself, does not take another one's."""
    await store.try_lock(ACCOUNT, "second")

    await store.unlock(ACCOUNT, "first")

    assert not await store.try_lock(ACCOUNT, "third")


async def test_what_is_not_locked_can_be_unlocked(store):
    """Nothing happens."""
    await store.unlock(ACCOUNT, "first")

    assert await store.try_lock(ACCOUNT, "first")


async def test_a_lock_ends_by_itself(store, server):
    """Its owner may die."""
    await store.try_lock(ACCOUNT, "first")

    assert 0 < server.seconds(f"{ACCOUNT}:lock") <= LOCK_SECONDS


async def test_locks_and_tokens_do_not_mix(store):
    """A lock is its account's alone, and no token."""
    await store.try_lock(ACCOUNT, "first")
    is_others_free = await store.try_lock(OTHER, "first")
    await store.save(ACCOUNT, Token("abc"))
    await store.unlock(ACCOUNT, "first")

    assert is_others_free
    assert (await store.load(ACCOUNT)).text == "abc"
    assert await store.load(OTHER) is None


async def test_a_shared_store_can_lock(store):
    """Both follow the protocol of a store that lets one process fetch for all."""
    assert isinstance(store, LockingTokenStore)


# The client


@pytest.mark.parametrize("kind", [RedisTokenStore, MemcachedTokenStore])
@pytest.mark.parametrize("client", [None, "redis://127.0.0.1", object(), redis.Redis])
def test_a_client_is_one_of_its_library(kind, client):
    """Anything else, a synchronous client or a URL for one, is refused by the name of the setting."""
    with pytest.raises(ConfigurationError, match="client must be a"):
        kind(client)


def test_a_prefix_is_text():
    """Anything else is refused by the name of the setting."""
    with pytest.raises(ConfigurationError, match="prefix"):
        RedisTokenStore(redis.asyncio.Redis(), prefix=b"tokens:")
