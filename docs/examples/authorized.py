import asyncio

from sendpulse_async import AuthorizedEventSender, Event


async def main() -> None:
    async with AuthorizedEventSender.from_env() as sender:  # SENDPULSE_CLIENT_ID and SENDPULSE_CLIENT_SECRET
        await sender.send_event(Event(email="ana@example.com", variables={"plan": "pro"}), event_name="registered")


asyncio.run(main())
