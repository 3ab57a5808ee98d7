import asyncio

from sendpulse_async import BodyFormat, RawEventSender, SendPulseError


async def main() -> None:
    event = {"email": "ana@example.com", "total": 12.5, "is_paid": True}
    async with RawEventSender.from_env(body_format=BodyFormat.URLENCODED) as sender:  # SENDPULSE_EVENT_URL
        try:
            await sender.send_event(event, deadline=15)
        except SendPulseError as error:
            print("failed:", error)


asyncio.run(main())
