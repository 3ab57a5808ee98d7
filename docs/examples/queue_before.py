from fastapi import FastAPI

from sendpulse_async import Event, RawEventSender
from sendpulse_async.integrations.fastapi import SenderDep, SendPulse

app = FastAPI(lifespan=SendPulse(RawEventSender.from_env))  # SENDPULSE_EVENT_URL


@app.post("/orders/{number}")
async def order(number: int, email: str, sender: SenderDep) -> dict[str, int]:
    await sender.send_event(Event(email=email, variables={"order": number}))
    return {"ordered": number}
