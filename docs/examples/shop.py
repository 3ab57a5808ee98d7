from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from sendpulse_async import AuthorizedEventSender, Event, EventSender


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with AuthorizedEventSender.from_env() as sender:  # SENDPULSE_CLIENT_ID and SENDPULSE_CLIENT_SECRET
        app.state.sender = sender
        yield


app = FastAPI(lifespan=lifespan)


def event_sender(request: Request) -> EventSender:
    return request.app.state.sender


@app.post("/orders/{number}")
async def order(number: int, email: str, sender: Annotated[EventSender, Depends(event_sender)]) -> dict[str, int]:
    await sender.send_event(Event(email=email, event_name="purchase", variables={"order": number}))
    return {"ordered": number}
