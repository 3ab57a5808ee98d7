import asyncio
import os
import ssl

import httpx

from sendpulse_async import AuthorizedEventSender, HttpxTransport


async def main() -> None:
    tls = ssl.create_default_context()
    tls.load_verify_locations(os.environ["COMPANY_CA"])  # a file of certificates, in PEM
    proxy = httpx.Proxy(os.environ["PROXY_URL"], auth=("shop", os.environ["PROXY_PASSWORD"]))
    async with (
        httpx.AsyncClient(proxy=proxy, verify=tls, trust_env=False) as client,
        AuthorizedEventSender.from_env(transport=HttpxTransport(client)) as sender,
    ):
        await sender.send_event({"email": "ana@example.com"}, event_name="registered")


asyncio.run(main())
