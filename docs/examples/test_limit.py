import pytest

from sendpulse_async import RawEventSender
from sendpulse_async.testing import Fault, Sandbox


@pytest.mark.asyncio
async def test_a_full_quota_is_waited_for(sendpulse_sandbox: Sandbox) -> None:
    sendpulse_sandbox.add_fault(Fault(status=429, retry_after=0.1))

    async with RawEventSender(sendpulse_sandbox.event_url) as sender:
        receipt = await sender.send_event({"email": "ana@example.com"})

    assert receipt.attempts == 2
    sendpulse_sandbox.assert_sent(email="ana@example.com", times=1)
