from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI

from sendpulse_async import AuthorizedEventSender, Event, EventSender, RawEventSender
from sendpulse_async.integrations.fastapi import SenderDep, SendPulse

orders = SendPulse(RawEventSender.from_env)  # SENDPULSE_EVENT_URL
newsletter = SendPulse(AuthorizedEventSender.from_env, name="newsletter")  # SENDPULSE_CLIENT_ID and _SECRET
Newsletter = Annotated[EventSender, Depends(newsletter.get_sender)]


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with orders(app) as state, newsletter(app) as more, httpx.AsyncClient() as client:
        yield {**state, **more, "client": client}  # what is yours stands beside it, in request.state


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}")
async def order(number: int, email: str, sender: SenderDep) -> dict[str, int]:
    await sender.send_event({"email": email, "order": number})
    return {"ordered": number}


@app.post("/newsletter")
async def subscribe(email: str, sender: Newsletter) -> dict[str, str]:
    await sender.send_event(Event(email=email, event_name="subscribed"))
    return {"subscribed": email}
