import asyncio

from sendpulse_async import Journal, RawEventSender, send_many


async def main() -> None:
    clientes = ({"email": f"cliente{n}@example.com", "pedido": n} for n in range(100))
    async with RawEventSender.from_env() as sender:
        relatorio = await send_many(sender, clientes, journal=Journal("pedidos.journal"))
    print(relatorio.summary())


asyncio.run(main())
