import httpx
import pytest
from shop import app

from sendpulse_async.integrations.fastapi import get_sender
from sendpulse_async.testing import Recorder, Sandbox


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


@pytest.mark.asyncio
async def test_an_order_sends_its_event(sendpulse_recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.dependency_overrides, get_sender, lambda: sendpulse_recorder)

    async with client() as shop:
        answer = await shop.post("/orders/5", params={"email": "ana@example.com"})

    assert answer.json() == {"ordered": 5}
    sendpulse_recorder.assert_sent("purchase", email="ana@example.com", variables={"order": 5}, times=1)


@pytest.mark.asyncio
async def test_the_whole_way(sendpulse_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sendpulse_sandbox.environment().items():
        monkeypatch.setenv(name, value)

    async with app.router.lifespan_context(app), client() as shop:  # what the server does when it starts
        await shop.post("/orders/5", params={"email": "ana@example.com"})

    (entry,) = sendpulse_sandbox.assert_sent("purchase", email="ana@example.com")
    assert entry.payload == {"email": "ana@example.com", "order": 5}
    assert sendpulse_sandbox.token_requests == 1
