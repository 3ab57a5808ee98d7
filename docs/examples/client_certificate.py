import asyncio
import os
import ssl

from sendpulse_async import HttpxTransport, RawEventSender


async def main() -> None:
    tls = ssl.create_default_context(cafile=os.environ["COMPANY_CA"])
    tls.load_cert_chain(os.environ["CLIENT_CERTIFICATE"])  # the key and the certificate, in one file
    gateway = {os.environ["EVENT_GATEWAY"]}  # such as events.shop.internal
    async with (
        HttpxTransport(ssl_context=tls) as transport,
        RawEventSender.from_env(transport=transport, allowed_hosts=gateway) as sender,
    ):
        await sender.send_event({"email": "ana@example.com"})


asyncio.run(main())
