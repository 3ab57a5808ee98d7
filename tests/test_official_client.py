"""SendPulse's own Python client as a witness: it and this library live on one account, and on one token."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomcache
import memcache
import pytest
import pytest_asyncio
import servers
from pysendpulse.pysendpulse import PySendPulse

from sendpulse_async import AuthorizedEventSender, ClientCredentials, FileTokenStore
from sendpulse_async.sandbox import Sandbox
from sendpulse_async.stores.memcached import MemcachedTokenStore


@pytest.fixture
def talkative() -> tuple[str, ...]:
    """The official client logs payloads and tokens."""
    return ("pysendpulse", "urllib3")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that the official client takes for SendPulse."""
    with Sandbox() as sandbox:
        monkeypatch.setattr(PySendPulse, "_PySendPulse__api_url", sandbox.origin)
        yield sandbox


def official(sandbox: Sandbox, folder: Path) -> PySendPulse:
    """The official client with its token in a file."""
    return PySendPulse(sandbox.client_id, sandbox.client_secret, "FILE", f"{folder}/")


def test_the_official_client_sends_to_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    """An event of pysendpulse lands in the ledger as one of ours would."""
    answer = official(sandbox, tmp_path).send_event("registration", {"email": "a@example.com", "var_1": "x"})

    (entry,) = sandbox.events
    assert answer == {"result": True}
    assert (entry.event, entry.payload) == ("registration", {"email": "a@example.com", "var_1": "x"})


@pytest.mark.asyncio
async def test_a_token_that_the_official_client_left_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    """`FileTokenStore` finds pysendpulse's token, so no second one is asked for."""
    official(sandbox, tmp_path)
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)

    async with AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=FileTokenStore(tmp_path)) as sender:
        await sender.send_event({"email": "a@example.com"}, event_name="registration")

    assert sandbox.token_requests == 1
    assert len(sandbox.events) == 1


@pytest.mark.asyncio
async def test_a_token_that_we_left_is_where_the_official_client_looks(sandbox: Sandbox, tmp_path: Path) -> None:
    """Our token stands bare in the file that pysendpulse reads; what it then makes of it is its own bug."""
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    async with AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=FileTokenStore(tmp_path)) as sender:
        await sender.send_event({"email": "a@example.com"}, event_name="registration")
    key = hashlib.md5(f"{sandbox.client_id}::{sandbox.client_secret}".encode()).hexdigest()
    ours = (tmp_path / key).read_text()

    official(sandbox, tmp_path).send_event("registration", {"email": "b@example.com"})

    assert ours.isascii()
    assert not ours.startswith("b'")
    assert [entry.email for entry in sandbox.events] == ["a@example.com", "b@example.com"]
    assert sandbox.token_requests == 2  # pysendpulse sent `Bearer b'…'`, was refused, and fetched anew


# memcached


@pytest.fixture
def official_on_memcached(
    own_memcached: servers.Memcached, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], PySendPulse]]:
    """Make the official client with its token in memcached; it opens connections that it never closes."""
    opened: list[memcache.Client] = []

    class Closed(memcache.Client):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr(memcache, "Client", Closed)
    address = f"127.0.0.1:{own_memcached.port}"
    yield lambda: PySendPulse(sandbox.client_id, sandbox.client_secret, "MEMCACHED", memcached_host=address)
    for client in opened:
        client.disconnect_all()


@pytest_asyncio.fixture
async def ours(own_memcached: servers.Memcached, sandbox: Sandbox) -> AsyncIterator[AuthorizedEventSender]:
    """A sender of ours on the same memcached."""
    client = aiomcache.Client("127.0.0.1", own_memcached.port)
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    store = MemcachedTokenStore(client)
    async with AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=store) as sender:
        yield sender
    await client.close()


@pytest.mark.asyncio
async def test_the_official_clients_token_in_memcached_is_used(
    official_on_memcached: Callable[[], PySendPulse], sandbox: Sandbox, ours: AuthorizedEventSender
) -> None:
    """pysendpulse fetched one: our sender makes no token request."""
    official_on_memcached().send_event("registration", {"email": "a@example.com"})

    await ours.send_event({"email": "b@example.com"}, event_name="registration")

    assert sandbox.token_requests == 1
    assert [entry.email for entry in sandbox.events] == ["a@example.com", "b@example.com"]
    assert sandbox.refused == ()


@pytest.mark.asyncio
async def test_the_official_client_uses_our_token_in_memcached(
    official_on_memcached: Callable[[], PySendPulse], sandbox: Sandbox, ours: AuthorizedEventSender
) -> None:
    """Our sender fetched one: pysendpulse makes no token request, neither when it is made nor when it sends."""
    await ours.send_event({"email": "a@example.com"}, event_name="registration")
    await ours.aclose()  # the token is saved

    official_on_memcached().send_event("registration", {"email": "b@example.com"})

    assert sandbox.token_requests == 1
    assert [entry.email for entry in sandbox.events] == ["a@example.com", "b@example.com"]
    assert sandbox.refused == ()


@pytest.mark.asyncio
async def test_tokens_in_memcached_are_swapped_in_turn(
    official_on_memcached: Callable[[], PySendPulse], sandbox: Sandbox, ours: AuthorizedEventSender
) -> None:
    """Whoever meets the refusal of a token first fetches another one, for both."""
    theirs = official_on_memcached()
    await ours.send_event({"email": "a@example.com"}, event_name="registration")
    sandbox.revoke_tokens()

    theirs.send_event("registration", {"email": "b@example.com"})
    await ours.send_event({"email": "c@example.com"}, event_name="registration")

    assert sandbox.token_requests == 2
    assert [entry.email for entry in sandbox.events] == ["a@example.com", "b@example.com", "c@example.com"]
