import asyncio

import httpx

from sendpulse_async import HttpxTransport, RawEventSender


async def main() -> None:
    async with (
        httpx.AsyncClient() as client,  # reads HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE
        RawEventSender.from_env(transport=HttpxTransport(client)) as sender,
    ):
        await sender.send_event({"email": "ana@example.com"})


asyncio.run(main())
