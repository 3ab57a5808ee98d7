import httpx
import pytest
from shop_fastapi_outbox import app

from sendpulse_async import Outbox
from sendpulse_async.integrations.fastapi import get_outbox
from sendpulse_async.testing import Recorder


@pytest.mark.sendpulse_recorder(is_raw=True)  # it stands for a RawEventSender
@pytest.mark.asyncio
async def test_a_checkout_puts_its_event(sendpulse_recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
    async with Outbox.in_memory(sendpulse_recorder) as outbox, shop:
        monkeypatch.setitem(app.dependency_overrides, get_outbox, lambda: outbox)
        answer = await shop.post("/checkout/5", params={"email": "ana@example.com"})

        assert answer.json() == {"ordered": 5}
        await sendpulse_recorder.wait_sent(email="ana@example.com", variables={"order": 5}, times=1)
