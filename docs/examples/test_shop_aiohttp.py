import pytest
from aiohttp.test_utils import TestClient, TestServer
from shop_aiohttp import make_app

from sendpulse_async.integrations.aiohttp import SENDER
from sendpulse_async.testing import Recorder, Sandbox


@pytest.mark.sendpulse_recorder(is_raw=True)  # it stands for a RawEventSender
@pytest.mark.asyncio
async def test_a_checkout_sends_its_event(sendpulse_recorder: Recorder) -> None:
    app = make_app()
    app[SENDER] = sendpulse_recorder

    async with TestClient(TestServer(app)) as shop:
        answer = await shop.post("/checkout/5", params={"email": "ana@example.com"})

        assert await answer.json() == {"ordered": 5}
    sendpulse_recorder.assert_sent(email="ana@example.com", variables={"order": 5}, times=1)


@pytest.mark.asyncio
async def test_the_whole_way(sendpulse_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sendpulse_sandbox.environment().items():
        monkeypatch.setenv(name, value)

    async with TestClient(TestServer(make_app())) as shop:
        await shop.post("/checkout/5", params={"email": "ana@example.com"})

    sendpulse_sandbox.assert_sent(email="ana@example.com", variables={"order": 5}, times=1)
