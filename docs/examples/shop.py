from fastapi import FastAPI

from sendpulse_async import AuthorizedEventSender, Event
from sendpulse_async.integrations.fastapi import SenderDep, SendPulse

app = FastAPI(lifespan=SendPulse(AuthorizedEventSender.from_env))  # SENDPULSE_CLIENT_ID and SENDPULSE_CLIENT_SECRET


@app.post("/orders/{number}")
async def order(number: int, email: str, sender: SenderDep) -> dict[str, int]:
    await sender.send_event(Event(email=email, event_name="purchase", variables={"order": number}))
    return {"ordered": number}
