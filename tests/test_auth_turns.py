"""Whose turn it is to fetch: many processes that lack one token, a store that tells one of them, and what it may do."""

from __future__ import annotations

import logging

import anyio
import pytest
from anyio.lowlevel import checkpoint
from canaries import own_records
from fake_account import CREDENTIALS, TOKEN_TEXT, Account, Authorized
from fakes import SILENCE, Step, answer, at_once, backend, now, turns

from sendpulse_async import LockingTokenStore, MemoryTokenStore, NotSentError, Token
from sendpulse_async._tokens import LOCK_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

FIRST, SECOND = f"{TOKEN_TEXT}1", f"{TOKEN_TEXT}2"
SHARED = "canary-shared"
LITTLE = 0.06
"""Seconds between two looks at the store, and something."""
SOON = 0.5
"""Seconds in which a token is saved and the lock given back, and no lock ends by itself."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


class Store(MemoryTokenStore):
    """A store of one account with a lock that ends by itself; each call goes a way to a server.

    Attributes:
        asked: How often it was asked for the lock.
        unlocks: How often it was told that the lock is not needed any more.
    """

    def __init__(self):
        super().__init__()
        self.asked = self.unlocks = 0
        self._owner, self._until = None, 0.0

    @property
    def owner(self):
        """Who has the lock."""
        return self._owner if now() < self._until else None

    def lock(self, owner, seconds=LOCK_SECONDS):
        self._owner, self._until = owner, now() + seconds

    async def try_lock(self, account, owner):
        self.asked += 1
        await checkpoint()
        assert account == CREDENTIALS.account
        if is_free := self.owner is None:
            self.lock(owner)
        return is_free

    async def unlock(self, account, owner):
        self.unlocks += 1
        await checkpoint()
        assert account == CREDENTIALS.account
        if self._owner == owner:
            self._owner = None


class SlowSave(Store):
    async def save(self, account, token):
        await anyio.sleep(0.2)
        await super().save(account, token)


class Never(Store):
    """A store that gives no lock."""

    async def try_lock(self, account, owner):
        self.asked += 1
        return False


class Always(Store):
    """A store that gives the lock to everybody."""

    async def try_lock(self, account, owner):
        self.asked += 1
        return True


def fleet(account, store, count=8):
    """Senders that know nothing of each other, as in processes of their own."""
    return [Authorized(account, store) for _ in range(count)]


async def send(senders):
    """Let each send an event at the same time; return the statuses, or errors, and how long it took."""
    began = now()
    results = await at_once(*[sender.send for sender in senders])
    took = now() - began
    await anyio.sleep(SOON)
    return [getattr(result, "status_code", result) for result in results], took


# One for all


async def test_who_start_together_make_one_token_request():
    """One of eight fetches, and the others send with its token as soon as it is in the store."""
    account, store = Account(travel=0.3), Store()

    statuses, took = await send(fleet(account, store))

    assert statuses == [200] * 8
    assert account.sent == [FIRST] * 8
    assert account.token_requests == 1
    assert took <= 0.6 + LITTLE
    assert store.owner is None


async def test_a_token_revoked_under_all_of_them_is_fetched_once():
    """Where the store has nothing but the token that was refused, one of them fetches another."""
    account, store = Account(travel=0.3), Store()
    senders = fleet(account, store)
    await send(senders)
    account.revoke()

    statuses, _ = await send(senders)

    assert statuses == [200] * 8
    assert account.sent[-8:] == [SECOND] * 8
    assert account.token_requests == 2


async def test_an_early_refresh_is_made_once():
    """Near a token's end one of them fetches the next, which the others find; all send at once meanwhile."""
    account, store = Account(expires_in=100, travel=0.1), Store()
    senders = fleet(account, store)
    await send(senders)
    await anyio.sleep(85)

    statuses, took = await send(senders)
    await send(senders)

    assert statuses == [200] * 8
    assert account.sent[-8:] == [SECOND] * 8
    assert account.token_requests == 2
    assert took <= 0.6 + LITTLE  # on trio, where a refresh is a part of an event


async def test_others_wait_until_the_token_is_saved():
    """The lock is given back after the token is in the store, however slow that is; not before."""
    account, store = Account(), SlowSave()

    statuses, _ = await send(fleet(account, store))

    assert statuses == [200] * 8
    assert account.token_requests == 1
    assert store.owner is None


async def test_who_gets_the_lock_looks_again():
    """A token that came between the look and the lock is used, and the lock given back."""

    class Behind(Store):
        async def try_lock(self, account, owner):
            await self.save(account, Token(SHARED))
            return await super().try_lock(account, owner)

    account, store = Account(), Behind()
    account.valid.add(SHARED)

    statuses, _ = await send(fleet(account, store, 1))

    assert statuses == [200]
    assert (account.token_requests, account.sent) == (0, [SHARED])
    assert (store.asked, store.owner) == (1, None)


@pytest.mark.parametrize("trouble", [answer(500), answer(401, {"error": "invalid_client"})], ids=["500", "refused"])
async def test_who_fails_to_fetch_lets_the_next_one_try(trouble):
    """After a token request that brought none the lock is free at once."""
    account, store = Account(Step(trouble, seconds=0.3)), Store()

    statuses, took = await send(fleet(account, store))

    assert statuses.count(200) >= 7  # whose credentials were refused does not ask again
    assert account.token_requests == 2
    assert took < 1
    assert store.owner is None


# Broken off


async def test_a_sender_that_is_closed_leaves_no_lock():
    """What `aclose` ends while the token is fetched holds nobody up."""
    account, store = Account(SILENCE), Store()
    (first,) = fleet(account, store, 1)

    async with anyio.create_task_group() as group:
        group.start_soon(at_once, first.send)
        await anyio.sleep(0.1)
        had_it = store.owner is not None
        await first.tokens.aclose()
        group.cancel_scope.cancel()
    statuses, took = await send(fleet(account, store, 1))

    assert had_it
    assert (statuses, took < LITTLE) == ([200], True)


async def test_a_sender_that_is_closed_after_its_event_leaves_no_lock():
    """A program that ends right after its first event lets its token be saved and the lock be free."""
    account, store = Account(), SlowSave()
    (first,) = fleet(account, store, 1)

    await first.send()
    await first.tokens.aclose()

    assert store.owner is None
    assert (await store.load(CREDENTIALS.account)).text == FIRST


async def test_a_cancelled_caller_leaves_no_lock(anyio_backend):
    """On trio the lock goes with the caller who fetched; on asyncio the fetch goes on without him."""
    account, store = Account(travel=1), Store()
    first, second = fleet(account, store, 2)

    with anyio.move_on_after(0.5):
        await first.send()
    had_lock_afterwards = store.owner is not None
    (status,), _ = await send([second])

    assert status == 200
    assert had_lock_afterwards is (anyio_backend[0] == "asyncio")
    assert account.token_requests == (1 if anyio_backend[0] == "asyncio" else 2)
    assert store.owner is None


async def test_who_waits_for_anothers_token_is_closed_at_once(anyio_backend):
    """`aclose` ends the wait, and says so; no token request is made."""
    if anyio_backend[0] == "trio":
        pytest.skip("on trio the wait is part of the caller")
    account, store = Account(), Store()
    store.lock("somebody", 60)
    (first,), began = fleet(account, store, 1), now()

    async def close_soon():
        await anyio.sleep(0.2)
        await first.tokens.aclose()

    error, _ = await at_once(first.send, close_soon)

    assert type(error) is NotSentError
    assert now() - began <= 0.2 + LITTLE
    assert (account.token_requests, store.owner) == (0, "somebody")


async def test_who_was_cancelled_while_he_waited_waits_no_more():
    """On trio the next event fetches at once: of events with little time one is lost at most."""
    account, store = Account(), Store()
    store.lock("somebody", 60)
    (first,), accepted = fleet(account, store, 1), 0

    for _ in range(5):
        with anyio.move_on_after(1.6):
            accepted += (await first.send()).status_code == 200

    assert accepted >= 4
    assert account.token_requests == 1


# Stores that lie, fail and hang


async def test_a_holder_that_died_holds_the_others_up_until_its_lock_ends():
    """After two seconds one of those who wait fetches, for all."""
    account, store = Account(travel=0.3), Store()
    store.lock("who died")

    statuses, took = await send(fleet(account, store))

    assert statuses == [200] * 8
    assert account.token_requests == 1
    assert took <= LOCK_SECONDS + 0.6 + 2 * LITTLE


async def test_a_lock_that_is_never_given_costs_three_seconds_and_one_warning(caplog):
    """Then everybody fetches for himself; nobody waits a second time, until a lock is given again."""
    account, store = Account(), Never()
    senders = fleet(account, store, 2)

    statuses, took = await send(senders)
    account.revoke()
    again, took_again = await send(senders)

    assert statuses == again == [200] * 2
    assert account.token_requests == 4
    assert took <= 3 + LITTLE
    assert took_again < LITTLE
    warning = "the token store failed (TimeoutError); going on with a token of my own"
    assert [record.getMessage() for record in own_records(caplog)] == [warning] * 2


async def test_a_lock_that_is_given_is_believed_again():
    """Who once waited in vain waits again after a lock that he got."""
    account, store = Account(), Store()
    (first,) = fleet(account, store, 1)
    store.lock("who died", 60)
    await send([first])
    store.lock("nobody", 0)
    account.revoke()
    await send([first])
    store.lock("who fetches", 60)
    account.valid = {SHARED}

    async with anyio.create_task_group() as group:
        group.start_soon(first.send)
        await anyio.sleep(1)
        await store.save(CREDENTIALS.account, Token(SHARED))

    assert account.sent[-1] == SHARED
    assert account.token_requests == 2


async def test_a_lock_that_everybody_gets_stops_nobody(caplog):
    """Each fetches for himself, as without a lock."""
    account = Account(travel=0.3)

    statuses, took = await send(fleet(account, Always()))

    assert statuses == [200] * 8
    assert account.token_requests == 8
    assert took <= 0.6 + LITTLE
    assert own_records(caplog) == []


async def test_an_event_with_little_time_waits_for_half_of_it():
    """The other half is left for a token request of its own."""
    account, store = Account(), Never()
    (first,), began = fleet(account, store, 1), now()

    result = await first.send(deadline=began + 1)

    assert result.status_code == 200
    assert 0.5 - LITTLE <= now() - began <= 0.5 + LITTLE


async def test_no_lock_is_asked_for_where_a_token_is_there():
    """It costs one call of the store."""
    account, store = Account(), Store()
    account.valid.add(SHARED)
    await store.save(CREDENTIALS.account, Token(SHARED))

    statuses, _ = await send(fleet(account, store))

    assert statuses == [200] * 8
    assert (account.token_requests, store.asked, store.unlocks) == (0, 0, 0)


@pytest.mark.parametrize("has_failed", [False, True])
async def test_no_lock_is_asked_for_where_the_store_is_not_asked(has_failed):
    """Neither where a token is to be fetched afresh, nor where the store has just failed: that would cost more time."""
    account, store = Account(), Store()
    (first,) = fleet(account, store, 1)
    first_token = await first.tokens.get()
    asked = store.asked
    if has_failed:
        store.load = None

    replaced = await first.tokens.replace(first_token, afresh=not has_failed)

    assert replaced.text == SECOND
    assert (asked, store.asked) == (1, 1)


class FailingLock(Store):
    async def try_lock(self, account, owner):
        raise OSError("no canary here")


class HangingLock(Store):
    """A store that gives the lock and never says so."""

    async def try_lock(self, account, owner):
        await super().try_lock(account, owner)
        await anyio.sleep_forever()


class Vague(Store):
    async def try_lock(self, account, owner):
        return None


class Synchronous(Store):
    def try_lock(self, account, owner):
        return True


class FailingUnlock(Store):
    async def unlock(self, account, owner):
        raise OSError("no canary here")


class HangingUnlock(Store):
    async def unlock(self, account, owner):
        await anyio.sleep_forever()


BROKEN = {
    FailingLock: 0,
    HangingLock: 0.25,
    Vague: 0,
    Synchronous: 0,
    FailingUnlock: LOCK_SECONDS,
    HangingUnlock: LOCK_SECONDS,
}


@pytest.mark.parametrize(("kind", "seconds"), BROKEN.items())
async def test_a_lock_that_fails_never_stops_an_event(kind, seconds, caplog):
    """Whatever its verbs do, the event is sent, with one warning; a lock that stays holds it up until it ends."""
    caplog.set_level(logging.INFO, "sendpulse_async")
    account, store = Account(), kind()
    (first,) = fleet(account, store, 1)

    statuses, took = await send([first])
    account.revoke()
    again, took_again = await send([first])

    assert statuses + again == [200, 200]
    assert max(took, took_again) <= seconds + 0.25 + LITTLE  # which on trio is for giving it back
    assert [record.levelname for record in own_records(caplog)] == ["WARNING"]


async def test_a_lock_that_may_have_been_given_is_given_back():
    """Where the answer never came, the store is told all the same that the lock is not needed."""
    account, store = Account(), HangingLock()

    await send(fleet(account, store, 1))

    assert store.unlocks == 1
    assert store.owner is None


async def test_closing_is_not_held_up_by_a_lock():
    """A store that hangs when the lock is given back costs `aclose` its patience, and no more."""
    account, store = Account(SILENCE), HangingUnlock()
    (first,) = fleet(account, store, 1)

    async with anyio.create_task_group() as group:
        group.start_soon(at_once, first.send)
        await anyio.sleep(0.1)
        began = now()
        await first.tokens.aclose()
        group.cancel_scope.cancel()

    assert now() - began <= 0.25 + LITTLE


async def test_who_holds_the_lock_does_not_wait_for_himself():
    """A token that is refused while it is being saved is replaced at once."""
    account, store = Account(), SlowSave()
    (first,) = fleet(account, store, 1)

    async with anyio.create_task_group() as group:
        group.start_soon(first.tokens.get)
        await turns()
        refused = await first.tokens.get()
        began = now()
        replaced = await first.tokens.replace(refused)
        took = now() - began
    await anyio.sleep(SOON)

    assert replaced.text == SECOND
    assert took <= 0.4 + LITTLE  # on trio he saves it himself, after the other one
    assert (await store.load(CREDENTIALS.account)).text == SECOND


def test_a_store_may_do_without():
    """The lock is an optional verb."""
    assert isinstance(Store(), LockingTokenStore)
    assert not isinstance(MemoryTokenStore(), LockingTokenStore)
