"""One contract for all token stores, on the servers that they need."""

from __future__ import annotations

import time

import anyio
import pytest

from sendpulse_async import ClientCredentials, Token, TokenStore

from .places import LOCAL, SHARED

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

ACCOUNT = ClientCredentials("id", "secret").account
OTHER = ClientCredentials("id", "other").account


@pytest.fixture(params=[*LOCAL, *SHARED], ids=str)
def place(request):
    return request.param


@pytest.fixture
def anyio_backend(place):
    return place.backend


@pytest.fixture
async def store(place, request, tmp_path):
    async with place.open(request, tmp_path) as store:
        yield store


@pytest.fixture
def token():
    return Token("eyJ0eXAi.abc-_~", time.time() + 1800)


async def test_what_was_saved_is_loaded(store, token):
    """A token comes back with its text; a store may forget its expiry, and never invents one."""
    await store.save(ACCOUNT, token)

    loaded = await store.load(ACCOUNT)

    assert loaded.text == token.text
    assert loaded.expires_at is None or loaded.expires_at == pytest.approx(token.expires_at, abs=1)


async def test_an_empty_store_has_no_token(store):
    """What was never saved is None, without an error."""
    assert await store.load(ACCOUNT) is None


async def test_the_latest_token_is_kept(store):
    """A save takes the place of any earlier one."""
    for number in range(5):
        await store.save(ACCOUNT, Token(f"token-{number}"))

    assert (await store.load(ACCOUNT)).text == "token-4"


async def test_accounts_are_kept_apart(store, token):
    """A token is found under its own account alone."""
    await store.save(ACCOUNT, token)
    await store.save(OTHER, Token("other"))

    assert (await store.load(ACCOUNT)).text == token.text
    assert (await store.load(OTHER)).text == "other"


async def test_saves_at_once_leave_one_whole_token(store):
    """However many save and load together, what is loaded is always a token that somebody saved."""
    saved = {f"{number:03}" * 500 for number in range(30)}
    seen = set()

    async def save_and_load(text):
        await store.save(ACCOUNT, Token(text))
        seen.add((await store.load(ACCOUNT)).text)

    async with anyio.create_task_group() as group:
        for text in saved:
            group.start_soon(save_and_load, text)

    assert seen <= saved
    assert (await store.load(ACCOUNT)).text in saved


async def test_a_store_is_a_token_store(store):
    """All follow the protocol that a sender asks for."""
    assert isinstance(store, TokenStore)


async def test_a_store_shows_nothing_of_what_it_keeps(store, token):
    """Neither the token nor the account's key, which is made of the secret, is in its repr."""
    await store.save(ACCOUNT, token)
    await store.load(ACCOUNT)

    assert token.text not in repr(store)
    assert ACCOUNT not in repr(store)
