"""Many callers of one account over real sockets: one token, however many need it."""

from __future__ import annotations

import anyio
import pytest

from sendpulse_async import AuthorizedEventSender, ClientCredentials, MemoryTokenStore
from sendpulse_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops that the senders run on."""
    return request.param


async def send_at_once(sender: AuthorizedEventSender, count: int) -> None:
    """Send `count` events concurrently."""
    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(sender.send_event, {"email": f"a{number}@example.com"})


async def test_a_hundred_first_calls_make_one_token_request_and_a_revocation_one_more() -> None:
    """A hundred callers who find no token, and later a revoked one, each time make one request together."""
    with Sandbox() as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AuthorizedEventSender(auth, base_url=sandbox.origin, event_name="order") as sender:
            await send_at_once(sender, 100)
            first = sandbox.token_requests
            sandbox.revoke_tokens()
            await send_at_once(sender, 100)
            second = sandbox.token_requests

    assert (first, second) == (1, 2)
    assert len({entry.email for entry in sandbox.events}) == 100
    assert len(sandbox.events) == 200


async def test_two_senders_with_one_store_share_one_token() -> None:
    """A sender that finds a token in the store asks for none."""
    store = MemoryTokenStore()
    with Sandbox() as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        for _ in range(2):
            async with AuthorizedEventSender(
                auth, base_url=sandbox.origin, event_name="order", token_store=store
            ) as sender:
                await sender.send_event({"email": "a@example.com"})

    assert sandbox.token_requests == 1
    assert len(sandbox.events) == 2
