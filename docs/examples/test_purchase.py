import pytest

from sendpulse_async import Event, EventSender
from sendpulse_async.testing import Recorder


async def buy(sender: EventSender, email: str, total: float) -> None:  # your code, which is given its sender
    await sender.send_event(Event(email=email, event_name="purchase", variables={"total": total}))


@pytest.mark.asyncio
async def test_a_purchase_sends_its_event(sendpulse_recorder: Recorder) -> None:
    await buy(sendpulse_recorder, "ana@example.com", 12.5)

    sendpulse_recorder.assert_sent("purchase", email="ana@example.com", variables={"total": 12.5}, times=1)
