import asyncio

from sendpulse_async import RawEventSender
from sendpulse_async.sandbox import Sandbox


async def test_the_event_arrives() -> None:
    async with Sandbox() as sandbox, RawEventSender(sandbox.event_url) as sender:
        await sender.send_event({"email": "ana@example.com"})
    assert sandbox.events[0].payload == {"email": "ana@example.com"}


asyncio.run(test_the_event_arrives())
