import asyncio

from sendpulse_async import AuthorizedEventSender, FileTokenStore


async def main() -> None:
    store = FileTokenStore("tokens")  # a folder that all of them can write, and nobody else
    async with AuthorizedEventSender.from_env(event_name="bought", token_store=store) as sender:
        await sender.send_event({"email": "ana@example.com"})


asyncio.run(main())
