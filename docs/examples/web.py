from fastapi import FastAPI

from sendpulse_async import Event, RawEventSender
from sendpulse_async.integrations.fastapi import OutboxDep, SendPulse

app = FastAPI(lifespan=SendPulse(RawEventSender.from_env, outbox="events.db"))  # SENDPULSE_EVENT_URL


@app.post("/orders/{number}")
async def order(number: int, email: str, outbox: OutboxDep) -> dict[str, int]:
    await outbox.put(Event(email=email, variables={"order": number}))  # on disk when it returns
    return {"ordered": number}
