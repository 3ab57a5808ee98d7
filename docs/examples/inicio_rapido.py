import asyncio

from sendpulse_async import Event, NotSentError, RawEventSender, RejectedError, UnknownDeliveryError


async def main() -> None:
    evento = Event(email="ana@example.com", variables={"produto": "Caneca", "preco": 49.9})
    async with RawEventSender.from_env() as sender:  # lê SENDPULSE_EVENT_URL
        try:
            recibo = await sender.send_event(evento, deadline=10)  # segundos, para a chamada inteira
        except NotSentError as erro:
            print(f"não enviado, pode ser enviado de novo: {erro}")
        except UnknownDeliveryError as erro:
            print(f"desconhecido, o SendPulse pode ter recebido: {erro}")
        except RejectedError as erro:
            print(f"recusado, não adianta repetir: {erro}")
        else:
            print(f"aceito em {recibo.attempts} tentativa(s)")


asyncio.run(main())
